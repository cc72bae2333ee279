"""What stands in the line that a person reads when a service is down: what was
refused, where the evidence comes from, and what to do next."""

import contextlib
import socket
import threading

import pytest

from test_refusals import MODES, OTHER_PCR

NEXT = {
    28: "raise -m",
    111: "see with curl",
    112: "--profile",
    113: "tell whoever runs the service",
    114: "clock (date -u)",
    116: "",
}


def lines_of(run):
    """The error lines: one."""
    return [x for x in run.err.splitlines() if x.startswith("attest-curl: (")]


@pytest.mark.parametrize("mode, status", MODES, ids=str)
def test_each_refusal_says_where_and_what_next(
    attest_curl, enclave, accepted, mode, status
):
    enclave.set(evidence=mode)
    limit = ["-m", "0.7"] if status == 28 else []
    run = attest_curl("-sS", *limit, *accepted, enclave.url).refused(status)
    (line,) = lines_of(run)
    fact, _, advice = line.partition("; next: ")
    assert f"its evidence comes from {enclave.url}/.well-known/attestation" in fact
    assert advice and NEXT[status] in advice


def test_a_print_of_the_pin_says_so_too(attest_curl, enclave, accepted):
    enclave.set(evidence={"mode": "status", "status": 404})
    run = attest_curl("--print-pin", *accepted, enclave.url).refused(111)
    assert "; next: " in run.err and "/.well-known/attestation" in run.err


def test_a_long_map_finds_the_url(attest_curl, enclave, trust, tmp_path):
    (tmp_path / "map.json").write_text(
        f'{{"enclaves": {{"payments": {{"url": "{enclave.url}",'
        f' "pcrs": {{"PCR0": "{enclave.pcrs["0"]}"}}}}}}}}'
    )
    enclave.set(evidence={"mode": "empty"})
    run = attest_curl("--enclaves", tmp_path / "map.json", *trust, enclave.url)
    assert f"{enclave.url}/.well-known/attestation; next: " in run.refused(111).err


def test_a_measurement_and_a_debug_enclave(attest_curl, enclave, trust):
    run = attest_curl(*trust, "--pcr", "0=" + OTHER_PCR, enclave.url).refused(115)
    assert "accept it only if you built it: add" in run.err
    assert f"comes from {enclave.url}/.well-known/attestation; next: if you" in run.err
    enclave.set(debug=True)
    pcr4 = ["--pcr", "4=" + enclave.pcrs["4"]]
    run = attest_curl(*trust, *pcr4, enclave.url).refused(115)
    assert "next: whoever runs it must start it without --debug-mode" in run.err
    assert f"comes from {enclave.url}/.well-known/attestation; next: " in run.err


@pytest.mark.parametrize(
    "url, status", [("https://127.0.0.1:1/", 7), ("https://no.invalid/", 6)]
)
def test_nobody_there(attest_curl, url, status):
    run = attest_curl("--pcr", "0=" + OTHER_PCR, url).refused(status)
    assert "; next: see whether host and port are right" in run.err


@pytest.mark.parametrize("kind", ["foreign", "expired", "wrong-name", "self-signed"])
def test_a_certificate(attest_curl, enclave, accepted, kind):
    enclave.set(web_ca=kind)
    run = attest_curl(*accepted, enclave.url).refused(60)
    assert "--cacert" in run.err and "give --trust attested_key" in run.err
    assert ("clock" in run.err) == (kind == "expired")


def test_a_certificate_of_a_map(attest_curl, enclave, trust, tmp_path):
    host = enclave.url.removeprefix("https://")
    (tmp_path / "map.json").write_text(
        '{"%s": {"PCR0": "%s"}}' % (host, enclave.pcrs["0"])
    )
    enclave.set(web_ca="self-signed")
    run = attest_curl("--enclaves", tmp_path / "map.json", *trust, enclave.url)
    assert '"trust": "attested_key" in the map' in run.refused(60).err


DEAD = "http://user:hunter2@127.0.0.1:1"
PROXIES = [
    (["-x", DEAD], {}, "(-x)"),
    (["-x", DEAD], {"https_proxy": "http://127.0.0.2:2"}, "(-x)"),
    ([], {"https_proxy": DEAD}, "(https_proxy)"),
    ([], {"HTTPS_PROXY": DEAD}, "(HTTPS_PROXY)"),
    ([], {"all_proxy": DEAD}, "(all_proxy)"),
    ([], {"ALL_PROXY": DEAD}, "(ALL_PROXY)"),
]


@pytest.mark.parametrize("line, environment, by", PROXIES)
def test_a_proxy_that_is_not_there(
    attest_curl, enclave, accepted, line, environment, by
):
    run = attest_curl("-sS", *accepted, *line, enclave.url, environment=environment)
    assert f"through the proxy 127.0.0.1:1 {by}; next: " in run.refused(7).err
    assert "hunter2" not in run.err


def test_a_proxy_without_a_name(attest_curl, enclave, accepted):
    run = attest_curl("-x", "http://no.invalid:1", *accepted, enclave.url)
    assert "through the proxy no.invalid:1 (-x)" in run.refused(5).err


@pytest.mark.parametrize(
    "line, environment",
    [
        ([], {}),
        (["-x", DEAD, "--noproxy", "*"], {}),
        (["-x", ""], {"https_proxy": DEAD}),
        ([], {"https_proxy": DEAD, "no_proxy": "*"}),
        ([], {"https_proxy": DEAD, "NO_PROXY": "*"}),
        ([], {"http_proxy": DEAD}),
    ],
)
def test_no_proxy_no_word_of_one(attest_curl, line, environment):
    nobody = ["--pcr", "0=" + OTHER_PCR, "https://127.0.0.1:1/"]
    run = attest_curl(*line, *nobody, environment=environment).refused(7)
    assert "proxy" not in run.err


@contextlib.contextmanager
def proxy_that_says(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client:
                        client.recv(4096)
                        client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            # Wakes accept().
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_proxy_that_forbids(attest_curl, enclave, accepted):
    with proxy_that_says(b"HTTP/1.1 403 Forbidden\r\n\r\n") as proxy:
        run = attest_curl("-x", proxy, *accepted, enclave.url)
    assert run.exit == 56
    assert "403" in run.err and "through the proxy 127.0.0.1:" in run.err
