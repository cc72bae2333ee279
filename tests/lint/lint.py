"""What the lint scripts share: the files, their code without comments, TAP."""

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]

# Never looked into: made by tools, or not ours.
PRUNED = re.compile(r"build(-.*)?|\.git|\.cache|__pycache__|\.pytest_cache|.*\.egg-info")

C_FOLDERS = ("include", "lib", "cache", "poller", "bindings", "tests", "examples")
SHIPPED_FOLDERS = ("include", "lib", "cache", "poller", "bindings")

COMMENT_OR_STRING = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL
)


def walk(folder):
    """Every file under a folder, in a fixed order."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or PRUNED.fullmatch(path.name):
            continue
        if path.is_dir():
            yield from walk(path)
        elif path.is_file():
            yield path


def files(folders=(".",), suffixes=()):
    """Paths relative to the top, of the given folders and suffixes."""
    for folder in folders:
        if not (TOP / folder).is_dir():
            continue
        for path in walk(TOP / folder):
            if not suffixes or path.suffix in suffixes:
                yield path.relative_to(TOP)


def c_files(folders=C_FOLDERS):
    """C sources and headers."""
    return files(folders, (".c", ".h"))


def text_of(path):
    """A file's text; bytes that are no UTF-8 show as U+FFFD."""
    return (TOP / path).read_text(encoding="utf-8", errors="replace")


def blanked(match):
    """As many lines as there were, and nothing in them."""
    text = match.group(0)
    if text[0] == '"':
        return '""'
    return " " + "\n" * text.count("\n")


def code_of(path):
    """A C file without comments and without what stands in quotes."""
    return COMMENT_OR_STRING.sub(blanked, text_of(path))


def line_of(text, position):
    """The number of the line in which a match stands."""
    return text.count("\n", 0, position) + 1


class Report:
    """Named steps in TAP. A step that looked at nothing fails."""

    def __init__(self):
        self.steps = 0
        self.failed = 0

    def step(self, name, violations, looked_at=1):
        """ok when there is no violation among at least one thing looked at."""
        self.steps += 1
        violations = list(violations)
        if not looked_at:
            violations.append("nothing was looked at")
        if violations:
            self.failed += 1
        print(f"{'not ok' if violations else 'ok'} {self.steps} - {name}")
        for violation in violations:
            for line in str(violation).splitlines():
                print(f"#   {line}")

    def skip(self, name, reason):
        """A step that cannot run here."""
        self.steps += 1
        print(f"ok {self.steps} - {name} # SKIP {reason}")

    def end(self):
        """Prints the plan; the exit status of the script."""
        print(f"1..{self.steps}")
        sys.stdout.flush()
        return 1 if self.failed or not self.steps else 0
