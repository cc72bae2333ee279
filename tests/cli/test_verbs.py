"""Verbs that print what others take, and the table of a map."""

import json
import os
import subprocess
import time

import pytest

from conftest import TIMEOUT_S, clean_environment


@pytest.fixture
def enclaves(running, tmp_path):
    """A map of one that answers, and one that nobody is."""
    path = tmp_path / "enclaves.json"
    path.write_text(
        json.dumps(
            {
                "enclaves": {
                    "payments": {
                        "url": running.url,
                        "pcrs": {"label": "v1", "PCR0": running.pcrs["0"]},
                    },
                    "absent": {
                        "url": "https://127.0.0.1:1",
                        "pcrs": {"PCR0": "ab" * 48},
                    },
                }
            }
        )
    )
    return path


def test_stock_curl_takes_the_pin(attest_curl, curl, enclave, accepted):
    run = attest_curl(*accepted, "--print-pin", enclave.url)
    pin = run.out.decode().strip()
    assert run.exit == 0, run.err
    assert pin.startswith("sha256//")
    good = curl("-sS", "--cacert", enclave.web_ca, "--pinnedpubkey", pin, enclave.url)
    assert good.exit == 0, good.err
    other = pin[:-4] + ("AAA=" if not pin.endswith("AAA=") else "BBB=")
    bad = curl("-sS", "--cacert", enclave.web_ca, "--pinnedpubkey", other, enclave.url)
    assert bad.exit == 90
    assert not [r for r in enclave.log("request") if r["path"] == "/print-pin"]


def test_no_pin_of_what_is_not_accepted(attest_curl, enclave, trust):
    attest_curl(
        "-sS", *trust, "--pcr", "0=" + "ab" * 48, "--print-pin", enclave.url
    ).refused(115)


def test_print_pcrs_is_a_policy_and_says_what_it_is_worth(
    attest_curl, enclave, trust, tmp_path
):
    before = len(enclave.log("request"))
    run = attest_curl(*trust, "--print-pcrs", enclave.url + "/x")
    assert run.exit == 0, run.err
    assert run.json["PCR0"] == enclave.pcrs["0"]
    assert "looking is not trusting" in run.err
    assert len(enclave.log("request")) == before
    path = tmp_path / "pcrs.json"
    path.write_bytes(run.out)
    assert attest_curl("-sS", *trust, "--pcrs", path, enclave.url).exit == 0


@pytest.mark.parametrize(
    "mode, status",
    [
        ("broken-signature", 113),
        ("foreign-root", 113),
        ("expired", 114),
        ("empty", 111),
        ("huge", 111),
        ("status", 111),
        ("not-json", 112),
    ],
)
def test_print_pcrs_prints_nothing_of_what_is_not_authentic(
    attest_curl, enclave, trust, mode, status
):
    enclave.set(evidence=mode)
    run = attest_curl("-sS", *trust, "--print-pcrs", enclave.url)
    assert (run.exit, run.out) == (status, b""), run.err


def test_print_pcrs_says_that_it_is_debug(attest_curl, enclave, trust):
    enclave.set(debug=True)
    run = attest_curl(*trust, "--print-pcrs", enclave.url)
    assert "debug mode" in run.err


def test_watch_prints_a_line_a_change_into_a_pipe(attest_curl, trust, enclaves):
    run = attest_curl(*trust, "--enclaves", enclaves, "--watch", "-m", "2")
    lines = run.out.decode().splitlines()
    # Of a network failure the report keeps no CURLcode.
    assert run.exit in (7, 28, 56), run.err
    assert any("payments" in line and "attested" in line for line in lines)
    assert any("unreachable" in line for line in lines)
    assert b"\x1b" not in run.out
    assert len(lines) < 20


def test_watch_ends_well_when_all_is_well(attest_curl, accepted, enclave):
    run = attest_curl(*accepted, "--watch", "-m", "2", enclave.url)
    assert run.exit == 0, run.err


def test_watch_gives_machines_reports(attest_curl, trust, enclaves):
    run = attest_curl(
        *trust, "--enclaves", enclaves, "--watch", "--json", "-m", "2"
    )
    reports = [json.loads(line) for line in run.out.splitlines()]
    assert reports
    states = {item["name"]: item["state"] for item in reports[-1]["enclaves"]}
    assert states["payments"] == "attested"


def test_watch_needs_a_map(attest_curl):
    run = attest_curl("--watch").refused(2)
    assert "--enclaves" in run.err


def test_watch_ends_when_nobody_reads(program, trust, enclaves):
    process = subprocess.Popen(
        [program, *trust, "--enclaves", str(enclaves), "--watch", "--json", "-m", "30"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
    )
    process.stdout.readline()
    process.stdout.close()
    start = time.monotonic()
    status = process.wait(TIMEOUT_S)
    assert status in (23, 7, 28, 56)
    assert time.monotonic() - start < 45


@pytest.mark.parametrize("columns, rows", [(80, 24), (200, 50), (20, 4)])
def test_watch_draws_within_the_terminal(program, trust, enclaves, columns, rows):
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        [program, *trust, "--enclaves", str(enclaves), "--watch", "-m", "1.5"],
        stdout=follower,
        stderr=subprocess.DEVNULL,
        env={**clean_environment(), "NO_COLOR": "1"},
    )
    os.close(follower)
    seen = b""
    try:
        while chunk := os.read(leader, 65536):
            seen += chunk
    except OSError:
        pass
    os.close(leader)
    process.wait(TIMEOUT_S)
    frames = seen.split(b"\x1b[H")[1:]
    assert frames
    for frame in frames:
        text = frame.replace(b"\x1b[K", b"").replace(b"\x1b[J", b"")
        assert b"\x1b" not in text
        lines = text.decode().splitlines()
        assert len(lines) < rows
        assert max(map(len, lines)) <= columns
