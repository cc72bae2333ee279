"""Verbs that print what others take, and the table of a map."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
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


def test_print_pcrs_of_a_service_that_signs_itself(attest_curl, enclave, trust):
    enclave.set(web_ca="self-signed")
    line = ["-sS", *trust, "--print-pcrs", enclave.url]
    refused = attest_curl(*line)
    assert (refused.exit, refused.out) == (60, b""), refused.err
    assert attest_curl("--trust", "web_pki+attested_key", *line).exit == 60
    run = attest_curl("--trust", "attested_key", *line)
    assert run.exit == 0, run.err
    assert run.json["PCR0"] == enclave.pcrs["0"]
    assert "nobody vouches that it is the service of that name" in run.err


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


class Terminal:
    """A run of --watch in a terminal of its own."""

    def __init__(self, program, arguments, columns, rows, colours=False):
        self.leader, self.follower = pty.openpty()
        self.seen = b""
        self.resize(columns, rows)
        self.modes = termios.tcgetattr(self.follower)
        environment = clean_environment()
        environment.pop("NO_COLOR", None)
        if not colours:
            environment["NO_COLOR"] = "1"
        self.process = subprocess.Popen(
            [program, *map(str, arguments), "--watch"],
            stdout=self.follower,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(TIMEOUT_S)
        os.close(self.leader)
        os.close(self.follower)

    def resize(self, columns, rows):
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.follower, termios.TIOCSWINSZ, size)

    def read_until(self, wanted, what):
        """Reads on until wanted(seen so far) holds."""
        end = time.monotonic() + TIMEOUT_S
        while not wanted(self.seen):
            assert time.monotonic() < end, (what, self.seen[-2000:])
            if select.select([self.leader], [], [], 0.1)[0]:
                self.seen += os.read(self.leader, 65536)

    def frames(self):
        """Whole ones, as lines."""
        return [
            frame.split(b"\x1b[J")[0].replace(b"\x1b[K", b"").decode().splitlines()
            for frame in self.seen.split(b"\x1b[H")[1:]
            if b"\x1b[J" in frame
        ]

    def frame_with(self, wanted, what):
        self.read_until(lambda _: self.frames() and wanted(self.frames()[-1]), what)
        return self.frames()[-1]


def fits(frame, columns, rows):
    assert "\x1b" not in "".join(frame)
    assert len(frame) < rows
    assert max(map(len, frame)) <= columns


@pytest.mark.parametrize("columns, rows", [(80, 24), (200, 50), (20, 4)])
def test_watch_draws_within_the_terminal(program, trust, enclaves, columns, rows):
    line = [*trust, "--enclaves", enclaves]
    with Terminal(program, line, columns, rows) as terminal:
        terminal.read_until(lambda _: len(terminal.frames()) > 1, "two frames")
        for frame in terminal.frames():
            fits(frame, columns, rows)


def test_watch_follows_a_new_size(program, trust, enclaves):
    with Terminal(program, [*trust, "--enclaves", enclaves], 200, 50) as terminal:
        terminal.frame_with(lambda frame: "unreach" in str(frame), "an error")
        assert "MODULE" in terminal.frames()[-1][0]
        for columns, rows in ((40, 4), (150, 30), (20, 3)):
            # The kernel tells only who has it as controlling terminal.
            terminal.seen = b""
            terminal.resize(columns, rows)
            terminal.process.send_signal(signal.SIGWINCH)
            terminal.frame_with(
                lambda frame, columns=columns: max(map(len, frame)) <= columns
                and ("MODULE" in frame[0]) == (columns >= 120),
                "the new size",
            )
            fits(terminal.frames()[-1], columns, max(rows, 4))


def test_watch_marks_what_it_cuts(program, trust, enclaves, running):
    name = "a-name-that-is-longer-than-any-column-there-is"
    map_of_one = json.loads(enclaves.read_text())
    map_of_one["enclaves"][name] = map_of_one["enclaves"].pop("absent")
    enclaves.write_text(json.dumps(map_of_one))
    with Terminal(program, [*trust, "--enclaves", enclaves], 80, 24) as terminal:
        frame = terminal.frame_with(lambda lines: "unreach" in str(lines), "an error")
    row = next(line for line in frame if "unreach" in line)
    assert row.startswith(name[:13] + "... ")
    assert len(row) == 80 and row.endswith("...")


def test_watch_never_hides_what_fails_behind_what_is_well(
    program, trust, running, tmp_path
):
    good = {"url": running.url, "pcrs": {"PCR0": running.pcrs["0"]}}
    bad = {"url": "https://127.0.0.1:1", "pcrs": {"PCR0": "ab" * 48}}
    path = tmp_path / "enclaves.json"
    path.write_text(json.dumps({"enclaves": {"a-good": good, "z-bad": bad}}))
    line = [*trust, "--enclaves", path]
    with Terminal(program, line, 80, 4) as terminal:
        frame = terminal.frame_with(
            lambda lines: "unreach" in str(lines), "the one that fails"
        )
    assert frame[1].startswith("z-bad ")
    assert frame[2] == "and 1 more"
    bad_too = {"url": "https://127.0.0.1:2", "pcrs": {"PCR0": "ab" * 48}}
    path.write_text(json.dumps({"enclaves": {"y-bad": bad_too, "z-bad": bad}}))
    with Terminal(program, line, 80, 4) as terminal:
        terminal.frame_with(lambda lines: "1 more, 1 bad" in lines, "both that fail")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_leaves_the_terminal_as_it_was(program, trust, enclaves, number):
    line = [*trust, "--enclaves", enclaves]
    with Terminal(program, line, 80, 24, colours=True) as terminal:
        terminal.read_until(lambda seen: b"unreach" in seen, "an error")
        terminal.process.send_signal(number)
        assert terminal.process.wait(TIMEOUT_S) == -number
        while select.select([terminal.leader], [], [], 0)[0]:
            terminal.seen += os.read(terminal.leader, 65536)
        assert termios.tcgetattr(terminal.follower) == terminal.modes
        colours = re.findall(rb"\x1b\[([0-9;]*)m", terminal.seen)
        assert b"31" in colours and colours[-1] == b"0"
        # No other screen, no hidden cursor, nothing else to put back.
        assert b"\x1b[?" not in terminal.seen
