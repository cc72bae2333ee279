"""Each way in which an enclave is not what was accepted.

Always: its own exit status, a sentence, nothing on standard output, no output
file, and no byte of the request on the wire.
"""

import contextlib
import subprocess

import pytest

from conftest import TIMEOUT_S, Run, clean_environment
from harness import LocalEnclave

MARKER = "the-callers-secret"
OTHER_PCR = "ab" * 48


@contextlib.contextmanager
def nothing_is_sent(enclave):
    before = len(enclave.log())
    yield
    after = enclave.log()[before:]
    assert MARKER not in str(after)
    for event in after:
        assert event["event"] not in ("request", "received"), event


def refuse(attest_curl, line, tmp_path, status):
    """With the caller's secrets in every place; -o must leave no file."""
    out = tmp_path / "out"
    run = attest_curl(
        "-i",
        "-d",
        MARKER,
        "-H",
        f"Authorization: Bearer {MARKER}",
        "-H",
        f"Cookie: {MARKER}",
        *line,
    ).refused(status)
    assert MARKER not in run.err
    again = attest_curl("-d", MARKER, "-o", out, *line)
    assert again.exit == status
    assert not out.exists()
    out.write_text("what was there before")
    attest_curl("-d", MARKER, "-o", out, *line)
    assert out.read_text() == "what was there before"
    return run


MODES = [
    ({"mode": "other-key"}, 116),
    ({"mode": "null-user-data"}, 116),
    ({"mode": "old", "age_ms": 4_000_000}, 114),
    ({"mode": "expired"}, 114),
    ({"mode": "future"}, 114),
    ({"mode": "broken-signature"}, 113),
    ({"mode": "foreign-root"}, 113),
    ({"mode": "truncated"}, 112),
    ({"mode": "nitrotpm"}, 112),
    ({"mode": "not-json"}, 112),
    ({"mode": "missing-member"}, 112),
    ({"mode": "bad-base64"}, 112),
    ({"mode": "empty"}, 111),
    ({"mode": "huge"}, 111),
    ({"mode": "cut"}, 111),
    ({"mode": "status", "status": 404}, 111),
    ({"mode": "status", "status": 503}, 111),
    ({"mode": "redirect", "to": "/elsewhere"}, 111),
    ({"mode": "redirect", "to": "https://127.0.0.1:1/"}, 111),
    ({"mode": "never"}, 28),
    ({"mode": "slow", "interval_ms": 100}, 28),
]


@pytest.mark.parametrize(
    "mode, status",
    MODES,
    ids=lambda value: (
        " ".join(map(str, value.values())) if isinstance(value, dict) else None
    ),
)
def test_bad_evidence(attest_curl, enclave, accepted, tmp_path, mode, status):
    enclave.set(evidence=mode)
    limit = ["-m", "0.7"] if status == 28 else ["-m", "20"]
    line = [*limit, *accepted, enclave.url + f"/{MARKER}"]
    with nothing_is_sent(enclave):
        refuse(attest_curl, line, tmp_path, status)


def test_another_build(attest_curl, enclave, trust, tmp_path):
    line = [*trust, "--pcr", "0=" + OTHER_PCR, enclave.url]
    with nothing_is_sent(enclave):
        run = refuse(attest_curl, line, tmp_path, 115)
    assert enclave.pcrs["0"] in run.err
    assert OTHER_PCR in run.err
    assert "only if you built it" in run.err


def test_one_register_of_several(attest_curl, enclave, accepted, tmp_path):
    line = [*accepted, "--pcr", "8=" + OTHER_PCR, enclave.url]
    with nothing_is_sent(enclave):
        run = refuse(attest_curl, line, tmp_path, 115)
    assert "PCR8" in run.err


def test_a_register_that_is_in_no_document(attest_curl, enclave, accepted, tmp_path):
    line = [*accepted, "--pcr", "31=" + "00" * 48, enclave.url]
    with nothing_is_sent(enclave):
        refuse(attest_curl, line, tmp_path, 115)


def test_a_debug_enclave(attest_curl, enclave, trust, tmp_path):
    enclave.set(debug=True)
    pcr4 = ["--pcr", "4=" + enclave.pcrs["4"]]
    with nothing_is_sent(enclave):
        refuse(attest_curl, [*trust, *pcr4, enclave.url], tmp_path, 115)
    run = attest_curl("--insecure-allow-debug", *trust, *pcr4, enclave.url + "/x")
    assert run.exit == 0, run.err
    assert "--insecure-allow-debug" in run.err
    assert run.json["path"] == "/x"


def test_an_impostor_who_relays_genuine_evidence(
    attest_curl, enclave, accepted, state, tmp_path
):
    with LocalEnclave.start(state, instance="impostor", relay=enclave.url) as impostor:
        led = f"localhost:{enclave.port}:127.0.0.1:{impostor.port}"
        line = [*accepted, "--connect-to", led, enclave.url + f"/{MARKER}"]
        with nothing_is_sent(enclave), nothing_is_sent(impostor):
            refuse(attest_curl, line, tmp_path, 116)
        gets = impostor.log("evidence")
        assert gets
        for get in gets:
            assert (get["method"], get["path"]) == (
                "GET",
                "/.well-known/attestation",
            )


def test_the_aws_root_is_not_the_local_enclaves(
    attest_curl, enclave, running, tmp_path
):
    line = ["--cacert", running.web_ca, "--pcr", "0=" + running.pcrs["0"]]
    with nothing_is_sent(enclave):
        refuse(attest_curl, [*line, enclave.url], tmp_path, 113)


# Before any HTTP answer: curl's own numbers.


def test_nobody_listens(attest_curl, tmp_path):
    line = ["--pcr", "0=" + OTHER_PCR, "https://127.0.0.1:1/"]
    refuse(attest_curl, line, tmp_path, 7)


@pytest.mark.parametrize(
    "url, status", [("https://enclave.test/", 6), ("https://127.0.0.1/", 7)]
)
def test_there_is_no_network(program, url, status):
    alone = ["unshare", "--map-root-user", "--net"]
    try:
        subprocess.run([*alone, "true"], check=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a network of its own can't be had here")
    process = subprocess.run(
        [*alone, program, "-d", MARKER, "--pcr", "0=" + OTHER_PCR, url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
        timeout=TIMEOUT_S,
    )
    Run(process).refused(status)


@pytest.mark.parametrize("kind", ["foreign", "expired", "wrong-name"])
def test_a_bad_certificate(attest_curl, enclave, accepted, tmp_path, kind):
    enclave.set(web_ca=kind)
    with nothing_is_sent(enclave):
        refuse(attest_curl, [*accepted, enclave.url], tmp_path, 60)


def test_an_unknown_authority(attest_curl, enclave, accepted, tmp_path):
    line = [*accepted[2:], enclave.url]
    with nothing_is_sent(enclave):
        refuse(attest_curl, line, tmp_path, 60)


def test_a_ca_file_that_is_missing(attest_curl, enclave, accepted, tmp_path):
    line = [*accepted, "--cacert", tmp_path / "missing", enclave.url]
    with nothing_is_sent(enclave):
        assert "missing" in attest_curl(*line).refused(2).err


def test_a_name_that_the_map_does_not_have(attest_curl, enclave, accepted, tmp_path):
    line = [*accepted, enclave.url, "https://127.0.0.1:1/"]
    with nothing_is_sent(enclave):
        refuse(attest_curl, line, tmp_path, 2)


def test_an_enclave_that_comes_back_is_asked_again(attest_curl, enclave, accepted):
    enclave.set(evidence={"mode": "status", "status": 503})
    assert attest_curl(*accepted, enclave.url).exit == 111
    enclave.set(evidence={"mode": "good"})
    assert attest_curl(*accepted, enclave.url).exit == 0
