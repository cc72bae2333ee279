#!/usr/bin/python3
"""clang-tidy with the checks and ceilings of .clang-tidy.

Usage: tidy.py BUILD_DIR, whose compile_commands.json is read.
"""

import re
import sys

from lint import c_files
from tools import judge_each

# The path by which the analyser got there is for `clang-tidy` by hand.
TELLING = re.compile(r": (error|warning): |note: .*\(threshold \d+\)$")
FOLDERS = ("lib", "cache", "poller", "bindings/cli")

if __name__ == "__main__":
    COMMAND = [
        "clang-tidy",
        "--quiet",
        f"-p={sys.argv[1]}",
        # The commands are gcc's.
        "--extra-arg=-Wno-unknown-warning-option",
        "--extra-arg=-D__clang_analyzer__",
    ]
    SOURCES = [path for path in c_files(FOLDERS) if path.suffix == ".c"]
    sys.exit(judge_each("clang-tidy", COMMAND, SOURCES, TELLING).end())
