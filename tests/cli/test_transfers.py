"""Attested requests, beside curl's own against the same server."""

import json
import os
import subprocess
import sys

import pytest

from conftest import (
    TIMEOUT_S,
    Run,
    clean_environment,
    skip_what_curl_8_does_otherwise,
)

AGENT = ["-H", "User-Agent: same"]


def last_request(enclave):
    """What went over the wire last, without what differs by nature."""
    requests = enclave.log("request")
    if not requests:
        return None
    return {
        name: requests[-1].get(name)
        for name in ("method", "path", "version", "headers", "body")
    }


def echo(line):
    """An echoed request, whose headers are no list; and what follows it."""
    try:
        return json.JSONDecoder().raw_decode(line.decode())
    except ValueError:
        return line


def comparable(out):
    """Line by line, without the date."""
    return [
        echo(line) for line in out.splitlines() if not line.startswith(b"Date:")
    ]


EVERYDAY = [
    ("/", []),
    ("", []),
    ("/a/../b?x=1&y=%20#fragment", []),
    ("/", ["-i"]),
    ("/", ["-si"]),
    ("/", ["-d", "a=b"]),
    ("/", ["-d", "a=b", "--data", "c", "-dd"]),
    ("/", ["-d", ""]),
    ("/", ["-d", "", "-d", "x"]),
    ("/", ["-d", "@data"]),
    ("/", ["-d", "@data", "-d", "@data"]),
    ("/", ["-d", "@empty"]),
    ("/", ["-d", "@large"]),
    ("/", ["-X", "PUT", "-d", "x"]),
    ("/", ["-XDELETE"]),
    ("/", ["-X", "PATCH", "-X", "OPTIONS"]),
    ("/", ["-H", "X-A: b", "-H", "x-a: c"]),
    ("/", ["-H", "X-A:    blanks"]),
    ("/", ["-H", "X-A:"]),
    ("/", ["-H", "X-A;"]),
    ("/", ["-H", "X-A; b"]),
    ("/", ["-H", "Accept:"]),
    ("/", ["-H", "Accept: text/plain"]),
    ("/", ["-H", "Host: other.example"]),
    ("/", ["-H", "nonsense"]),
    ("/", ["-H", "@headers"]),
    ("/", ["-H", "Content-Type: text/plain", "-d", "x"]),
    ("/", ["-H", "content-type:", "-d", "x"]),
    ("/", ["-H", "Content-Type;", "-d", "x"]),
    ("/", ["-H", "Authorization: Bearer secret"]),
    ("/", ["-H", "Cookie: a=b"]),
    ("/status/404", []),
    ("/status/404", ["-i"]),
    ("/status/404", ["-f"]),
    ("/status/404", ["-fi"]),
    ("/status/404", ["-f", "--no-fail"]),
    ("/status/500", ["-f", "-w", "%{http_code} %{exitcode} %{errormsg}"]),
    ("/status/399", ["-f"]),
    ("/status/400", ["-f"]),
    ("/status/204", ["-i"]),
    ("/redirect?to=/elsewhere", ["-i"]),
    ("/bytes/100000", []),
    ("/length/100000", []),
    ("/length/0", []),
    ("/length/0", ["-i"]),
    ("/sse", []),
    ("/close", []),
    ("/cut", []),
    ("/never", ["-m", "0.4"]),
    ("/delay/10", ["-m", "10"]),
    ("/", ["-w", r"\n%{http_code} %{response_code}\t%{http_version}\r\n"]),
    ("/x?y", ["-w", "%{url_effective} %{method} %{size_download}"]),
    ("/", ["-d", "abc", "-w", "%{method} %{size_upload} %{content_type}"]),
    ("/", ["-w", "%{num_redirects} %{urlnum} %{exitcode}[%{errormsg}]"]),
    ("/", ["-w", r"%% %x % \q \\ %{ %{http_code"]),
    ("/", ["-w", "%{nope}|%{onerror}unseen"]),
    ("/", ["-w", "%header{content-type} %header{NOPE}|%header{x"]),
    ("/", ["-w", "%{stderr}%{http_code}"]),
    ("/", ["-w", ""]),
    ("/", ["-w", "@format"]),
    ("/", ["-w", "first", "-w", "second"]),
    ("/", ["-o", "out"]),
    ("/", ["-o", "out", "-i"]),
    ("/", ["-o", "-"]),
    ("/", ["-so", "out", "-w", "%{filename_effective}"]),
    ("/length/0", ["-o", "out"]),
    ("/status/404", ["-f", "-o", "out"]),
    ("/status/404", ["-fi", "-o", "out"]),
    ("/", ["-o", "missing/out"]),
    ("/", ["-o", "."]),
]


@pytest.mark.parametrize(
    "path, arguments", EVERYDAY, ids=lambda v: v if isinstance(v, str) else " ".join(v)
)
def test_the_same_as_curl(
    attest_curl, curl, enclave, accepted, tmp_path, path, arguments
):
    skip_what_curl_8_does_otherwise(curl, path, arguments)
    found = []
    for name, run, trust in (
        ("curl", curl, ["--cacert", enclave.web_ca]),
        ("attest-curl", attest_curl, accepted),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "data").write_bytes(b"a=1\r\nb=2\nc")
        (folder / "empty").touch()
        (folder / "large").write_bytes(b"x" * 100_000)
        (folder / "headers").write_bytes(b"X-One: 1\r\n\nX-Two: 2\nX-Three;")
        (folder / "format").write_bytes(b"%{http_code}\n")
        got = run("-sS", *trust, *AGENT, *arguments, enclave.url + path, cwd=folder)
        out = folder / "out"
        found.append(
            {
                "exit": got.exit,
                "out": comparable(got.out),
                "file": comparable(out.read_bytes()) if out.exists() else None,
                "wire": last_request(enclave),
            }
        )
    assert found[1] == found[0]


def test_several_urls_share_one_connection(attest_curl, enclave, accepted, tmp_path):
    before = len(enclave.log("handshake"))
    files = [tmp_path / "one", tmp_path / "two"]
    run = attest_curl(
        "-sS",
        *accepted,
        "-o",
        files[0],
        enclave.url + "/one",
        "-o",
        files[1],
        enclave.url + "/two",
        enclave.url + "/three",
    )
    assert run.exit == 0, run.err
    assert json.loads(files[0].read_bytes())["path"] == "/one"
    assert json.loads(files[1].read_bytes())["path"] == "/two"
    assert run.json["path"] == "/three"
    assert len(enclave.log("handshake")) == before + 1


def test_one_failure_of_several_is_the_exit_status(attest_curl, enclave, accepted):
    run = attest_curl(
        "-sS", *accepted, "-f", enclave.url + "/status/404", enclave.url + "/good"
    )
    assert run.exit == 22
    assert run.json["path"] == "/good"


def test_a_map_of_enclaves_finds_each(attest_curl, running, trust, tmp_path):
    host = running.url.removeprefix("https://")
    for text in (
        {host: {"PCR0": running.pcrs["0"]}},
        {
            "enclaves": {
                "payments": {
                    "url": running.url,
                    "pcrs": {"PCR0": running.pcrs["0"]},
                }
            }
        },
    ):
        path = tmp_path / "map.json"
        path.write_text(json.dumps(text))
        run = attest_curl("-sS", *trust, "--enclaves", path, running.url + "/x")
        assert run.exit == 0, run.err
        assert run.json["path"] == "/x"


def test_pcrs_come_from_a_file(attest_curl, running, trust, tmp_path):
    path = tmp_path / "pcrs.json"
    path.write_text(
        json.dumps([{"PCR0": "ab" * 48}, {"PCR0": running.pcrs["0"]}])
    )
    assert attest_curl("-sS", *trust, "--pcrs", path, running.url).exit == 0


@pytest.mark.parametrize("option", ["--resolve", "--connect-to"])
def test_the_connection_can_be_led(attest_curl, enclave, accepted, option):
    value = {
        "--resolve": f"enclave.test:{enclave.port}:127.0.0.1",
        "--connect-to": f"enclave.test:{enclave.port}:127.0.0.1:{enclave.port}",
    }[option]
    run = attest_curl(
        "-sS", *accepted, option, value, f"https://enclave.test:{enclave.port}/x"
    )
    assert run.exit == 0, run.err
    assert run.json["headers"]["host"] == f"enclave.test:{enclave.port}"


def test_the_user_agent_is_ours(attest_curl, enclave, accepted):
    run = attest_curl("-sS", *accepted, enclave.url)
    assert run.json["headers"]["user-agent"].startswith("attest-curl/")


def test_verbose_shows_attestation_and_headers_on_stderr(
    attest_curl, enclave, accepted
):
    run = attest_curl("-sv", *accepted, "-d", "body", enclave.url + "/x")
    insecure, *lines = run.err.splitlines()
    assert insecure.startswith("attest-curl: insecure: ")
    assert run.json["path"] == "/x"
    assert "> POST /x HTTP/1.1" in lines
    assert "< HTTP/1.1 200 OK" in lines
    assert any(line.startswith("* attestation: ") for line in lines)
    assert all(line[:2] in ("* ", "> ", "< ") for line in lines)
    # The evidence comes first.
    first = next(i for i, line in enumerate(lines) if "attestation" in line)
    assert first < lines.index("> POST /x HTTP/1.1")


def test_time_variables_are_in_order(attest_curl, enclave, accepted):
    names = "connect appconnect pretransfer starttransfer total".split()
    form = " ".join("%{time_" + name + "}" for name in names)
    run = attest_curl("-sS", *accepted, "-o", os.devnull, "-w", form, enclave.url)
    times = [float(word) for word in run.out.split()]
    assert len(times) == len(names) and times == sorted(times)


def test_a_failed_transfer_still_writes_out(attest_curl):
    run = attest_curl(
        "-s",
        "--pcr",
        "0=" + "ab" * 48,
        "-w",
        "%{http_code} %{exitcode} %{onerror}failed",
        "https://127.0.0.1:1/",
    )
    assert (run.exit, run.out) == (7, b"000 7 failed")


# What is read and written


def test_binary_is_kept(attest_curl, enclave, accepted):
    body = bytes(range(256))
    run = attest_curl("-sS", *accepted, "-d", "@-", enclave.url, input=body)
    kept = bytes(byte for byte in body if byte not in b"\r\n\0")
    assert run.json["body_length"] == len(kept)


def test_a_large_body_takes_constant_memory(program, enclave, accepted):
    """200 MB through a process that stays under 100 MB, sanitizer included."""
    environment = clean_environment()
    # What was freed is not held on to.
    environment["ASAN_OPTIONS"] = ":".join(
        filter(None, [environment.get("ASAN_OPTIONS"), "quarantine_size_mb=1"])
    )
    code = (
        "import resource, subprocess, sys\n"
        "result = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "usage = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(result.returncode, result.stdout.decode(), usage.ru_maxrss)\n"
    )
    got = subprocess.run(
        [
            sys.executable,
            "-c",
            code,
            program,
            "-sS",
            *accepted,
            "-o",
            "/dev/null",
            "-w",
            "%{size_download}",
            enclave.url + "/bytes/200000000",
        ],
        stdout=subprocess.PIPE,
        env=environment,
        timeout=TIMEOUT_S,
        check=True,
    )
    status, size, kilobytes = got.stdout.split()
    assert (status, size) == (b"0", b"200000000")
    assert int(kilobytes) < 100_000


def test_a_slow_answer_arrives_as_it_comes(program, enclave, accepted):
    process = subprocess.Popen(
        [program, "-sS", *accepted, enclave.url + "/sse"],
        stdout=subprocess.PIPE,
        env=clean_environment(),
    )
    chunks = []
    while chunk := os.read(process.stdout.fileno(), 65536):
        chunks.append(chunk)
    process.stdout.close()
    assert process.wait(TIMEOUT_S) == 0
    assert len(chunks) > 1


def test_a_full_disk_is_23(attest_curl, enclave, accepted):
    with open("/dev/full", "wb") as full:
        run = attest_curl("-sS", *accepted, enclave.url, stdout=full)
    assert run.exit == 23 and "(23)" in run.err
    run = attest_curl("-sS", *accepted, "-o", "/dev/full", enclave.url)
    assert run.exit == 23 and "/dev/full" in run.err


def test_a_reader_that_went_away_is_23(program, enclave, accepted):
    process = subprocess.Popen(
        [program, "-sS", *accepted, enclave.url + "/bytes/50000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )
    process.stdout.read(10)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(TIMEOUT_S) == 23
    assert b"(23)" in err


def test_closed_descriptors_are_not_the_socket(program, enclave, accepted):
    run = Run(
        subprocess.run(
            ["/bin/sh", "-c", 'exec "$@" 0<&- 1>&-', "sh", program, "-sS"]
            + [*accepted, "-d", "secret", enclave.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment(),
            timeout=TIMEOUT_S,
        )
    )
    assert run.exit == 23
    assert last_request(enclave)["body"] == "secret"


# --show-attestation


def test_show_attestation_prints_and_sends_nothing(attest_curl, enclave, accepted):
    before = len(enclave.log("request"))
    run = attest_curl("-sS", *accepted, "--show-attestation", enclave.url + "/x")
    found = run.json
    assert run.exit == 0, run.err
    assert found["verdict"] == "accepted"
    assert found["enclave"] == f"localhost:{enclave.port}"
    assert found["document"]["pcrs"]["0"] == enclave.pcrs["0"]
    assert (found["step"], found["exit"], found["debug"]) == (None, 0, False)
    assert (found["set_label"], found["set_index"]) == ("", 0)
    assert -5_000 <= found["age_ms"] < 60_000
    timestamp_ms = found["document"]["timestamp_ms"]
    assert timestamp_ms < found["deadline_ms"] <= timestamp_ms + 3_600_000
    assert len(enclave.log("request")) == before


def test_show_attestation_names_the_set(attest_curl, running, trust, tmp_path):
    path = tmp_path / "pcrs.json"
    sets = [{"PCR0": "ab" * 48}, {"label": "v2", "PCR0": running.pcrs["0"]}]
    path.write_text(json.dumps(sets))
    found = attest_curl(*trust, "--pcrs", path, "--show-attestation", running.url).json
    assert (found["set_label"], found["set_index"]) == ("v2", 1)


def test_show_attestation_of_another_build_is_refused(attest_curl, enclave, trust):
    run = attest_curl(
        "-sS", *trust, "--pcr", "0=" + "ab" * 48, "--show-attestation", enclave.url
    )
    found = run.json
    assert (run.exit, found["verdict"], found["step"]) == (115, "refused", "policy")
    assert found["exit"] == 115
    assert enclave.pcrs["0"] in found["message"]


def test_show_attestation_of_nobody_is_curls_7(attest_curl):
    run = attest_curl(
        "--pcr", "0=" + "ab" * 48, "--show-attestation", "https://127.0.0.1:1/"
    )
    assert (run.exit, run.json["exit"]) == (7, 7)
    assert run.json["verdict"] == "refused"


def test_show_attestation_finds_an_enclave_by_its_url(
    attest_curl, running, trust, tmp_path
):
    path = tmp_path / "map.json"
    path.write_text(
        json.dumps(
            {
                "enclaves": {
                    "payments": {
                        "url": running.url,
                        "pcrs": {"PCR0": running.pcrs["0"]},
                    }
                }
            }
        )
    )
    run = attest_curl(
        "-sS", *trust, "--enclaves", path, "--show-attestation", running.url
    )
    assert run.exit == 0, run.err
    assert run.json["verdict"] == "accepted"
