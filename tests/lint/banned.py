#!/usr/bin/python3
"""Functions that are not called here, and why; leftovers; machine's paths."""

import re
import sys

from lint import SHIPPED_FOLDERS, Report, c_files, code_of, files, line_of, text_of

LIBRARY = ("include", "lib", "cache", "poller")

# Reason, folders in which the ban holds, names.
BANS = (
    (
        "write without a bound",
        None,
        "strcpy strncpy strcat strncat stpcpy stpncpy sprintf vsprintf gets"
        " alloca wcscpy wcscat",
    ),
    (
        "read numbers without telling an error",
        None,
        "atoi atol atoll atof scanf fscanf sscanf vsscanf",
    ),
    (
        "read numbers with a sign, spaces and a prefix that nobody asked for",
        SHIPPED_FOLDERS,
        "strtol strtoll strtoul strtoull strtoimax strtoumax",
    ),
    (
        "keep state that threads share",
        SHIPPED_FOLDERS,
        "strtok gmtime localtime asctime ctime getpwnam getpwuid rand srand"
        " gethostbyname tmpnam tempnam mktemp setjmp longjmp pthread_atfork",
    ),
    ("run a shell", SHIPPED_FOLDERS, "system popen"),
    (
        "print, end the process, or touch what is the program's own",
        LIBRARY,
        "printf vprintf fprintf vfprintf dprintf puts fputs putchar perror"
        " syslog exit _exit abort assert signal sigaction setenv putenv"
        " unsetenv getenv secure_getenv setlocale atexit on_exit dlclose",
    ),
)

# "path": {"function": "reason"}
EXCEPTIONS = {}

# One letter in brackets, or this file would find itself.
LEFTOVERS = re.compile(
    r"\b(TOD[O]|FIXM[E]|XX[X]|HAC[K]|not implement[e]d|unimplement[e]d)\b"
)
# Paths of one machine, and names under /tmp that anyone could take first.
MACHINE_PATHS = re.compile(
    r"(?<![\w.$}])/(?:hom[e]|roo[t]|wor[k]|User[s]|mn[t])/[\w.]"
    r"|(?<![\w.$}])/tm[p]/(?![\w./-]*XXXXXX)\w"
)
BANNER = re.compile(r"^\s*(?:/\*|#|//)?\s*[-=*#_/]{8,}\s*(?:\*/)?$", re.MULTILINE)
TEXT_SUFFIXES = (
    ".c .h .py .sh .md .build .txt .map .json .patch .toml .cfg .yml .1 .3 .7".split()
)


def calls(path, names):
    """Each call of one of the names, as "path:line: name"."""
    code = code_of(path)
    pattern = rf"(?<![\w.>])({'|'.join(names)})\s*\("
    for match in re.finditer(pattern, code):
        if match[1] in EXCEPTIONS.get(str(path), {}):
            continue
        # __attribute__((format(printf, 1, 2))) is no call and has no "(" after.
        yield f"{path}:{line_of(code, match.start())}: {match[1]}"


def matches(paths, pattern):
    """Each match of a pattern, as "path:line: text"."""
    for path in paths:
        text = text_of(path)
        for match in pattern.finditer(text):
            yield f"{path}:{line_of(text, match.start())}: {match[0].strip()}"


def untidy(path):
    """White space at a line's end, no newline at the end, a carriage return."""
    text = text_of(path)
    if text and not text.endswith("\n"):
        yield f"{path}: no newline at the end"
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield f"{path}:{number}: white space at the end"


def main():
    """See the module's text."""
    report = Report()
    for reason, folders, names in BANS:
        looked_at = list(c_files(folders) if folders else c_files())
        report.step(
            f"no call of functions that {reason}",
            [hit for path in looked_at for hit in calls(path, names.split())],
            len(looked_at),
        )
    report.step(
        "every exception still has its call",
        [
            f"{path}: {name}"
            for path, names in EXCEPTIONS.items()
            for name in names
            if not re.search(rf"\b{name}\s*\(", code_of(path))
        ],
    )
    texts = [
        path
        for path in files()
        if path.suffix in TEXT_SUFFIXES or path.parts[0] == ".ci"
    ]
    report.step("no leftovers", matches(texts, LEFTOVERS), len(texts))
    report.step("no path of one machine", matches(texts, MACHINE_PATHS), len(texts))
    code = [path for path in texts if path.suffix in (".c", ".h", ".py", ".sh")]
    report.step("no banners", matches(code, BANNER), len(code))
    report.step(
        "lines end in a newline and nothing else",
        [hit for path in texts if path.suffix != ".patch" for hit in untidy(path)],
        len(texts),
    )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
