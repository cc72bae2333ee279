#!/usr/bin/python3
"""The benchmarks' limits are of figures that there are, and are judged."""

import re
import sys

from lint import TOP, Report, text_of

sys.path.insert(0, str(TOP / "tests/bench"))
# pylint: disable-next=wrong-import-position
import judge

# A figure, what is wanted of a whole run that has it, and whether it fails.
CASES = (
    ("keepalive_attached_ratio", 1.03, "ok", False),
    ("keepalive_attached_ratio", 1.04, "over", False),
    ("threads_scaling_ratio", 0.95, "ok", False),
    ("threads_scaling_ratio", 0.94, "over", False),
    ("learn_extra_requests", 1, "ok", False),
    ("learn_extra_requests", 0, "over", True),
    ("memory_per_enclave_bytes", 4096, "ok", False),
    ("memory_per_enclave_bytes", 4097, "over", True),
    ("memory_per_enclave_bytes", float("nan"), "over", True),
    ("raw_es384_us", 1, None, False),
)


def wrong(table, case):
    """What is not as the case wants it."""
    name, value, verdict, fails = case
    line = judge.json.dumps({"name": name, "value": value, "unit": "1"})
    printed, broken = judge.judge([line], table, False)
    figure = judge.json.loads(printed[0])
    if figure.get("verdict") != verdict or bool(broken) != fails:
        yield f"{name} {value}: {figure}, broken: {broken}"


def main():
    """See the module's text."""
    report = Report()
    table = judge.limits()
    rows = re.findall(r"^\| `", text_of("tests/bench/README.md"), re.MULTILINE)
    sources = "".join(
        path.read_text(encoding="utf-8")
        for suffix in ("c", "py")
        for path in (TOP / "tests/bench").glob(f"*.{suffix}")
    )
    report.step(
        "each row of the table is read, once",
        [] if len(table) == len(rows) else [f"{len(table)} of {len(rows)}"],
        len(rows),
    )
    report.step(
        "each limit is of a figure that a benchmark prints",
        [name for name in table if f'"{name}"' not in sources],
        len(table),
    )
    report.step(
        "figures are judged, and only what is kept can fail",
        [text for case in CASES for text in wrong(table, case)],
        len(CASES),
    )
    kept = sorted(limit.name for limit in table.values() if limit.kept)
    report.step(
        "a whole run that lacks what is kept fails",
        [] if judge.judge([], table, True)[1] == kept else ["it passed"],
        len(kept),
    )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
