#!/usr/bin/python3
"""Puts the Python package together in a build directory, against the library
that was just built.

Usage: build_package.py PACKAGE_SOURCE LIBRARY_DIR OUT STAMP
"""

import os
import pathlib
import subprocess
import sys


def main():
    """See the module's text."""
    source, library_dir, out, stamp = map(pathlib.Path, sys.argv[1:])
    include = source.parent.parent / "include"
    environment = {
        **os.environ,
        "ENCLAVE_CLIENT_LINK": "system",
        "PKG_CONFIG_PATH": str(library_dir / "meson-uninstalled"),
        "CFLAGS": f"-I{include} -Wall -Wextra -Werror",
        "LDFLAGS": f"-Wl,-rpath,{library_dir}",
    }
    command = [sys.executable, "-B", "-W", "ignore", "setup.py", "-q", "build_ext"]
    command += ["--build-lib", out, "--build-temp", out / "temporary"]
    subprocess.run(command, check=True, cwd=source, env=environment)
    for path in sorted((source / "enclave_client").iterdir()):
        if path.suffix in (".py", ".pyi", ".typed"):
            link = out / "enclave_client" / path.name
            link.unlink(missing_ok=True)
            link.symlink_to(path)
    stamp.touch()


if __name__ == "__main__":
    main()
