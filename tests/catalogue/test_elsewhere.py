#!/usr/bin/python3
"""What the catalogue says is shown elsewhere is shown there.

    test_elsewhere.py

Each test that catalogue.ELSEWHERE names is in the named file and is run by it.
Of the rows that it names the catalogue itself says whether they have documents.
And an option is no folder to write into.
Results are TAP.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import catalogue

TESTS = pathlib.Path(__file__).resolve().parent.parent


def fault_of(file, name):
    """Why the test shows nothing, or None."""
    try:
        text = (TESTS / file).read_text(encoding="utf-8")
    except FileNotFoundError:
        return "tests/%s is not there" % file
    if "START_TEST(%s)\n" % name not in text:
        return "tests/%s has no test %s" % (file, name)
    if not re.search(r"tcase_add\w*test\w*\([^;]*\b%s\b[^;]*;" % name, text):
        return "tests/%s does not run %s" % (file, name)
    return None


def options_that_write():
    """Options that left something behind, or did not say how it is used."""
    wrong = []
    for option in ("--help", "-h", "--list"):
        with tempfile.TemporaryDirectory() as folder:
            said = subprocess.run(
                [sys.executable, "-B", catalogue.__file__, option], cwd=folder,
                capture_output=True, text=True, timeout=60, check=False)
            if ("catalogue.py OUTPUT" not in said.stdout + said.stderr
                    or any(pathlib.Path(folder).iterdir())):
                wrong.append(option)
    return wrong


def main():
    rows = catalogue.ELSEWHERE
    print("1..%d" % (len(rows) + 1))
    good = True
    for number, (row, (_, shown_by)) in enumerate(rows.items(), 1):
        tests = [by for by in shown_by if not isinstance(by, str)]
        faults = [fault for fault in (fault_of(*test) for test in tests)
                  if fault]
        for fault in faults:
            print("# " + fault)
        print("%sok %d - %s" % ("not " if faults else "", number, row))
        good = good and not faults
    wrong = options_that_write()
    print("%sok %d - an option is no folder %s" % (
        "not " if wrong else "", len(rows) + 1, " ".join(wrong)))
    good = good and not wrong
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
