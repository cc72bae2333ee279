#!/usr/bin/python3
"""What there is to run is named in the list of a script of .ci.

Usage: stages.py BUILD_DIR
"""

import json
import re
import sys
from pathlib import Path

from lint import TOP, Report, text_of

STAGES = (".ci/run", ".ci/long", ".ci/release")
LIST = re.compile(r"^cat <<'TEXT'\n(.*?)^TEXT\n", re.DOTALL | re.MULTILINE)
# Everything that one starts by hand; the rest of tests/ is started by meson.
SCRIPTS = ("tests/*.sh", "tests/*/run.sh", "tests/install/*.sh")
WORD = re.compile(r"[\w./-]*\w")
# The first words of a line: what is run, as the commands below say it.
COMMAND = re.compile(r"^  ([\w.-]+/[\w./-]+(?: --\w+ [\w,]+)?)", re.MULTILINE)
# A script of several parts: the arm of its case over `$part` names them.
PARTS = ("tests/install/clean_root.sh",)
PARTS_ARM = re.compile(r"\bcase \$part in\s+([\w |]+)\)")
# A list ends with what it leaves to another script.
ELSEWHERE = re.compile(r"^In \.ci/", re.MULTILINE)


def split(path):
    """The list of what runs here, and the commands."""
    text = text_of(path)
    found = LIST.search(text)
    if not found:
        return "", text
    return ELSEWHERE.split(found[1])[0], text[found.end():]


def suites(build):
    """The suites that meson knows, without the project's name."""
    path = Path(build) / "meson-info" / "intro-tests.json"
    tests = json.loads(path.read_text(encoding="utf-8"))
    return sorted(
        {suite.rsplit(":", 1)[-1] for test in tests for suite in test["suite"]}
    )


def words_after(command, commands):
    """The arguments of each call of a command, in one set."""
    calls = re.findall(rf"{re.escape(command)}((?: [\w-]+)*)$", commands, re.MULTILINE)
    return {word for call in calls for word in call.split()}


def check_parts(report, commands):
    """What a script does only when told to, somebody tells it."""
    for script in PARTS:
        found = PARTS_ARM.search(text_of(script))
        known = found[1].replace("|", " ").split() if found else []
        told = words_after(script, commands)
        report.step(
            f"each part of {script} is run",
            [part for part in known if part not in told],
            len(known),
        )


def main():
    """See the module's text."""
    report = Report()
    parts = {path: split(path) for path in STAGES}
    named = {word for listed, _ in parts.values() for word in WORD.findall(listed)}
    scripts = sorted(
        str(path.relative_to(TOP)) for glob in SCRIPTS for path in TOP.glob(glob)
        if path.stat().st_mode & 0o100
    )
    known = suites(sys.argv[1])
    report.step(
        "each suite of meson's is named",
        [name for name in known if name not in named],
        len(known),
    )
    report.step(
        "each script that runs tests is named",
        [name for name in scripts if name not in named],
        len(scripts),
    )
    for path, (listed, commands) in parts.items():
        # Continued lines are one command.
        commands = " ".join(commands.replace("\\\n", " ").split())
        promised = COMMAND.findall(listed)
        report.step(
            f"{path} runs what its list names",
            [command for command in promised if command not in commands],
            len(promised),
        )
    check_parts(report, "\n".join(commands for _, commands in parts.values()))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
