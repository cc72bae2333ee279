"""What nobody types on purpose: foreign files of options, hostile ones of our
own, environments, redirects in a row, and what a terminal must never see."""

import contextlib
import json
import os
import re
import socket
import threading

import pytest

from harness import LocalEnclave

NOBODY = "https://127.0.0.1:1/"
PCR = ["--pcr", "0=" + "ab" * 48]
DEAD = "http://127.0.0.1:1"


# curl's own file of options, wherever curl looks for it.

CURLRC = 'insecure\nproxy = "http://127.0.0.1:1"\nheader = "X-From: curlrc"\n'


@pytest.mark.parametrize("variable", ["HOME", "CURL_HOME", "XDG_CONFIG_HOME"])
@pytest.mark.parametrize("name", [".curlrc", "curlrc", ".config/curlrc", "_curlrc"])
def test_curls_options_are_not_ours(
    attest_curl, enclave, accepted, tmp_path, variable, name
):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(CURLRC)
    environment = {variable: str(tmp_path)}
    run = attest_curl("-sS", *accepted, enclave.url, environment=environment)
    assert run.exit == 0, run.err
    assert "x-from" not in run.json["headers"]


# Our own, on the line and by default: they can say what a line can, and no
# more; nothing in them weakens in silence.

REFUSED_LINES = [
    ("insecure", "-k: refused"),
    ("--insecure", "-k: refused"),
    ("-k", "-k: refused"),
    ("no-insecure", "isn't a boolean"),
    ("-K config", "name each other"),
    ("config = config", "name each other"),
    ('header = "X: a\\r\\nEvil: b"', "control character"),
    ('user-agent = "a\\r\\nEvil: b"', "control character"),
    ('cookie = "a=b\\nEvil: c"', "control character"),
    ('referer = "a\\r\\nEvil: b"', "control character"),
    ('range = "0-1\\r\\nEvil: b"', "control character"),
    ('user = "a:b\\r\\nEvil: c"', "control character"),
    ('request = "GET / HTTP/1.1\\r\\nEvil: b"', "not a token"),
    ("header = \"X: a", "never closed"),
    ("a" * 5000, "no such option"),
    ("=", "is unknown"),
    ("pcr", "requires parameter"),
    ("pcr = 0=00", "PCR0"),
    ("\x1b[31mred", "is unknown"),
    ("\u009b31mred", "is unknown"),
    ("silent\x00insecure", "NUL"),
]


@pytest.mark.parametrize("line, said", REFUSED_LINES, ids=lambda v: repr(v)[:40])
def test_a_hostile_file_of_options(
    attest_curl, enclave, accepted, tmp_path, line, said
):
    (tmp_path / "config").write_text(line + "\n")
    enclave.clear_log()
    run = attest_curl(*accepted, "-K", "config", enclave.url, cwd=tmp_path)
    assert said in run.refused(2).err
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", run.err)
    assert not enclave.log("request")


@pytest.mark.parametrize("by", ["line", "default"])
def test_no_file_weakens_in_silence(attest_curl, enclave, trust, tmp_path, by):
    enclave.set(debug=True)
    folder = tmp_path / "attest-curl"
    folder.mkdir()
    (folder / "config").write_text("silent\ninsecure-allow-debug\n")
    named = ["-K", folder / "config"] if by == "line" else []
    run = attest_curl(
        *(*named, *trust, "--pcr", "4=" + enclave.pcrs["4"], enclave.url),
        environment={} if named else {"XDG_CONFIG_HOME": str(tmp_path)},
    )
    assert run.exit == 0
    assert "insecure: --insecure-allow-debug is in force" in run.err


def test_the_default_file_is_left_alone_after_q(attest_curl, tmp_path):
    folder = tmp_path / "attest-curl"
    folder.mkdir()
    (folder / "config").write_text("frobnicate\n")
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    attest_curl(*PCR, NOBODY, environment=environment).refused(2)
    attest_curl("-q", *PCR, NOBODY, environment=environment).refused(7)


def test_a_relative_folder_of_configuration_is_none(attest_curl, tmp_path):
    (tmp_path / "attest-curl").mkdir()
    (tmp_path / "attest-curl" / "config").write_text("frobnicate\n")
    environment = {"XDG_CONFIG_HOME": ".", "HOME": ""}
    line = [*PCR, NOBODY]
    attest_curl(*line, environment=environment, cwd=tmp_path).refused(7)


# The environment.


def test_no_key_log_is_even_opened(attest_curl, enclave, accepted, tmp_path):
    environment = {"SSLKEYLOGFILE": str(tmp_path / "keys")}
    run = attest_curl(*accepted, enclave.url, environment=environment)
    assert run.exit == 0, run.err
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "CURL_CA_BUNDLE"])
def test_an_environment_adds_no_nitro_root(attest_curl, enclave, running, variable):
    line = ["--cacert", running.web_ca, "--pcr", "0=" + running.pcrs["0"]]
    environment = {variable: str(running.nitro_root)}
    attest_curl(*line, enclave.url, environment=environment).refused(113)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "CURL_CA_BUNDLE"])
def test_an_environments_authorities_are_those_of_curl(
    attest_curl, enclave, running, variable
):
    line = ["--insecure-nitro-root", running.nitro_root]
    line += ["--pcr", "0=" + running.pcrs["0"]]
    environment = {variable: str(running.web_ca)}
    attest_curl(*line, enclave.url).refused(60)
    run = attest_curl("-sS", *line, enclave.url, environment=environment)
    assert run.exit == 0, run.err
    # What stands on the line comes first.
    other = ["--cacert", running.nitro_root]
    attest_curl(*other, *line, enclave.url, environment=environment).refused(60)
    # The key is judged as ever.
    enclave.set(evidence={"mode": "other-key"})
    attest_curl(*line, enclave.url, environment=environment).refused(116)


def test_an_empty_variable_is_none(attest_curl, enclave, accepted):
    environment = {"CURL_CA_BUNDLE": "", "SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}
    run = attest_curl("-sS", *accepted[2:], enclave.url, environment=environment)
    run.refused(60)


def test_an_openssl_configuration_that_lowers_everything(
    attest_curl, enclave, accepted, tmp_path
):
    (tmp_path / "openssl.cnf").write_text(
        "openssl_conf = i\n[i]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\n"
        "VerifyMode = None\nMinProtocol = None\nCipherString = ALL:@SECLEVEL=0\n"
    )
    environment = {"OPENSSL_CONF": str(tmp_path / "openssl.cnf")}
    enclave.set(web_ca="foreign")
    run = attest_curl(*accepted, enclave.url, environment=environment)
    run.refused(60)
    enclave.set(web_ca="good", evidence={"mode": "other-key"})
    run = attest_curl(*accepted, enclave.url, environment=environment)
    run.refused(116)


@pytest.mark.parametrize(
    "variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
)
def test_a_proxy_of_the_environment_is_used_and_judged_through(
    attest_curl, enclave, accepted, variable
):
    with tunnel() as (proxy, seen):
        environment = {variable: proxy}
        run = attest_curl("-sS", *accepted, enclave.url, environment=environment)
        assert run.exit == 0, run.err
        enclave.set(evidence={"mode": "other-key"})
        run = attest_curl("-d", "m4rk", *accepted, enclave.url, environment=environment)
        run.refused(116)
    assert seen and all(s.startswith(f"CONNECT localhost:{enclave.port} ") for s in seen)
    assert "m4rk" not in "".join(seen)


@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_no_proxy_of_the_environment(attest_curl, enclave, accepted, variable):
    environment = {"https_proxy": DEAD, variable: "localhost"}
    run = attest_curl("-sS", *accepted, enclave.url, environment=environment)
    assert run.exit == 0, run.err


def test_http_proxy_is_not_for_https(attest_curl, enclave, accepted):
    environment = {"http_proxy": DEAD, "HTTP_PROXY": DEAD}
    run = attest_curl("-sS", *accepted, enclave.url, environment=environment)
    assert run.exit == 0, run.err


@contextlib.contextmanager
def tunnel():
    """A proxy for CONNECT; what it was asked, headers included."""
    seen = []

    def pipe(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve(client):
        with client, contextlib.suppress(OSError):
            asked = client.recv(65536).decode("latin-1")
            seen.append(asked)
            port = int(asked.split()[1].rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port)) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=pipe, args=(server, client))
                back.start()
                pipe(client, server)
                back.join()

    def accept(listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(
                    target=serve, args=(client,), daemon=True
                ).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
        finally:
            # Wakes accept().
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


# Redirects in a row.


@pytest.fixture(scope="module")
def second(state):
    with LocalEnclave.start(state, instance="second") as one:
        yield one


SECRET = ["-d", "m4rk", "-u", "m4rk:m4rk", "-b", "m4rk=m4rk"]


def chain(*urls):
    """A URL that leads through all of them."""
    whole = urls[-1]
    for url in reversed(urls[:-1]):
        whole = f"{url}/redirect-307?to={whole}"
    return whole


def test_a_chain_that_leaves_the_origin_at_its_end(
    attest_curl, enclave, second, accepted
):
    second.clear_log()
    url = chain(enclave.url, enclave.url, enclave.url, second.url + "/there")
    run = attest_curl("-L", *SECRET, *accepted, url).refused(47)
    assert "redirect" in run.err
    assert not second.log()


def test_a_chain_that_comes_back_is_not_followed_out(
    attest_curl, enclave, second, accepted
):
    second.clear_log()
    url = chain(enclave.url, second.url, enclave.url + "/back")
    attest_curl("-L", *SECRET, *accepted, url).refused(47)
    assert not second.log()


@pytest.mark.parametrize(
    "to",
    [
        "http://localhost:{port}/",
        "https://localhost:{port}@127.0.0.1:{second}/",
        "//127.0.0.1:{second}/",
        "https:\\\\127.0.0.1:{second}/",
        "https://127.0.0.1:{port}/",
        "ftp://localhost:{port}/",
        "file:///etc/passwd",
        "gopher://localhost:{port}/x",
        "https://localhost.:{second}/",
    ],
)
def test_a_redirect_that_looks_like_home(attest_curl, enclave, second, accepted, to):
    second.clear_log()
    before = len(enclave.log("request"))
    to = to.format(port=enclave.port, second=second.port)
    run = attest_curl("-L", *SECRET, *accepted, f"{enclave.url}/redirect-307?to={to}")
    assert run.exit != 0 and not run.out, (run.exit, run.out)
    assert not second.log("request")
    assert len(enclave.log("request")) == before + 1


def test_a_circle_ends(attest_curl, enclave, accepted):
    url = chain(*[enclave.url] * 14, enclave.url + "/end")
    attest_curl("-L", *accepted, url).refused(47)


# Maps that are odd.

ODD_MAPS = [
    "",
    "{}",
    "[]",
    "null",
    "\ufeff{}",
    "{" * 3000,
    "[" * 3000,
    '{"enclaves": []}',
    '{"enclaves": {"x": null}}',
    '{"enclaves": {"x": {"url": "https://localhost:PORT", "pcrs": {}}}}',
    '{"enclaves": {"x": {"url": "https://localhost:PORT", "pcrs": []}}}',
    '{"enclaves": {"x": {"url": "https://localhost:PORT", "pcrs": [{}]}}}',
    '{"enclaves": {"x": {"url": "https://localhost:PORT", "pcrs": {"PCR0": ""}}}}',
    '{"localhost:PORT": {"PCR0": "P", "PCR0": "P"}}',
    '{"localhost:PORT": {"PCR0": "P"}, "LOCALHOST:PORT": {"PCR0": "P"}}',
    '{"localhost:PORT": {"PCR0": "P"}} trailing',
    '{"localhost:PORT": {"PCR0": "P\\u0000"}}',
    '{"localhost:PORT\\u0000": {"PCR0": "P"}}',
    '{"u@localhost:PORT": {"PCR0": "P"}}',
    '{"enclaves": {"x\u001b[2J": {"url": "https://localhost:PORT", "pcrs": {}}}}',
    '{"enclaves": {"x\u009b2J": {"url": "https://localhost:PORT", "pcrs": {}}}}',
    '{"enclaves": {"x": {"url": "https://localhost:PORT", "pcrs": {"PCR0": "P"},'
    ' "insecure_allow_debug": true}}}',
]


@pytest.mark.parametrize("text", ODD_MAPS, ids=lambda text: repr(text)[:48])
def test_an_odd_map_is_refused(attest_curl, enclave, trust, tmp_path, text):
    text = text.replace("PORT", str(enclave.port)).replace('"P', '"' + "a0" * 48)
    text = text.replace("a0" * 48 + "CR", "PCR")
    path = tmp_path / "map.json"
    path.write_text(text, encoding="utf-8")
    enclave.clear_log()
    run = attest_curl(*trust, "--enclaves", path, "-d", "x", enclave.url)
    run.refused(2)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", run.err)
    assert not enclave.log()


# The terminal. C1 is 0x80 to 0x9f; 0x9b alone is what ESC [ is.

C1 = ["\u0080", "\u0085", "\u009b31m", "\u009f", "\u202e", "\u2066", "\u2028"]


@pytest.mark.parametrize("text", C1, ids=repr)
@pytest.mark.parametrize(
    "line",
    [
        ["--pcrs", "{}"],
        ["--enclaves", "{}"],
        ["--cacert", "{}", *PCR],
        ["-K", "{}"],
        ["-H", "@{}", *PCR],
        ["-T", "{}", *PCR],
        ["--{}"],
        ["-m", "{}"],
        ["--profile", "{}", *PCR],
        ["--pcr", "{}"],
        ["--resolve", "{}", *PCR],
        ["--inspect-document", "{}"],
        ["--pcrs-from-eif", "{}"],
    ],
    ids=lambda line: line[0],
)
def test_no_c1_of_the_line_reaches_the_terminal(attest_curl, line, text):
    line = [word.replace("{}", f"a{text}b") for word in line]
    run = attest_curl(*line, NOBODY)
    assert run.exit != 0
    assert text[0] not in run.err


def test_names_in_other_scripts_are_shown(attest_curl):
    run = attest_curl("--pcrs", "Maße-測定-α\U0001f511", NOBODY).refused(2)
    assert "Maße-測定-α\U0001f511" in run.err


def test_what_is_no_utf8_is_not_shown(attest_curl):
    for raw in (b"\x9b31m", b"\xff", b"\xc3", b"\xe0\x9b\x9b", b"\xed\xa0\x80", b"\xc0\x9b"):
        run = attest_curl("--pcrs", os.fsdecode(b"a" + raw + b"b"), NOBODY).refused(2)
        # Run puts U+FFFD where the output is no UTF-8.
        assert "\ufffd" not in run.err and "a?" in run.err


@contextlib.contextmanager
def says(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client:
                        client.recv(65536)
                        client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            # Wakes accept().
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


BAD_BYTES = b"\x9b31m \xc2\x9b2J \x1b[2J \x85 \xe2\x80\xae \x07 \xff"


def assert_clean(run):
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ufffd]", run.err), run.err


@pytest.mark.parametrize("mode", [["-v"], ["-v", "--show-attestation"], []])
def test_a_peers_control_characters_stay_off_the_terminal(
    attest_curl, state, running, trust, tmp_path, mode
):
    """In its headers, its statuses and its body, before and after the verdict."""
    answer = (
        b"HTTP/1.1 200 OK" + BAD_BYTES.replace(b"\x1b", b"") + b"\r\n"
        b"X-Odd: " + BAD_BYTES + b"\r\n"
        b"Content-Length: 3\r\nConnection: close\r\n\r\nabc"
    )
    with says(answer) as port:
        with LocalEnclave.start(state, instance="odd", proxy=port) as odd:
            line = [*trust, "--pcr", "0=" + odd.pcrs["0"], "-o", tmp_path / "out"]
            assert_clean(attest_curl("-sS", *mode, *line, odd.url + "/"))


@pytest.mark.parametrize("body", [BAD_BYTES, b'{"attestation_doc":"' + BAD_BYTES])
def test_evidence_of_control_characters(attest_curl, trust, body):
    """Over a proxy's refusal too, which is plain text of anybody's."""
    answer = b"HTTP/1.1 502 Bad" + BAD_BYTES + b"\r\nX: " + BAD_BYTES + b"\r\n\r\n" + body
    with says(answer) as port:
        line = ["-v", "-x", f"http://127.0.0.1:{port}", *trust, *PCR]
        run = attest_curl(*line, "https://localhost/")
    assert run.exit != 0 and not run.out
    assert_clean(run)


def test_a_redirect_to_control_characters(attest_curl, enclave, accepted):
    to = "https://127.0.0.1/%C2%9B%1B"
    enclave.set(evidence={"mode": "redirect", "to": "https://x\u009b31m\u0085/\u202e"})
    run = attest_curl("-v", *accepted, enclave.url).refused(111)
    assert_clean(run)
    enclave.set(evidence={"mode": "good"})
    assert_clean(attest_curl("-v", "-L", *accepted, f"{enclave.url}/redirect?to={to}"))


def test_json_errors_hold_none_either(attest_curl):
    run = attest_curl("--json-errors", "--pcrs", "a\u009bb\u202ec", NOBODY)
    assert_clean(run)
    assert "a??b???c" in json.loads(run.err)["message"]
