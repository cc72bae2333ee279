"""How the extension module is built (cffi, API mode, limited API).

ENCLAVE_CLIENT_LINK=system links the installed library, which pkg-config finds;
without it the C sources are compiled in.
"""

import os
import pathlib
import shlex
import shutil
import subprocess

from cffi import FFI

HERE = pathlib.Path(__file__).resolve().parent
DEPENDENCIES = ("libcurl", "openssl", "libcbor", "libcjson")
C_FOLDERS = ("include", "lib", "cache", "poller")


def sources():
    """The folder that holds lib/, below this one: setuptools takes no other.
    ./c in an unpacked sdist; in a checkout a copy, made anew, that no sdist
    takes along."""
    if (HERE / "c" / "lib" / "base").is_dir():
        return pathlib.Path("c")
    top = HERE.parent.parent
    if not (top / "lib" / "base").is_dir():
        raise SystemExit(
            "the C sources are neither in ./c nor two folders above; build from "
            "the sdist or the checkout, or set ENCLAVE_CLIENT_LINK=system"
        )
    copy = pathlib.Path("build", "c")
    shutil.rmtree(HERE / copy, ignore_errors=True)
    for folder in C_FOLDERS:
        shutil.copytree(top / folder, HERE / copy / folder)
    return copy


def pkg_config(option, *packages):
    """What pkg-config says, as a list of words."""
    answer = subprocess.run(
        [os.environ.get("PKG_CONFIG", "pkg-config"), option, *packages],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return shlex.split(answer.stdout)


def flags(*packages):
    """Compiler's and linker's words for the packages."""
    return {
        "extra_compile_args": ["-std=c11", *pkg_config("--cflags", *packages)],
        "extra_link_args": pkg_config("--libs", *packages),
    }


def files_below(top, pattern):
    """Of the library's folders, as setuptools takes them."""
    return [
        str(path.relative_to(HERE))
        for folder in C_FOLDERS
        for path in sorted((HERE / top / folder).rglob(pattern))
    ]


def compiled_in():
    """Everything of the library, in the one extension module."""
    top = sources()
    words = flags(*DEPENDENCIES)
    # The SSL ex_data index is never undone: the module must stay loaded.
    # -Bsymbolic: a library of the same name in the process is not ours.
    words["extra_link_args"] += ["-pthread", "-Wl,-z,nodelete,-Bsymbolic"]
    words["extra_compile_args"] += ["-pthread", "-fvisibility=hidden"]
    return {
        "sources": files_below(top, "*.c"),
        # Else setuptools keeps objects of headers that have changed.
        "depends": files_below(top, "*.h"),
        "include_dirs": [str(top / name) for name in ("include", ".", "lib")],
        **words,
    }


def linked():
    """The installed library."""
    return {
        "sources": [],
        "depends": [],
        "include_dirs": [],
        **flags("enclave-client"),
    }


def make_builder():
    """The builder that setup.py names."""
    choice = os.environ.get("ENCLAVE_CLIENT_LINK", "")
    if choice not in ("", "system"):
        raise SystemExit(f"ENCLAVE_CLIENT_LINK={choice}: it knows only system")
    options = linked() if choice else compiled_in()
    options["sources"].append("native/event_queue.c")
    options["depends"].append("native/event_queue.h")
    options["include_dirs"].append("native")
    builder = FFI()
    builder.cdef((HERE / "native" / "cdef.h").read_text("utf-8"))
    builder.set_source(
        "enclave_client._native",
        "#include <stdlib.h>\n"
        "#include <enclave_client.h>\n"
        '#include "event_queue.h"\n',
        define_macros=[("_GNU_SOURCE", None)],
        py_limited_api=True,
        **options,
    )
    return builder


ffibuilder = make_builder()
