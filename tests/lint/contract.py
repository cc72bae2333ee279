#!/usr/bin/python3
"""The public contract: prototypes = exports = version script = archive = man.

Usage: contract.py SHARED_LIBRARY ARCHIVE   checks
       contract.py --write-map              writes lib/enclave-client.map anew
       contract.py --write-man              and each page's SYNOPSIS
"""

import re
import subprocess
import sys
from pathlib import Path

from lint import TOP, Report, code_of, files, text_of

MAP = Path("lib/enclave-client.map")
MAN = Path("include/man")
PROTOTYPE = re.compile(r"ENCLAVE_CLIENT_PUBLIC\b[^;()]*?\b(\w+)\s*\(")
SIGNATURE = re.compile(
    r"ENCLAVE_CLIENT_PUBLIC\b([^;()]*?)\b(enclave_client_\w+)\s*\(([^;]*?)\)\s*;"
)
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


def signatures():
    """Of each function: the header, the type it returns, its parameters."""
    found = {}
    for header in files(("include",), (".h",)):
        for type_, name, parameters in SIGNATURE.findall(code_of(header)):
            words = [" ".join(p.split()) for p in parameters.split(",")]
            type_ = " ".join(type_.replace("ENCLAVE_CLIENT_NODISCARD", "").split())
            found[name] = (header.name, type_, words)
    return found


def synopsis(names):
    """The section, in mdoc, for the functions of one page."""
    known = signatures()
    lines, header = [".Sh SYNOPSIS"], None
    for name in names:
        if name not in known:
            continue
        if known[name][0] != header:
            header = known[name][0]
            lines.append(f".In {header}")
        lines += [f".Ft {known[name][1]}", f".Fo {name}"]
        lines += [f'.Fa "{parameter}"' for parameter in known[name][2]]
        lines.append(".Fc")
    return "\n".join(lines) + "\n"


def pages():
    """Of each page of section 3: its text, and the functions it is named for."""
    for path in files((MAN,), (".3",)):
        text = text_of(path)
        head = text.partition(".Sh SYNOPSIS")[0]
        yield path, text, re.findall(r"^\.Nm (\w+)", head, re.M)


def man_steps(report, declared):
    """Every function has its place in one page, as the header has it."""
    read = list(pages())
    named = [name for _, _, names in read for name in names]
    report.step(
        "each function stands in the NAME of one man page",
        [n for n in declared if named.count(n) != 1] + list(set(named) - set(declared)),
        len(named),
    )
    report.step(
        "each SYNOPSIS is that of the headers (tests/lint/contract.py --write-man)",
        [path for path, text, names in read if synopsis(names) not in text],
        len(read),
    )
    report.step(
        "each page says something of each of its functions",
        [
            f"{path}: {name}"
            for path, text, names in read
            for name in names
            if not re.search(rf"Fn {name}\b", text)
        ],
        len(named),
    )
    report.step(
        "each page has its return values, ownership, threads and caveats",
        [
            f"{path}: {section}"
            for path, text, _ in read
            for section in ("RETURN VALUES", "OWNERSHIP", "THREADS", "CAVEATS")
            if f"\n.Sh {section}\n" not in text
        ],
        len(read),
    )
    header = code_of(Path("include/enclave_client.h"))
    statuses = re.findall(r"\b(ENCLAVE_CLIENT_(?:OK|ERR_\w+))\s*=\s*(\d+)", header)
    page = text_of(MAN / "enclave_client_error.3")
    report.step(
        "the page of errors has every status with its number",
        [n for n, number in statuses if f".It {number} Ta Dv {n} Ta " not in page],
        len(statuses),
    )


def write_man():
    """Each page's SYNOPSIS anew."""
    for path, text, names in pages():
        new = re.sub(
            r"^\.Sh SYNOPSIS\n.*?(?=^\.Sh )",
            lambda _, names=names: synopsis(names),
            text,
            flags=re.M | re.S,
        )
        (TOP / path).write_text(new, encoding="utf-8")


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
    man_steps(report, declared)
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
    if sys.argv[1:] == ["--write-man"]:
        write_man()
        return 0
    return check(*sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
