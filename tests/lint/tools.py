"""Running a tool over files, one named step a file or one for all."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

from lint import TOP, Report


def run(command):
    """What the tool says when it does not agree; nothing when it does."""
    answer = subprocess.run(
        command,
        cwd=TOP,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if answer.returncode == 0:
        return []
    return [answer.stdout or f"exit status {answer.returncode}"]


def judge_all(name, command, paths):
    """A report with one step: the tool over all the files at once."""
    report = Report()
    paths = [str(path) for path in paths]
    if shutil.which(command[0]):
        said = run([*command, *paths])
    else:
        said = [f"no {command[0]} here"]
    report.step(name, said, len(paths))
    return report


def judge_each(name, command, paths, telling):
    """A report with one step for each file, several run at a time. Of what the
    tool says, the lines that match are shown."""
    report = Report()
    paths = [str(path) for path in paths]
    tool = shutil.which(command[0])
    if not tool or not paths:
        report.step(name, [f"no {command[0]} here"] if not tool else [], len(paths))
        return report
    with ThreadPoolExecutor(cpu_count()) as pool:
        said = pool.map(lambda path: run([*command, path]), paths)
        for path, complaints in zip(paths, said):
            lines = "".join(complaints).splitlines()
            shown = [line for line in lines if telling.search(line)]
            report.step(f"{name}: {path}", shown or complaints)
    return report
