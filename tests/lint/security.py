#!/usr/bin/python3
"""Every test that SECURITY.md names exists and is run; every row names one.

Usage: security.py MANIFEST     of the document catalogue
"""

import json
import re
import sys
from pathlib import Path

from lint import Report, files, text_of

DOCUMENT = Path("SECURITY.md")
FUNCTION = re.compile(r"`(\w+)`")
TITLE = re.compile(r'"([^"]+)"')
IN_C = re.compile(r"^START_TEST\((\w+)\)", re.MULTILINE)
IN_PYTHON = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


def tests_that_run():
    """Test functions of Check that a suite adds, and those of pytest."""
    names = set()
    for path in files(("tests",), (".c", ".py")):
        text = text_of(path)
        if path.suffix == ".py":
            names.update(IN_PYTHON.findall(text))
            continue
        # Named once more than where it is defined: added to a suite.
        names.update(
            name
            for name in IN_C.findall(text)
            if len(re.findall(rf"\b{name}\b", text)) > 1
        )
    return names


def rows():
    """The last cell of each row of the table of attacks, with its first."""
    for line in text_of(DOCUMENT).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and cells[2] != "held by":
            if not re.fullmatch(r"-+", cells[2]):
                yield cells[0], cells[2]


def main():
    """See the module's text."""
    report = Report()
    known = tests_that_run()
    manifest = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    titles = {case["title"] for case in manifest["cases"]}
    table = list(rows())
    named = [name for _, cell in table for name in FUNCTION.findall(cell)]
    quoted = [title for _, cell in table for title in TITLE.findall(cell)]
    report.step(
        "every row of the table names what holds it",
        [
            attack
            for attack, cell in table
            if not FUNCTION.search(cell) and not TITLE.search(cell)
        ],
        len(table),
    )
    report.step(
        "every test that is named exists and is run",
        [name for name in named if name not in known],
        len(named),
    )
    report.step(
        "every case that is quoted is in the catalogue",
        [title for title in quoted if title not in titles],
        len(quoted),
    )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
