#!/usr/bin/python3
"""The public contract: prototypes = exports = version script = archive = man.

Usage: contract.py SHARED_LIBRARY ARCHIVE   checks
       contract.py --write-map              writes lib/enclave-client.map anew
"""

import re
import subprocess
import sys
from pathlib import Path

from lint import TOP, Report, code_of, files

MAP = Path("lib/enclave-client.map")
PROTOTYPE = re.compile(r"ENCLAVE_CLIENT_PUBLIC\b[^;()]*?\b(\w+)\s*\(")
# What would print, end the process or look into the environment. abort and
# __stack_chk_fail come with the compiler's own checks.
FORBIDDEN_IMPORTS = re.compile(
    r"(v?f?d?printf|puts|fputs|putchar|perror|syslog|std(in|out|err)"
    r"|exit|_exit|signal|sigaction|(secure_)?getenv|setenv|putenv|setlocale"
    r"|pthread_atfork|strcpy|strcat|v?sprintf|gets|__assert_fail)"
)


def prototypes():
    """Names of the functions that the public headers declare."""
    names = []
    for header in files(("include",), (".h",)):
        code = re.sub(r"^[ \t]*#.*(?:\\\n.*)*$", "", code_of(header), flags=re.M)
        names += PROTOTYPE.findall(code)
    return names


def map_text(names):
    """The version script that exports these names and nothing else."""
    lines = "".join(f"\t{name};\n" for name in sorted(names))
    return f"ENCLAVE_CLIENT_0 {{\nglobal:\n{lines}local:\n\t*;\n}};\n"


def symbols(library, which):
    """Dynamic symbols of the library, without versions."""
    answer = subprocess.run(
        ["nm", "-D", which, library], check=True, capture_output=True, text=True
    )
    rows = [line.split() for line in answer.stdout.splitlines()]
    # A version is itself an absolute symbol.
    return {row[-1].split("@")[0] for row in rows if row[-2] != "A"}


def global_symbols(archive):
    """What an archive offers to whoever links it."""
    answer = subprocess.run(
        ["nm", "-g", "--defined-only", archive],
        check=True,
        capture_output=True,
        text=True,
    )
    rows = [line.split() for line in answer.stdout.splitlines()]
    return {row[-1] for row in rows if len(row) == 3}


def dynamic_section(library):
    """What the dynamic loader is told."""
    answer = subprocess.run(
        ["readelf", "-dlW", library], check=True, capture_output=True, text=True
    )
    return answer.stdout


def check(library, archive):
    """The steps."""
    report = Report()
    declared = prototypes()
    exported = symbols(library, "--defined-only")
    offered = global_symbols(archive)
    imported = symbols(library, "--undefined-only")
    dynamic = dynamic_section(library)
    report.step(
        "each prototype stands in one place and carries our name",
        [n for n in declared if declared.count(n) > 1]
        + [n for n in declared if not n.startswith("enclave_client_")],
        len(declared),
    )
    report.step(
        "each prototype is exported", set(declared) - exported, len(declared)
    )
    report.step("nothing else is exported", exported - set(declared), len(exported))
    report.step(
        "the archive offers the same", offered ^ set(declared), len(offered)
    )
    report.step(
        f"{MAP} names the same (tests/lint/contract.py --write-map)",
        set(re.findall(r"^\t(\w+);$", (TOP / MAP).read_text("utf-8"), re.M))
        ^ set(declared),
        len(declared),
    )
    report.step(
        "the library imports nothing that prints, exits or reads the environment",
        filter(FORBIDDEN_IMPORTS.fullmatch, imported),
        len(imported),
    )
    for name, words in (
        ("the name that programs link to is libenclave-client.so.0",
         r"SONAME.*\[libenclave-client\.so\.0\]"),
        ("the library is never unloaded", r"NODELETE"),
        ("every symbol is bound at start", r"BIND_NOW|FLAGS_1.*NOW"),
        ("relocations become read-only", r"GNU_RELRO"),
    ):
        report.step(name, [] if re.search(words, dynamic) else [words])
    report.step(
        "the stack is not executable",
        [l for l in dynamic.splitlines() if "GNU_STACK" in l and "RWE" in l],
    )
    return report.end()


def main():
    """See the module's text."""
    if sys.argv[1:] == ["--write-map"]:
        (TOP / MAP).write_text(map_text(prototypes()), encoding="utf-8")
        return 0
    return check(*sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
