#!/usr/bin/python3
"""The man pages: clean mdoc, JSON that can be copied, examples that compile as
they stand, and what a reader must find at the place where he looks for it."""

import json
import re
import shutil
import subprocess
import sys

from lint import TOP, Report, files, text_of

EXAMPLES = re.compile(r"^\.Sh EXAMPLES\n(.*?)^\.Sh ", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^\.Bd -literal\n(.*?)^\.Ed$", re.MULTILINE | re.DOTALL)
# Says more of the machine than of the page: which other pages it has.
MACHINE = re.compile(r"referenced manual not found|mandoc\.db")
ATTACH = "include/man/enclave_client_attach.3"
# What libcurl's own calls mean comes first: who misses it sends unattested.
ATTACH_BEGINS_WITH = ("curl_easy_reset", "curl_easy_duphandle", "shares", "proxies")
FIRST_PART = re.compile(r"^\.Sh DESCRIPTION\n(\.Ss .*?)^\.S[sh] ", re.M | re.DOTALL)
POLICY = "include/man/enclave_client_policy.3"
ROW = re.compile(r"^\.It Li (\w+) Ta \w+ Ta ([\d,]+) Ta ([\d,]+) to ([\d,]+)$", re.M)
NUMBER = re.compile(r'\{"(\w+)", offsetof\(struct draft, [\w.]+\),\s*(\w+),\s*(\w+)\}')
LIMIT = re.compile(r"^#define (\w+)\s+(\d+)$", re.M)
DEFAULT = re.compile(r"\.(\w+) = (\w+_DEFAULT),")
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


def eaten(page):
    """The macros that would lose a quote: \\(dq is one that stays."""
    for number, line in enumerate(text_of(page).splitlines(), 1):
        macro = re.match(r"\.[A-Z]\w*", line)
        if not macro or '"' not in line:
            continue
        rest = line[macro.end() :]
        words = re.sub(r'\s"(?:[^"]|"")*"(?=\s|$)', "", rest)
        if '"' in words:
            yield f"{page}:{number}: write \\(dq for the quotes of {line}"


def rendered(page):
    """What a reader sees, in one line."""
    answer = subprocess.run(
        ["mandoc", "-T", "ascii", page],
        cwd=TOP,
        check=True,
        capture_output=True,
        text=True,
    )
    return " ".join(re.sub(".\x08", "", answer.stdout).split())


def objects(text):
    """The outermost {...} that are meant as JSON: C has semicolons, or escapes."""
    start = depth = 0
    for place, letter in enumerate(text):
        if letter == "{":
            start = start if depth else place
            depth += 1
        elif letter == "}" and depth:
            depth -= 1
            found = text[start : place + 1]
            if not depth and ":" in found and not re.search(r';|\\"', found):
                yield found


def misread(page, found):
    """Why a parser does not take it."""
    try:
        json.loads(found)
    except ValueError as why:
        return [f"{page}: {found} is not JSON: {why}"]
    return []


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


def first_part(page):
    """The words that begin the items of DESCRIPTION's first part."""
    part = FIRST_PART.search(text_of(page))
    items = re.findall(r"^\.It (?:Xr )?(.*)$", part[1], re.M) if part else []
    return {word for item in items for word in item.split()}


def numbers_of_the_page():
    """Of each number of a map: default, least and greatest, as the page says."""
    return {
        name: tuple(int(digits.replace(",", "")) for digits in rest)
        for name, *rest in ROW.findall(text_of(POLICY))
    }


def numbers_of_the_code():
    """The same, as the sources have it."""
    source = text_of("lib/enclave/draft_json.c")
    known = dict(LIMIT.findall(text_of("lib/base/limits.h") + source))
    defaults = dict(DEFAULT.findall(text_of("lib/enclave/draft.c")))
    polls = int(known["POLLS_IN_FLIGHT_MAX"])
    return {
        "polls_in_flight": (polls, 1, polls),
        **{
            name: tuple(int(known.get(word, word)) for word in (defaults[name], *ends))
            for name, *ends in NUMBER.findall(source)
        },
    }


def main():
    """See the module's text."""
    report = Report()
    pages = list(files(("include/man", "bindings/cli"), (".1", ".3", ".7")))
    if shutil.which("mandoc"):
        said = [line for page in pages for line in complaints(page)]
        report.step("mandoc has nothing to say", said, len(pages))
    else:
        report.skip("mandoc has nothing to say", "no mandoc here")
    said = [line for page in pages for line in eaten(page)]
    report.step("no macro eats a quote", said, len(pages))
    if shutil.which("mandoc"):
        shown = [(page, found) for page in pages for found in objects(rendered(page))]
        said = [text for page, found in shown for text in misread(page, found)]
        report.step("JSON is JSON where it is read", said, len(shown))
    else:
        report.skip("JSON is JSON where it is read", "no mandoc here")
    blocks = [(page, block) for page in pages for block in examples(page)]
    said = [f"{page}: {text}" for page, block in blocks for text in compiles(block)]
    report.step("the examples compile", said, len(blocks))
    report.step(
        "each page of section 3 has an example",
        [p for p in pages if p.suffix == ".3" and not list(examples(p))],
        len(pages),
    )
    report.step(
        f"{ATTACH} begins with what libcurl's own calls mean",
        [word for word in ATTACH_BEGINS_WITH if word not in first_part(ATTACH)],
    )
    page, code = numbers_of_the_page(), numbers_of_the_code()
    report.step(
        f"{POLICY} has every number of a map as the sources have it",
        [
            f"{name}: {page.get(name)}, in the sources {code.get(name)}"
            for name in sorted({*page, *code})
            if page.get(name) != code.get(name)
        ],
        len(code) > 5,
    )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
