#!/usr/bin/python3
"""Puts each figure's limit and a verdict beside it.

Usage: judge.py [--whole] < FIGURES

The limits are those of README.md's table. The exit status is 1 when one that is
kept is not, or, for a whole run, is not there.
"""

import json
import re
import sys
from pathlib import Path

ROW = re.compile(
    r"^\| `(\w+)` \| (at most|at least|exactly) ([\d.]+) \| (told|kept) \|", re.MULTILINE
)
HOLDS = {
    "at most": lambda value, bound: value <= bound,
    "at least": lambda value, bound: value >= bound,
    "exactly": lambda value, bound: value == bound,
}


class Limit:
    """A row of the table."""

    def __init__(self, row):
        self.name, self.relation, self.bound, kind = row
        self.kept = kind == "kept"

    def holds(self, value):
        """Not a number is over every limit."""
        return HOLDS[self.relation](value, float(self.bound))


def limits():
    """The table, by name."""
    text = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    return {row[0]: Limit(row) for row in ROW.findall(text)}


def judge(lines, table, whole):
    """The lines to print, and the names of what is kept and was broken."""
    printed = []
    broken = []
    missing = {limit.name for limit in table.values() if limit.kept and whole}
    for line in lines:
        figure = json.loads(line)
        limit = table.get(figure["name"])
        if limit:
            missing.discard(limit.name)
            held = limit.holds(figure["value"])
            figure["limit"] = f"{limit.relation} {limit.bound}"
            figure["verdict"] = "ok" if held else "over"
            if limit.kept and not held:
                broken.append(limit.name)
        printed.append(json.dumps(figure, separators=(",", ":")))
    return printed, broken + sorted(missing)


def main():
    """See the module's text."""
    printed, broken = judge(sys.stdin, limits(), "--whole" in sys.argv[1:])
    for line in printed:
        print(line)
    sys.stdout.flush()
    for name in broken:
        print(f"{name}: its limit is not kept", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
