"""What is accepted: the options, the files, and what is wrong with them."""

import json

import pytest

PCR = "ab" * 48
NOBODY = "https://127.0.0.1:1/"
OTHER = "https://127.0.0.1:2/"


def test_no_policy_is_no_plain_curl(attest_curl):
    run = attest_curl(NOBODY).refused(2)
    assert "nothing was sent" in run.err and "--pcr" in run.err


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--pcr", "0=" + PCR, "--pcrs", "file"], "can't be had at once"),
        (["--pcr", "0=" + PCR, "--enclaves", "file"], "can't be had at once"),
        (["--pcrs", "file", "--enclaves", "file"], "can't be had at once"),
        (["--pcr", "0=" + PCR, OTHER], "one origin"),
        (["--pcr", "0"], "N=HEX"),
        (["--pcr", "=" + PCR], "N=HEX"),
        (["--pcr", "x=" + PCR], "N=HEX"),
        (["--pcr", "32=" + PCR], "N=HEX"),
        (["--pcr", "256=" + PCR], "N=HEX"),
        (["--pcr", "-1=" + PCR], "N=HEX"),
        (["--pcr", "0=" + PCR, "--pcr", "0=" + PCR], "given twice"),
        (["--pcr", "0=" + PCR, "--pcr", "00=" + PCR], "given twice"),
        (["--pcr", "0=" + PCR[:-1]], "96"),
        (["--pcr", "0=" + PCR + "0"], "96"),
        (["--pcr", "0=" + "xy" * 48], "PCR0"),
        (["--pcr", "0="], "PCR0"),
        (
            ["--pcr", "0=" + "00" * 48]
            + ["--pcr", "1=" + "00" * 48]
            + ["--pcr", "2=" + "00" * 48],
            "debug",
        ),
    ],
)
def test_a_wrong_policy_is_refused_with_2(attest_curl, arguments, sentence):
    assert sentence in attest_curl(*arguments, NOBODY).refused(2).err


def test_one_origin_may_be_written_in_many_ways(attest_curl):
    same = ["https://LOCALHOST:1/a", "localhost:1/b", "https://localhost.:1"]
    run = attest_curl("--pcr", "0=" + PCR, *same)
    assert run.exit == 7
    assert run.err.count("attest-curl: (7)") == 3


def test_a_url_that_the_map_does_not_have_is_refused(attest_curl, tmp_path):
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"127.0.0.1:2": {"PCR0": PCR}}))
    attest_curl("--enclaves", path, NOBODY).refused(2)
    attest_curl("--enclaves", path, OTHER).refused(7)


def test_one_origin_of_two_does_not_speak_for_the_other(attest_curl, tmp_path):
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"127.0.0.1:2": {"PCR0": PCR}}))
    run = attest_curl("--enclaves", path, NOBODY, OTHER)
    assert "(2)" in run.err and "(7)" in run.err and run.exit == 7


HOSTILE = {
    "empty": b"",
    "white space": b" \n",
    "not JSON": b"<html></html>",
    "cut": b'{"enclaves": {',
    "two values": b"{} {}",
    "null": b"null",
    "a number": b"5",
    "an empty object": b"{}",
    "a NUL byte": b'{"PCR0": "' + PCR.encode() + b'"}\0',
    "not UTF-8": b'{"\xff": 1}',
    "10 MB of zeros": b"0" * 10_000_000,
    "10 MB of JSON": b'{"PCR0": "' + b"a" * 10_000_000 + b'"}',
    "a thousand nested arrays": b"[" * 1000 + b"]" * 1000,
    "a million nested arrays": b"[" * 1_000_000,
    "a thousand nested objects": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "an index twice": f'{{"PCR0": "{PCR}", "PCR0": "{PCR}"}}'.encode(),
    "an index in two spellings": f'{{"PCR0": "{PCR}", "pcr0": "{PCR}"}}'.encode(),
    "an unknown key": f'{{"PCR0": "{PCR}", "PCR32": "{PCR}"}}'.encode(),
    "no PCR": b'{"label": "nothing"}',
    "an empty list": b"[]",
}


@pytest.mark.parametrize("option", ["--enclaves", "--pcrs"])
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_with_2(attest_curl, tmp_path, option, content):
    path = tmp_path / "policy.json"
    path.write_bytes(content)
    run = attest_curl(option, path, NOBODY).refused(2)
    assert str(path) in run.err
    assert run.err.count("\n") == 1


@pytest.mark.parametrize("option", ["--enclaves", "--pcrs", "--insecure-nitro-root"])
@pytest.mark.parametrize("kind", ["missing", "directory", "unreadable"])
def test_a_file_that_cannot_be_read_is_refused_with_2(
    attest_curl, tmp_path, option, kind
):
    path = tmp_path / kind
    if kind == "directory":
        path.mkdir()
    elif kind == "unreadable":
        # Opens, and then gives an error at address 0; to root as well.
        path = "/proc/self/mem"
    arguments = [] if option != "--insecure-nitro-root" else ["--pcr", "0=" + PCR]
    run = attest_curl(*arguments, option, path, NOBODY).refused(2)
    assert str(path) in run.err


@pytest.mark.parametrize(
    "content", [b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n"]
)
def test_a_root_that_is_none_is_refused_with_2(attest_curl, tmp_path, content):
    path = tmp_path / "root.pem"
    path.write_bytes(content)
    attest_curl(
        "--pcr", "0=" + PCR, "--insecure-nitro-root", path, NOBODY
    ).refused(2)


GOOD = {
    "one set": {"PCR0": PCR},
    "lower case": {"pcr0": PCR},
    "underscore": {"pcr_0": PCR},
    "a list": [{"PCR0": PCR}, {"PCR0": "cd" * 48, "label": "next"}],
    "nitro-cli": {
        "Measurements": {
            "HashAlgorithm": "Sha384 { ... }",
            "PCR0": PCR,
            "PCR1": PCR,
            "PCR2": PCR,
        }
    },
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
def test_a_good_file_is_read(attest_curl, tmp_path, content):
    path = tmp_path / "pcrs.json"
    path.write_text(json.dumps(content))
    attest_curl("--pcrs", path, NOBODY).refused(7)


def test_insecure_options_always_say_so(attest_curl):
    line = ["--insecure-allow-debug", "--pcr", "0=" + PCR, NOBODY]
    assert "insecure: --insecure-allow-debug" in attest_curl(*line).err
    assert "insecure: --insecure-allow-debug" in attest_curl("-sS", *line).err
    # -s may stand in a file of options, and nobody would know.
    (said,) = attest_curl("-s", *line).err.splitlines()
    assert said.startswith("attest-curl: insecure: --insecure-allow-debug")


@pytest.mark.parametrize("register", [3, 4, 16])
def test_registers_that_name_no_code_always_say_so(attest_curl, register):
    run = attest_curl("-s", "--pcr", f"{register}={PCR}", NOBODY)
    (said,) = run.err.splitlines()
    assert said.startswith("attest-curl: insecure: 127.0.0.1:1: set 1 of 1 names no")
    assert "PCR0, 1, 2, 8 or image_id" in said


@pytest.mark.parametrize("register", [0, 1, 2, 8])
def test_registers_that_name_code_say_nothing(attest_curl, register):
    line = ["-s", "--pcr", f"{register}={PCR}", "--pcr", "4=" + PCR, NOBODY]
    run = attest_curl(*line)
    assert (run.exit, run.err) == (7, "")
