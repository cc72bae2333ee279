"""--pcrs-from-eif: images that are built here, and files that are none."""

import base64
import json
import pathlib

import pytest

import eif

# What AWS's builder made, and what it says they measure as.
AWS = json.loads((pathlib.Path(__file__).parent / "aws_images.json").read_text())


@pytest.fixture
def image(attest_curl, tmp_path):
    def run(data):
        path = tmp_path / "image.eif"
        path.write_bytes(data)
        return attest_curl("--pcrs-from-eif", path)

    return run


def measurements(run):
    assert run.exit == 0, run.err
    found = run.json["Measurements"]
    assert found.pop("HashAlgorithm").startswith("Sha384")
    return found


@pytest.mark.parametrize("made", AWS["images"], ids=lambda made: made["name"])
def test_an_image_of_the_builder_of_aws(image, made):
    run = image(base64.b64decode(made["eif_base64"]))
    assert measurements(run) == made["measurements"]


@pytest.mark.parametrize("version", [2, 3, 4])
def test_an_image_measures_as_specified(image, version):
    run = image(eif.build(version=version))
    assert measurements(run) == eif.measure()
    assert run.err == ""


@pytest.mark.parametrize(
    "sections",
    [
        [(1, b"k"), (2, b"c"), (3, b"r")],
        [(2, b"c"), (1, b"k"), (3, b"r"), (3, b"s")],
        [(1, b"k"), (3, b"r"), (2, b"c"), (3, b"s"), (3, b"t")],
        [(1, b""), (2, b""), (3, b"")],
        [(1, b"k" * 200_001), (2, b"c"), (3, b"r" * 65536), (3, b"s" * 65537)],
        [(1, b"k"), (2, b"c")] + [(3, bytes([i])) for i in range(30)],
    ],
    ids=["least", "order", "mixed", "empty", "large", "32 sections"],
)
def test_sections_in_the_order_of_the_file(image, sections):
    assert measurements(image(eif.build(sections))) == eif.measure(sections)


@pytest.mark.parametrize("as_array", [True, False])
def test_a_signed_image_has_pcr8(image, as_array):
    pem, der = eif.certificate()
    sections = eif.USUAL + [(4, eif.signature(pem, as_array))]
    run = image(eif.build(sections))
    assert measurements(run) == eif.measure(sections, der)
    assert "signature was not checked" in run.err


def test_what_is_printed_is_a_policy(attest_curl, image, tmp_path):
    path = tmp_path / "pcrs.json"
    path.write_bytes(image(eif.build()).out)
    # Read, found good, and nobody listens: curl's 7.
    attest_curl("--pcrs", path, "https://127.0.0.1:1/").refused(7)


def damaged(position):
    data = bytearray(eif.build())
    data[position] ^= 1
    return bytes(data)


PEM, DER = eif.certificate()
SIGNED = eif.signature(PEM)


def with_signature(section):
    return eif.build(eif.USUAL + [(4, section)])


HOSTILE = [
    ("nothing", b"", "ends in the middle"),
    ("a header cut short", eif.build()[:547], "ends in the middle"),
    ("a header alone", eif.build()[:548], "ends in the middle"),
    ("a section cut short", eif.build()[:-1], "ends in the middle"),
    ("no magic", eif.build(magic=b"\x7fELF"), "at byte 0: no enclave image file: .eif"),
    ("version 1", eif.build(version=1), "at byte 4: the version"),
    ("version 5", eif.build(version=5), "version"),
    ("one section", eif.build([(1, b"k")]), "sections"),
    ("no section", eif.build(count=0), "at byte 26: not between 2 and 32 sections"),
    ("33 sections", eif.build(count=33), "sections"),
    ("65535 sections", eif.build(count=65535), "sections"),
    ("one section less", eif.build(count=5), "after the last"),
    ("one section more", eif.build(count=7), "header says"),
    ("an offset beside it", eif.build(offsets=[549]), "header says"),
    ("an offset at the end", eif.build(offsets=[2**64 - 1]), "header says"),
    ("another size", eif.build(sizes=[1]), "size"),
    (
        "a size without end",
        eif.build([(1, b"k"), (2, b"c"), (3, b"r")], sizes=[2**64 - 1] * 3,
                  inner_sizes=[2**64 - 1] * 3),
        "ends in the middle",
    ),
    ("a type of none", eif.build([(0, b""), (1, b""), (2, b"")]), "unknown type"),
    ("a type to come", eif.build([(1, b""), (2, b""), (6, b"")]), "unknown type"),
    ("two kernels", eif.build([(1, b""), (1, b""), (2, b"")]), "once"),
    ("two command lines", eif.build([(1, b""), (2, b""), (2, b"")]), "once"),
    ("two signatures", eif.build(eif.USUAL + [(4, SIGNED)] * 2), "once"),
    ("a ramdisk first", eif.build([(3, b""), (1, b""), (2, b"")]), "before"),
    ("no ramdisk", eif.build([(1, b""), (2, b"")]), "no ramdisk"),
    ("no kernel", eif.build([(2, b""), (5, b"")]), "no kernel"),
    ("another checksum", eif.build(crc=0), "checksum"),
    ("a bit of a kernel", damaged(600), "checksum"),
    ("a bit of the header", damaged(20), "checksum"),
    ("bytes behind it", eif.build(tail=b"x"), "after the last"),
    ("a large signature", with_signature(bytes(65537)), "64 KiB"),
    ("an empty signature", with_signature(b""), "no certificate"),
    ("no signature in it", with_signature(b"\x80"), "no certificate"),
    ("a signature of text", with_signature(b"\x61a"), "no certificate"),
    ("a signature cut short", with_signature(SIGNED[:40]), "no certificate"),
    ("endless lengths", with_signature(b"\x9f\xff"), "no certificate"),
    ("a count of all", with_signature(b"\x9b" + b"\xff" * 8), "no certificate"),
    (
        "a string of all",
        with_signature(b"\x81\xa2\x7b" + b"\xff" * 8),
        "no certificate",
    ),
    ("no PEM", with_signature(eif.signature(b"PEM")), "no certificate"),
    (
        "a locked PEM",
        with_signature(
            eif.signature(
                b"-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
                b"DEK-Info: AES-128-CBC,00000000000000000000000000000000\n\n"
                b"AAAA\n-----END CERTIFICATE-----\n"
            )
        ),
        "no certificate",
    ),
]


@pytest.mark.parametrize(
    "data, sentence", [case[1:] for case in HOSTILE], ids=[c[0] for c in HOSTILE]
)
def test_what_is_no_image_is_refused(image, data, sentence):
    run = image(data).refused(112)
    assert sentence in run.err and "image.eif" in run.err


def test_a_file_that_is_not_there(attest_curl, tmp_path):
    attest_curl("--pcrs-from-eif", tmp_path / "missing").refused(2)
    attest_curl("--pcrs-from-eif", tmp_path).refused(2)


def test_it_sends_nothing(attest_curl, tmp_path):
    run = attest_curl("--pcrs-from-eif", "x", "https://127.0.0.1:1/").refused(2)
    assert "no URL" in run.err
