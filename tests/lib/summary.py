#!/usr/bin/python3
"""Counts the cases in what `meson test` logged, and says what failed.

Usage: summary.py BUILD_DIR LOGBASE EXPECTED

EXPECTED names a file with one line for each test that had to run, in the words
of `meson test --list`. Meson calls a program that stopped without a plan, or
whose plan is empty, a success; here neither is. The last line is
`N passed, N failed` (and `, N skipped`), and the exit status says the same.
"""

import json
import re
import sys
from pathlib import Path

CASE = re.compile(r"(not )?ok\b\s*(\d+)?\s*(?:-\s*)?(.*)")
PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?$", re.IGNORECASE)
SKIP = re.compile(r"#\s*skip\S*\s*(.*)$", re.IGNORECASE)
PYTEST_END = re.compile(r"\d+ \w+.* in [\d.]+s\b")
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?)\b")
PYTEST_FAILED = re.compile(r"(?:FAILED|ERROR) (\S+::.*|\S+\.py\b.*)")
PYTEST_SKIPPED = re.compile(r"SKIPPED \[(\d+)\] (.*)")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
EXIT_SKIP = 77
LOG_LINES_MAX = 200


class Outcome:
    """Of one program: how many cases passed, and why others did not."""

    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.failures = []
        self.skips = []


def lines_of(text):
    """Lines that a terminal can show: tests print what attackers send."""
    return CONTROL.sub("?", text or "").split("\n")


def read_cases(outcome, text):
    """Counts the TAP lines and gives back the planned number, or None."""
    planned = None
    for line in lines_of(text):
        if case := CASE.match(line):
            skip = SKIP.search(case[3])
            if case[1]:
                outcome.failures.append(case[3])
            elif skip:
                outcome.skips.append(skip[1] or "no reason given")
            else:
                outcome.passed += 1
        elif plan := PLAN.match(line):
            planned = int(plan[1])
            if planned == 0 and plan[2]:
                outcome.skips.append(plan[2])
        elif line.startswith("Bail out!"):
            outcome.failures.append(line)
    return planned


def judge_tap(outcome, entry):
    """A program that speaks TAP: each of its cases counts."""
    planned = read_cases(outcome, entry["stdout"])
    seen = outcome.passed + len(outcome.failures) + len(outcome.skips)
    if planned is None:
        outcome.failures.append("stopped before its plan")
    elif planned > seen:
        outcome.failures += ["planned and did not run"] * (planned - seen)
    elif seen > max(planned, 1):
        outcome.failures.append(f"ran {seen} cases, planned {planned}")
    elif seen == 0:
        outcome.failures.append("ran no case at all")
    if entry["returncode"] and not outcome.failures:
        outcome.failures.append(f"exit status {entry['returncode']}")


def judge_pytest(outcome, entry):
    """pytest ends with a line that counts its cases; its status 5 says that
    there was none."""
    counts = {}
    for line in lines_of(entry["stdout"]):
        if PYTEST_END.search(line):
            counts = {word: int(n) for n, word in PYTEST_COUNT.findall(line)}
        if failed := PYTEST_FAILED.match(line):
            outcome.failures.append(failed[1])
        if skipped := PYTEST_SKIPPED.match(line):
            outcome.skips += [skipped[2]] * int(skipped[1])
    outcome.passed = counts.get("passed", 0)
    unnamed = counts.get("failed", 0) + counts.get("error", 0)
    unnamed += counts.get("errors", 0) - len(outcome.failures)
    outcome.failures += ["a case that pytest does not name"] * unnamed
    unnamed = counts.get("skipped", 0) - len(outcome.skips)
    outcome.skips += ["pytest gives no reason (-rs)"] * unnamed
    if not counts:
        outcome.failures.append("pytest counted no case")
    if entry["returncode"] and not outcome.failures:
        outcome.failures.append(f"exit status {entry['returncode']}")


def judge_exit(outcome, entry):
    """A program that only has an exit status counts as one case."""
    if entry["returncode"] == EXIT_SKIP:
        lines = [line for line in lines_of(entry["stdout"]) if line]
        outcome.skips.append(lines[-1] if lines else "no reason given")
    elif entry["returncode"]:
        outcome.failures.append(f"exit status {entry['returncode']}")
    else:
        outcome.passed += 1


def judge(entry, protocol):
    """The outcome of one entry of testlog.json."""
    outcome = Outcome(entry["name"])
    if protocol == "tap":
        judge_tap(outcome, entry)
    elif "pytest" in entry["command"]:
        judge_pytest(outcome, entry)
    else:
        judge_exit(outcome, entry)
    if entry["result"] in ("TIMEOUT", "INTERRUPT"):
        outcome.failures.append(entry["result"].lower())
    return outcome


def show_failure(outcome, entry, build):
    """Prints what one needs to repair it: the failed cases, the log, the way
    to run it again."""
    print(f"FAILED {outcome.name}")
    for reason in outcome.failures[:20]:
        print(f"    {reason}")
    lines = lines_of(entry.get("stdout")) + lines_of(entry.get("stderr"))
    lines = [line for line in lines if line and not line.startswith("ok ")]
    for line in lines[-LOG_LINES_MAX:]:
        print(f"    | {line}")
    print(f"    again: meson test -C {build} -v {bare(outcome.name)}")


def read_log(path):
    """The entries of testlog.json by the name of their test."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", errors="replace") as log:
        return {entry["name"]: entry for entry in map(json.loads, log)}


def read_protocols(build):
    """Protocol by the bare name of the test."""
    path = build / "meson-info" / "intro-tests.json"
    tests = json.loads(path.read_text(encoding="utf-8"))
    return {test["name"]: test["protocol"] for test in tests}


def bare(name):
    """`base-id` of `enclave-client:unit+threads / base-id`."""
    return name.rsplit(" / ", 1)[-1]


def suite(name):
    """`unit` of `enclave-client:unit+threads / base-id`."""
    place = name.rsplit(" / ", 1)[0]
    return place.rsplit(":", 1)[-1].split("+")[0] if " / " in name else "-"


def summarise(build, logbase, expected):
    """Judges every expected test; gives back the outcomes."""
    protocols = read_protocols(build)
    log = read_log(build / "meson-logs" / f"{logbase}.json")
    outcomes = []
    for name in expected:
        entry = log.get(name)
        if entry is None:
            outcome = Outcome(name)
            outcome.failures.append("did not run")
            print(f"FAILED {name}\n    did not run")
        else:
            outcome = judge(entry, protocols.get(bare(name)))
            if outcome.failures:
                show_failure(outcome, entry, build)
        outcomes.append(outcome)
    return outcomes


def print_suites(outcomes):
    """One line a suite, then why what was skipped was skipped."""
    totals = {}
    for outcome in outcomes:
        row = totals.setdefault(suite(outcome.name), [0, 0, 0, 0])
        row[0] += 1
        row[1] += outcome.passed
        row[2] += len(outcome.failures)
        row[3] += len(outcome.skips)
    for name, (programs, passed, failed, skipped) in sorted(totals.items()):
        print(
            f"  {name:<12} {passed:>6} passed, {failed} failed, "
            f"{skipped} skipped in {programs} programs"
        )
    for outcome in outcomes:
        for reason in sorted(set(outcome.skips)):
            print(f"  skipped: {bare(outcome.name)}: {reason}")


def main():
    """See the module's text."""
    build, logbase, expected_path = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    expected = Path(expected_path).read_text(encoding="utf-8").splitlines()
    outcomes = summarise(build, logbase, expected)
    print_suites(outcomes)
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(len(outcome.failures) for outcome in outcomes)
    skipped = sum(len(outcome.skips) for outcome in outcomes)
    if not outcomes:
        print("no test was selected")
        failed += 1
    print(
        f"{passed} passed, {failed} failed"
        + (f", {skipped} skipped" if skipped else "")
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
