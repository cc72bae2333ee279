#!/usr/bin/python3
"""Takes each rule out of the library, one at a time, and wants to see red.

A mutant is a patch under tests/mutants whose first lines say

    # rule: what the patch takes out, with its section
    # killed-by: name of the meson test that notices[, another]

It must apply without fuzz, touch nothing but what ships, and build; then one
of the named tests must fail. A build that fails is no kill.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests" / "lib"), str(TOP / "tests" / "lint")]
import summary  # noqa: E402
from lint import files  # noqa: E402

SHIPPED = ("include/", "lib/", "cache/", "poller/", "bindings/")
HEADER = re.compile(r"^# (rule|killed-by):\s*(.+?)\s*$", re.MULTILINE)
TOUCHED = re.compile(r"^\+\+\+ b/(\S+)", re.MULTILINE)
# Far above what any build or test takes; meson's own timeouts come first.
COMMAND_TIMEOUT_S = 1200
# Of the 60 s that one case of Check has: a mutant that hangs is dead.
CASE_TIMEOUT_SHARE = "0.25"
OUTPUT_LINES_MAX = 40


class Unusable(Exception):
    """The mutant, or the tree without it, proves nothing."""


class Mutant:
    """One patch and what it says of itself."""

    def __init__(self, path):
        self.path = path
        self.name = str(path.relative_to(TOP / "tests" / "mutants"))
        text = path.read_text(encoding="utf-8")
        headers = HEADER.findall(text.split("\n--- ", 1)[0])
        self.rule = " ".join(value for key, value in headers if key == "rule")
        self.tests = [
            name.strip()
            for key, value in headers
            if key == "killed-by"
            for name in value.split(",")
        ]
        self.touched = TOUCHED.findall(text)

    def check(self):
        """Refuses a patch that does not say enough, or goes too far."""
        if not self.rule:
            raise Unusable("no line `# rule:`")
        if not self.tests:
            raise Unusable("no line `# killed-by:`")
        if not self.touched:
            raise Unusable("no file is changed")
        for path in self.touched:
            if not path.startswith(SHIPPED):
                raise Unusable(f"changes {path}, which does not ship")


def run(command, cwd):
    """Exit status and output; a command that hangs is ended."""
    try:
        answer = subprocess.run(
            command,
            cwd=cwd,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return -1, f"{command[0]} took more than {COMMAND_TIMEOUT_S} s"
    return answer.returncode, answer.stdout.decode("utf-8", "replace")


def must(command, cwd, what):
    """Runs a command that has to succeed."""
    status, output = run(command, cwd)
    if status:
        tail = "\n".join(output.splitlines()[-OUTPUT_LINES_MAX:])
        raise Unusable(f"{what}\n{tail}")


class Tree:
    """A copy of the sources with a build of its own, for one worker."""

    def __init__(self, folder, tests):
        self.source = folder / "source"
        self.build = folder / "build"
        self.copy()
        # A mutant may leave a variable unused: that is no reason to refuse it.
        setup = ["meson", "setup", "-Doptimization=0", "-Ddebug=false",
                 "-Dwerror=false"]
        must([*setup, self.build, self.source], folder, "does not configure")
        self.tests = self.introspect("intro-tests.json", "name")
        self.targets = self.introspect("intro-targets.json", "id")
        self.compile([name for name in tests if name in self.tests])

    def copy(self):
        """What a commit would hold, as it is now."""
        for path in files():
            target = self.source / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / path, target)

    def introspect(self, name, key):
        """One of meson's lists, by a member."""
        path = self.build / "meson-info" / name
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {row[key]: row for row in rows}

    def compile(self, tests):
        """Builds what the tests need, and no more."""
        outputs = {
            os.path.relpath(output, self.build)
            for test in tests
            for target in self.tests[test]["depends"]
            for output in self.targets[target]["filename"]
        }
        must(["ninja", *sorted(outputs)], self.build, "does not build")

    def outcomes(self, tests):
        """How each of the tests ends, and whether it ran out of time."""
        log = self.build / "meson-logs" / "mutant.json"
        log.unlink(missing_ok=True)
        run(
            ["meson", "test", "--no-rebuild", "--quiet", "--logbase", "mutant",
             "-t", "2", *tests],
            self.build,
        )
        entries = {summary.bare(k): v for k, v in summary.read_log(log).items()}
        for name in tests:
            if name not in entries:
                raise Unusable(f"{name} did not run")
            outcome = summary.judge(entries[name], self.tests[name]["protocol"])
            yield name, outcome, entries[name]["result"] == "TIMEOUT"

    def check_unmutated(self, tests):
        """Reasons for which a test cannot be a witness."""
        reasons = {name: "no such test" for name in tests}
        known = [name for name in tests if name in self.tests]
        for name, outcome, _ in self.outcomes(known) if known else ():
            if outcome.failures:
                reasons[name] = f"fails by itself: {outcome.failures[0]}"
            elif not outcome.passed:
                reasons[name] = f"is skipped here: {outcome.skips[0]}"
            else:
                del reasons[name]
        return reasons

    def judge(self, mutant):
        """The first test that kills it; nothing when it survived."""
        patch = ["patch", "-p1", "--fuzz=0", "--batch", "--forward"]
        patch += [f"--input={mutant.path}"]
        must([*patch, "--dry-run"], self.source, "does not apply")
        must(patch, self.source, "does not apply")
        try:
            self.compile(mutant.tests)
            for test in mutant.tests:
                for name, outcome, late in self.outcomes([test]):
                    if outcome.failures:
                        how = "timeout" if late else outcome.failures[0]
                        return f"{name} ({how})"
            return ""
        finally:
            self.restore(mutant.touched)

    def restore(self, paths):
        """Back to the tree's own text, newer than what was built of it."""
        for path in paths:
            shutil.copyfile(TOP / path, self.source / path)
            for suffix in (".orig", ".rej"):
                (self.source / (path + suffix)).unlink(missing_ok=True)


def try_one(mutant, trees, reasons):
    """(killer, complaint): exactly one of the two says something."""
    try:
        mutant.check()
        for name in mutant.tests:
            if name in reasons:
                raise Unusable(f"{name}: {reasons[name]}")
        tree = trees.get()
        try:
            killer = tree.judge(mutant)
        finally:
            trees.put(tree)
    except (Unusable, OSError) as problem:
        return "", str(problem)
    return killer, "" if killer else f"survived {', '.join(mutant.tests)}"


def try_all(mutants, work, jobs):
    """Prints a TAP line for each mutant; gives back how many failed."""
    tests = sorted({name for mutant in mutants for name in mutant.tests})
    with ThreadPoolExecutor(jobs) as pool:
        made = list(pool.map(lambda n: Tree(work / str(n), tests), range(jobs)))
        trees = SimpleQueue()
        for tree in made:
            trees.put(tree)
        reasons = made[0].check_unmutated(tests)
        results = pool.map(lambda m: try_one(m, trees, reasons), mutants)
        failed = 0
        for number, (mutant, result) in enumerate(zip(mutants, results), 1):
            killer, complaint = result
            failed += not killer
            print(f"{'ok' if killer else 'not ok'} {number} - {mutant.name}")
            print(f"#   {mutant.rule}")
            text = f"killed by {killer}" if killer else complaint
            for line in text.splitlines():
                print(f"#   {line}")
            sys.stdout.flush()
    return failed


def main():
    """See the module's text."""
    os.environ["CK_TIMEOUT_MULTIPLIER"] = CASE_TIMEOUT_SHARE
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="PATTERN",
                        help="regular expression over the patches' paths")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    mutants = [
        mutant
        for mutant in map(Mutant, sorted(Path(__file__).parent.rglob("*.patch")))
        if re.search(options.only, mutant.name)
    ]
    failed = len(mutants) or 1
    with tempfile.TemporaryDirectory(prefix="mutants-") as work:
        try:
            jobs = max(1, min(options.jobs, len(mutants)))
            failed = try_all(mutants, Path(work), jobs) if mutants else 1
        except Unusable as problem:
            print(f"Bail out! {problem}")
    print(f"1..{len(mutants)}")
    print(f"{max(len(mutants) - failed, 0)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
