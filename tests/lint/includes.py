#!/usr/bin/python3
"""Who may include whom (DESIGN section 2), read off the #include lines."""

import re
import sys
from fnmatch import fnmatch
from pathlib import Path

from lint import TOP, Report, c_files, line_of, text_of

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"]+)[>\"]", re.MULTILINE)

# Left never includes right; parts of one number do not see each other.
ORDER = {
    "base": 0,
    "evidence": 1,
    "policy": 2,
    "binding": 2,
    "enclave": 3,
    "appraisal": 4,
    "cache": 5,
    "tls": 6,
    "fetch": 7,
    "poller": 8,
    "client": 9,
}
OUTSIDE_LIB = ("cache", "poller")

# The whole list of those that see each foreign library.
FOREIGN = {
    "OpenSSL": (
        "openssl/*",
        (
            "lib/evidence/*",
            "lib/binding/*",
            "lib/appraisal/base64.c",
            "lib/appraisal/carried.c",
            "lib/appraisal/nonce.c",
            "lib/policy/policy.c",
            "lib/tls/*",
            "lib/client/*",
            "include/enclave_client_openssl.h",
        ),
    ),
    "libcbor": ("cbor*", ("lib/evidence/*",)),
    "cJSON": (
        "cjson/*",
        (
            "lib/policy/*",
            "lib/enclave/*",
            "lib/appraisal/*",
            "lib/client/*",
            "bindings/cli/*",
        ),
    ),
    "libcurl": (
        "curl/*",
        (
            "lib/enclave/origin.c",
            "lib/tls/*",
            "lib/fetch/*",
            "poller/*",
            "lib/client/*",
            "bindings/cli/*",
            "include/enclave_client_curl.h",
        ),
    ),
}

PUBLIC = re.compile(r"enclave_client(_curl|_openssl)?\.h")
# C11's own, and what POSIX or Linux adds.
LIBC = re.compile(
    r"(arpa|net|netinet|sys|linux)/[a-z_0-9]+\.h"
    r"|(assert|ctype|dirent|dlfcn|errno|fcntl|getopt|inttypes|libgen|limits"
    r"|locale|netdb|poll|pthread|sched|signal|spawn|stdalign|stdarg|stdatomic"
    r"|stdbool|stddef|stdint|stdio|stdlib|string|strings|termios|time|unistd"
    r"|wchar)\.h"
)


class Include:
    """One #include line."""

    def __init__(self, path, line, angled, target):
        self.path = path
        self.line = line
        self.angled = angled
        self.target = target

    def __str__(self):
        brackets = "<>" if self.angled else '""'
        target = f"{brackets[0]}{self.target}{brackets[1]}"
        return f"{self.path}:{self.line}: {target}"

    def part(self):
        """The part of the library in which the including file lies."""
        pieces = self.path.parts
        if pieces[0] in OUTSIDE_LIB:
            return pieces[0]
        return pieces[1] if pieces[0] == "lib" and len(pieces) > 2 else None

    def target_part(self):
        """The part whose file it names."""
        return self.target.split("/")[0] if "/" in self.target else None

    def under(self, *folders):
        """Does the including file lie under one of the folders?"""
        return any(self.path.is_relative_to(folder) for folder in folders)


def read_includes():
    """Every #include line of the project."""
    includes = []
    for path in c_files():
        text = text_of(path)
        for match in INCLUDE.finditer(text):
            includes.append(
                Include(
                    path,
                    line_of(text, match.start()),
                    match[1] == "<",
                    match[2],
                )
            )
    return includes


def breaks_order(include):
    """A part that names one to its right, or a twin."""
    own, other = include.part(), include.target_part()
    if own == other:
        return False
    return other not in ORDER or ORDER[other] >= ORDER[own]


def is_foreign(include):
    """One of the four libraries, or something nobody has listed?"""
    return not (PUBLIC.fullmatch(include.target) or LIBC.fullmatch(include.target))


def names_the_library(include):
    """A header of ours, public or internal."""
    return bool(
        PUBLIC.fullmatch(include.target)
        or (not include.angled and include.target_part() in ORDER)
    )


def is_local(include):
    """A quoted name of a file that lies beside the including one."""
    beside = TOP / include.path.parent / include.target
    return "/" not in include.target and beside.is_file()


def order_steps(report, includes):
    """The total order of the parts."""
    parts = [i for i in includes if i.part()]
    report.step(
        "every folder of lib has its place in the order",
        {f"lib/{i.part()}" for i in parts if i.part() not in ORDER},
        len(parts),
    )
    quoted = [i for i in parts if not i.angled and i.part() in ORDER]
    report.step(
        "no part includes one to its right",
        filter(breaks_order, quoted),
        len(quoted),
    )
    report.step(
        "the library's files are named by part and file",
        [
            i
            for i in quoted
            if "/" not in i.target or ".." in Path(i.target).parts
        ],
        len(quoted),
    )
    report.step(
        "nobody includes a source file",
        [i for i in includes if i.target.endswith(".c")],
        len(includes),
    )


def foreign_steps(report, includes):
    """Who sees the four libraries."""
    shipped = [i for i in includes if i.part() or i.under("include", "bindings")]
    for name, (headers, allowed) in FOREIGN.items():
        users = [i for i in shipped if i.angled and fnmatch(i.target, headers)]
        report.step(
            f"{name} is seen only by those who may",
            [
                i
                for i in users
                if not any(fnmatch(str(i.path), place) for place in allowed)
            ],
            len(users),
        )
    base = [i for i in includes if i.part() == "base"]
    report.step(
        "base sees libc alone",
        [i for i in base if i.angled and is_foreign(i)],
        len(base),
    )
    known = [headers for headers, _ in FOREIGN.values()]
    report.step(
        "nothing that ships sees a fifth library",
        [
            i
            for i in shipped
            if i.angled
            and is_foreign(i)
            and not any(fnmatch(i.target, headers) for headers in known)
        ],
        len(shipped),
    )
    main_header = [i for i in includes if i.path.name == "enclave_client.h"]
    report.step(
        "enclave_client.h holds no foreign types",
        filter(is_foreign, main_header),
        len(main_header),
    )


def outside_steps(report, includes):
    """Those who know the library from outside."""
    for folder in ("bindings", "examples", "tests/cli"):
        users = [i for i in includes if i.under(folder)]
        if not users:
            continue
        report.step(
            f"{folder} sees only the public headers",
            [
                i
                for i in users
                if not i.angled
                and not is_local(i)
                and not i.target.startswith("local_enclave/")
            ],
            len(users),
        )
    local = [i for i in includes if i.under("tests/local_enclave")]
    report.step(
        "tests/local_enclave shares nothing with the library",
        filter(names_the_library, local),
        len(local),
    )


def main():
    """See the module's text."""
    report = Report()
    includes = read_includes()
    order_steps(report, includes)
    foreign_steps(report, includes)
    outside_steps(report, includes)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
