#!/usr/bin/python3
"""Makes native/cdef.h, the declarations that cffi reads, out of the public
header and the event queue's.

Usage: generate_cdef.py            writes native/cdef.h anew
       generate_cdef.py --check    says whether it is what it would write

enclave_client_curl.h and enclave_client_openssl.h are left out: they hold
types of libcurl and OpenSSL, which no Python program has in hand.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
CDEF = HERE / "native" / "cdef.h"
PUBLIC_HEADER = "include/enclave_client.h"
QUEUE_HEADER = HERE / "native" / "event_queue.h"

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# Names that stand for a number; those that stand for attributes have none.
NUMBER = re.compile(
    r"^#define[ \t]+(ENCLAVE_CLIENT_\w+)[ \t]+(?:\d+|INT64_MIN|\(INT64_MIN \+ 1\))$",
    re.MULTILINE,
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:.*\\\n)*.*\n", re.MULTILINE)
CPLUSPLUS = re.compile(
    r"^#ifdef __cplusplus\n.*?^#endif\n", re.MULTILINE | re.DOTALL
)
ATTRIBUTES = re.compile(r"\bENCLAVE_CLIENT_(?:PUBLIC|NODISCARD)\s*")

# Python functions that C calls: on the thread that sends the request.
CALLBACKS = """\
extern "Python" int64_t enclave_client_python_read(
    void *buffer, size_t size, void *context);
extern "Python" bool enclave_client_python_rewind(void *context);
/* From the C library: what strings of the library's are freed with. */
void free(void *pointer);
"""


def repository():
    """The folder that holds include/: the checkout, or the unpacked sdist."""
    for folder in (HERE / "c", HERE.parent.parent):
        if (folder / PUBLIC_HEADER).is_file():
            return folder
    raise SystemExit(f"{PUBLIC_HEADER} is neither in {HERE}/c nor above {HERE}")


def declarations(text):
    """A header as cffi reads it: no comments, no preprocessor."""
    text = CPLUSPLUS.sub("", COMMENT.sub("", text))
    numbers = [f"#define {name} ...\n" for name in NUMBER.findall(text)]
    text = ATTRIBUTES.sub("", DIRECTIVE.sub("", text))
    lines = [line.rstrip() for line in text.splitlines()]
    return "".join(numbers) + "".join(f"{line}\n" for line in lines if line)


def generate():
    """The whole of native/cdef.h."""
    header = (repository() / PUBLIC_HEADER).read_text("utf-8")
    queue = QUEUE_HEADER.read_text("utf-8")
    return (
        "/* Made by generate_cdef.py: change the headers, not this.  clang-format leaves\n"
        " * it alone: */\n/* clang-format off */\n"
        + declarations(header)
        + declarations(queue)
        + CALLBACKS
    )


def main():
    """See the module's text."""
    made = generate()
    if sys.argv[1:] == ["--check"]:
        if CDEF.read_text("utf-8") == made:
            return 0
        print(f"{CDEF.name} is not what generate_cdef.py makes", file=sys.stderr)
        return 1
    CDEF.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
