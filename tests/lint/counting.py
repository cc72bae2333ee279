#!/usr/bin/python3
"""tests/lib/summary.py counts what ran, and calls nothing green that did not."""

import sys

from lint import TOP, Report

sys.path.insert(0, str(TOP / "tests" / "lib"))
import summary  # noqa: E402


# What the program printed, how it ended, and what that counts as:
# passed, failed, skipped.
ROWS = (
    ("two cases pass", "ok 1 - a\nok 2 - b\n1..2\n", 0, "OK", (2, 0, 0)),
    ("the plan may come first", "1..2\nok 1 - a\nok 2 - b\n", 0, "OK", (2, 0, 0)),
    ("one case fails", "ok 1 - a\nnot ok 2 - b\n1..2\n", 1, "FAIL", (1, 1, 0)),
    ("a failure behind status 0", "not ok 1 - a\n1..1\n", 0, "FAIL", (0, 1, 0)),
    ("a failure is no skip", "not ok 1 - a # SKIP b\n1..1\n", 1, "FAIL", (0, 1, 0)),
    ("no output at all", "", 0, "SKIP", (0, 1, 0)),
    ("an empty plan", "1..0\n", 0, "SKIP", (0, 1, 0)),
    ("words, and no TAP", "all is well\n", 0, "SKIP", (0, 1, 0)),
    ("a crash before the first case", "", -11, "ERROR", (0, 1, 0)),
    ("a crash after a case", "ok 1 - a\n", -11, "ERROR", (1, 1, 0)),
    ("an end before the plan, status 0", "ok 1 - a\n", 0, "OK", (1, 1, 0)),
    ("two planned cases did not run", "1..3\nok 1 - a\n", 0, "ERROR", (1, 2, 0)),
    ("more cases than planned", "1..1\nok 1\nok 2\n", 0, "ERROR", (2, 1, 0)),
    ("status 1 though all passed", "ok 1 - a\n1..1\n", 1, "ERROR", (1, 1, 0)),
    ("a leak found at the end", "ok 1 - a\n1..1\n", 23, "ERROR", (1, 1, 0)),
    ("too slow", "ok 1 - a\n", -15, "TIMEOUT", (1, 2, 0)),
    ("too slow after its plan", "ok 1 - a\n1..1\n", 0, "TIMEOUT", (1, 1, 0)),
    ("it gave up", "Bail out! no socket\n1..1\n", 1, "ERROR", (0, 1, 0)),
    ("one case skipped", "ok 1 # SKIP no nginx\n1..1\n", 0, "SKIP", (0, 0, 1)),
    ("all skipped, with a reason", "1..0 # SKIP no files\n", 0, "SKIP", (0, 0, 1)),
    ("all skipped, then a crash", "1..0 # SKIP a\n", -11, "ERROR", (0, 1, 1)),
    ("all skipped without a reason", "1..0 # SKIP\n", 0, "SKIP", (0, 1, 0)),
)

EXIT_ROWS = (
    ("a program without cases", "done\n", 0, "OK", (1, 0, 0)),
    ("it fails", "", 1, "FAIL", (0, 1, 0)),
    ("it crashes", "", -6, "FAIL", (0, 1, 0)),
    ("it says that it skips", "no nginx\n", 77, "SKIP", (0, 0, 1)),
)

PYTEST_ROWS = (
    ("all pass", "... [100%]\n3 passed in 0.01s\n", 0, "OK", (3, 0, 0)),
    ("with a frame", "=== 3 passed in 1.00s ===\n", 0, "OK", (3, 0, 0)),
    (
        "one fails",
        "FAILED test_a.py::test_b - no\n1 failed, 2 passed in 0.01s\n",
        1,
        "FAIL",
        (2, 1, 0),
    ),
    ("unnamed failures", "2 failed, 1 error in 0.01s\n", 1, "FAIL", (0, 3, 0)),
    (
        "one skipped",
        "SKIPPED [1] test_a.py:3: no files\n2 passed, 1 skipped in 0.01s\n",
        0,
        "OK",
        (2, 0, 1),
    ),
    ("nothing found", "no tests ran in 0.00s\n", 5, "FAIL", (0, 1, 0)),
    ("nothing found, status 0", "no tests ran in 0.00s\n", 0, "OK", (0, 1, 0)),
    ("it does not start", "", 4, "FAIL", (0, 1, 0)),
    ("passed, then a crash", "1 passed in 0.00s\n", -11, "FAIL", (1, 1, 0)),
)


def main():
    """See the module's text."""
    report = Report()
    for protocol, command, rows in (
        ("tap", "./program", ROWS),
        ("exitcode", "./program", EXIT_ROWS),
        ("exitcode", "pytest", PYTEST_ROWS),
    ):
        for name, stdout, returncode, result, expected in rows:
            entry = {
                "name": name,
                "stdout": stdout,
                "returncode": returncode,
                "result": result,
                "command": [command],
            }
            outcome = summary.judge(entry, protocol)
            counted = (
                outcome.passed,
                len(outcome.failures),
                len(outcome.skips),
            )
            report.step(
                f"{protocol}, {command}: {name}",
                [] if counted == expected else [f"{counted}, not {expected}"],
            )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
