#!/usr/bin/python3
"""Every status of the public enum: its row, its user, a test that sees it."""

import re
import sys
from pathlib import Path

from lint import Report, c_files, code_of, files, text_of

HEADER = Path("include/enclave_client.h")
TABLE = Path("lib/base/status.c")
TABLE_TEST = Path("tests/unit/base/test_status.c")
ENUM = re.compile(r"enum enclave_client_status \{(.*?)\}", re.DOTALL)
MEMBER = re.compile(r"\b(ENCLAVE_CLIENT_\w+)\s*=\s*(\d+)")


def words(paths):
    """Every status that the files name, in full or as a macro's argument."""
    found = {"ENCLAVE_CLIENT_OK"}
    for path in paths:
        names = re.findall(r"\b(?:ENCLAVE_CLIENT_)?(ERR_\w+)", text_of(path))
        found.update(f"ENCLAVE_CLIENT_{name}" for name in names)
    return found


def main():
    """See the module's text."""
    report = Report()
    enum = ENUM.search(code_of(HEADER))
    members = dict(MEMBER.findall(enum[1])) if enum else {}
    rows = {
        f"ENCLAVE_CLIENT_{name}"
        for name in re.findall(r"^\s+STATUS\((\w+),", code_of(TABLE), re.M)
    }
    tested = {
        f"ENCLAVE_CLIENT_{name}": number
        for number, name in re.findall(r"\bROW\((\d+),\s*(\w+)\)", code_of(TABLE_TEST))
    }
    report.step(
        "the table of texts has a row for each status and no other",
        rows ^ set(members),
        len(members),
    )
    report.step(
        "the test of the table has each status with its number",
        set(members.items()) ^ set(tested.items()),
        len(members),
    )
    users = words(
        path for path in c_files(("lib", "cache", "poller")) if path != TABLE
    )
    tests = words(
        path
        for path in files(("tests",), (".c", ".h", ".py", ".sh", ".json"))
        if path != TABLE_TEST and path.parts[1] not in ("lint", "mutants")
    )
    for name in members:
        report.step(
            f"{name} is given by the library and seen by a test",
            [f"not named in {where}" for where, named in
             (("lib, cache, poller", users), ("tests", tests)) if name not in named],
        )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
