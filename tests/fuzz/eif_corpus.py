#!/usr/bin/python3
"""Writes the images that fuzzing starts from.

Usage: eif_corpus.py FOLDER
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "cli"))

import eif  # noqa: E402

LEAST = [(1, b"k"), (2, b"c"), (3, b"r")]
# [{"signing_certificate": [80, 69, 77], "signature": h'84'}]
ARRAY = (
    b"\x81\xa2\x73signing_certificate\x83\x18\x50\x18\x45\x18\x4d"
    b"\x69signature\x41\x84"
)
STRING = b"\x81\xa2\x73signing_certificate\x43PEM\x69signature\x41\x84"

CORPUS = {
    "least": eif.build(LEAST),
    "version-2": eif.build(LEAST, version=2),
    "metadata": eif.build(LEAST + [(5, b"{}")]),
    "two-ramdisks": eif.build(LEAST + [(3, b"s")]),
    "signed": eif.build(LEAST + [(4, ARRAY)]),
    "damaged": eif.build(LEAST, crc=0),
    "longer": eif.build(LEAST, tail=b"x"),
    "shorter": eif.build(LEAST)[:-1],
    "no-kernel": eif.build(LEAST[1:]),
    "sizes": eif.build(LEAST, sizes=[2**64 - 1] * 3, inner_sizes=[2**64 - 1] * 3),
    "signature-array": ARRAY,
    "signature-string": STRING,
    "signature-endless": b"\x81\xa2\x7b" + b"\xff" * 8,
}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in CORPUS.items():
        (folder / name).write_bytes(data)


main()
