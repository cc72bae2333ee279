#!/usr/bin/python3
"""clang-format leaves every C file as it is."""

import sys

from lint import c_files
from tools import judge_all

if __name__ == "__main__":
    COMMAND = ["clang-format", "--dry-run", "-Werror", "--style=file"]
    sys.exit(judge_all("clang-format leaves every C file as it is", COMMAND, c_files()).end())
