#!/usr/bin/python3
"""Each header compiles alone: the public ones as strict C11 and as C++, the
internal ones as C11."""

import shutil
import subprocess
import sys

from lint import TOP, Report, c_files, files

PEDANTIC = ("-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only")
INTERNAL_FOLDERS = ("lib", "cache", "poller")
DEPENDENCIES = ("libcurl", "openssl", "libcbor", "libcjson")


def foreign_flags():
    """Where the headers of the four libraries are."""
    answer = subprocess.run(
        ["pkg-config", "--cflags", *DEPENDENCIES],
        check=True,
        capture_output=True,
        text=True,
    )
    return answer.stdout.split()


def complaints(compiler, header, *flags):
    """What the compiler says of a file that includes the header twice."""
    source = f'#include "{header}"\n#include "{header}"\nextern int alone;\n'
    answer = subprocess.run(
        [*compiler, *PEDANTIC, "-Iinclude", *flags, "-"],
        cwd=TOP,
        check=False,
        input=source,
        capture_output=True,
        text=True,
    )
    return [answer.stderr] if answer.returncode else []


def main():
    """See the module's text."""
    report = Report()
    flags = foreign_flags()
    compilers = (
        (("gcc", "-std=c11", "-xc"), "C11"),
        (("g++", "-std=c++11", "-xc++"), "C++11"),
        (("g++", "-std=c++20", "-xc++"), "C++20"),
    )
    for header in files(("include",), (".h",)):
        for compiler, language in compilers:
            name = f"{header.name} compiles alone as {language}"
            if not shutil.which(compiler[0]):
                report.skip(name, f"no {compiler[0]} here")
                continue
            own = [] if header.name == "enclave_client.h" else flags
            report.step(name, complaints(compiler, header.name, *own))
    internal = [p for p in c_files(INTERNAL_FOLDERS) if p.suffix == ".h"]
    compiler = ("cc", "-std=c11", "-xc", "-D_GNU_SOURCE", "-I.", "-Ilib")
    report.step(
        "every internal header compiles alone",
        [text for p in internal for text in complaints(compiler, p, *flags)],
        len(internal),
    )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
