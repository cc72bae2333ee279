#!/usr/bin/python3
"""The man pages: clean mdoc, and examples that compile as they stand."""

import re
import shutil
import subprocess
import sys

from lint import TOP, Report, files, text_of

EXAMPLES = re.compile(r"^\.Sh EXAMPLES\n(.*?)^\.Sh ", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^\.Bd -literal\n(.*?)^\.Ed$", re.MULTILINE | re.DOTALL)
# Says more of the machine than of the page: which other pages it has.
MACHINE = re.compile(r"referenced manual not found|mandoc\.db")
COMPILE = ("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only")


def complaints(page):
    """What mandoc says of a page."""
    answer = subprocess.run(
        ["mandoc", "-T", "lint", page],
        cwd=TOP,
        check=False,
        capture_output=True,
        text=True,
    )
    lines = (answer.stdout + answer.stderr).splitlines()
    return [line for line in lines if not MACHINE.search(line)]


def examples(page):
    """The blocks of a page that are C."""
    section = EXAMPLES.search(text_of(page))
    for block in BLOCK.findall(section[1]) if section else ():
        yield block.replace("\\e", "\\")


def compiles(source):
    """What the compiler says, with no other headers than the public ones."""
    answer = subprocess.run(
        [*COMPILE, "-Iinclude", "-xc", "-"],
        cwd=TOP,
        check=False,
        input=source,
        capture_output=True,
        text=True,
    )
    return [answer.stderr] if answer.returncode else []


def main():
    """See the module's text."""
    report = Report()
    pages = list(files(("include/man", "bindings/cli"), (".1", ".3", ".7")))
    if shutil.which("mandoc"):
        said = [line for page in pages for line in complaints(page)]
        report.step("mandoc has nothing to say", said, len(pages))
    else:
        report.skip("mandoc has nothing to say", "no mandoc here")
    blocks = [(page, block) for page in pages for block in examples(page)]
    said = [f"{page}: {text}" for page, block in blocks for text in compiles(block)]
    report.step("the examples compile", said, len(blocks))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
