#!/usr/bin/python3
"""shellcheck has nothing to say of any shell script."""

import sys

from lint import files, text_of
from tools import judge_all


def scripts():
    """By their name, or by their first line."""
    for path in files():
        if path.suffix == ".sh" or (
            not path.suffix
            and text_of(path).startswith(("#!/usr/bin/env bash", "#!/bin/sh"))
        ):
            yield path


if __name__ == "__main__":
    COMMAND = ["shellcheck", "--external-sources", "--source-path=SCRIPTDIR:."]
    sys.exit(judge_all("shellcheck has nothing to say", COMMAND, scripts()).end())
