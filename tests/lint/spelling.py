#!/usr/bin/python3
"""codespell knows every word."""

import sys

from lint import files
from tools import judge_all

# Words of the trade, of HTTP, of mdoc and of Rust, that codespell takes for misspelt others.
KNOWN = "lable,nulll,fo,nd,te,crate"
SUFFIXES = (".c", ".h", ".py", ".sh", ".md", ".build", ".txt", ".1", ".3", ".7")

if __name__ == "__main__":
    COMMAND = ["codespell", f"--ignore-words-list={KNOWN}"]
    PATHS = [path for path in files() if path.suffix in SUFFIXES]
    sys.exit(judge_all("codespell knows every word", COMMAND, PATHS).end())
