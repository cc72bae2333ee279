"""attest-curl and the system's curl on the same line: the same bytes on the wire
(but for the evidence), the same standard output, files and exit status."""

import json
import re

import pytest

from conftest import skip_what_curl_8_does_otherwise

# Typed by nobody: a fixed agent, so that the two are alike.
AGENT = ["-A", "same"]
# Sixteen of them, or twenty-two since curl 8.
BOUNDARY = re.compile(r"-{24}[0-9A-Za-z]{16,22}")

CASES = [
    # bodies
    ("/", ["--data-raw", "@not a file"]),
    ("/", ["--data-raw", "a", "-d", "b", "--data-binary", "c"]),
    ("/", ["--data-binary", "@data"]),
    ("/", ["--data-binary", "@binary"]),
    ("/", ["--data-urlencode", "@binary"]),
    ("/", ["-F", "a=@binary"]),
    ("/", ["--data-ascii", "@data"]),
    ("/", ["--data-urlencode", "a b&c=d/é"]),
    ("/", ["--data-urlencode", "=a b&c"]),
    ("/", ["--data-urlencode", "name=a b&c~-._"]),
    ("/", ["--data-urlencode", "@data"]),
    ("/", ["--data-urlencode", "name@data"]),
    ("/", ["--data-urlencode", "x=1", "-d", "y=2"]),
    ("/", ["--json", '{"a": 1}']),
    ("/", ["--json", '{"a":', "--json", "1}"]),
    ("/", ["--json", "@data"]),
    ("/", ["--json", "{}", "-H", "Accept: text/plain"]),
    ("/", ["--json", "{}", "-H", "Content-Type: application/x"]),
    ("/", ["-d", "a", "--json", "b", "-d", "c"]),
    ("/", ["--json", "{}", "-X", "PATCH"]),
    ("/", ["-d", "x" * 3000]),
    ("/", ["-d", "@large"]),
    # forms with files
    ("/", ["-F", "a=b"]),
    ("/", ["-F", "a=b", "-F", "c=d"]),
    ("/", ["-F", "a=@data"]),
    ("/", ["-F", "a=@page.html"]),
    ("/", ["-F", "a=@data;type=text/plain"]),
    ("/", ["-F", "a=@data;filename=other.txt"]),
    ("/", ["-F", 'a=@data;type=text/plain;filename="o t.txt"']),
    ("/", ["-F", "a=<data"]),
    ("/", ["-F", "a=b;type=text/html"]),
    ("/", ["-F", 'a="b;c,d"']),
    ("/", ["-F", "a="]),
    ("/", ["-F", "a=b,c"]),
    ("/", ["--form-string", "a=@b;c"]),
    ("/", ["-F", "a=b", "-X", "PUT"]),
    # into the URL
    ("/x", ["-G", "-d", "a=b"]),
    ("/x?y=z", ["-G", "-d", "a=b", "-d", "c=d e"]),
    ("/x", ["-G", "--data-urlencode", "a=b c"]),
    ("/x", ["-G"]),
    ("/x", ["-I", "-G", "-d", "a=b"]),
    # uploads
    ("/up", ["-T", "data"]),
    ("/up/", ["-T", "data"]),
    ("", ["-T", "data"]),
    ("/up/", ["-T", "folder/a b"]),
    ("/up", ["-T", "empty"]),
    ("/up", ["-T", "data", "-X", "POST"]),
    ("/up", ["-T", "data", "-H", "Expect:"]),
    ("/up", ["-T", "-"]),
    ("/up", ["-T", "large"]),
    # headers alone
    ("/", ["-I"]),
    ("/status/404", ["-I"]),
    ("/status/404", ["-If"]),
    ("/length/1000", ["--head", "-H", "X-A: b"]),
    # headers of libcurl's own, in their places
    ("/", ["-u", "me:secret"]),
    ("/", ["-u", "me:"]),
    ("/", ["-u", "me:a:b"]),
    ("/", ["-u", "me:secret", "-H", "Authorization: Bearer x"]),
    ("/", ["-e", "https://from.example/"]),
    ("/", ["-e", "https://from.example/;auto"]),
    ("/", ["-r", "0-9"]),
    ("/", ["-r", "-5", "-e", "x", "-u", "a:b", "-b", "c=d", "-H", "X: y"]),
    ("/", ["-A", "other"]),
    ("/", ["-A", ""]),
    ("/", ["-A", "other", "-H", "User-Agent: third"]),
    ("/", ["-b", "a=b"]),
    ("/", ["-b", "a=b", "-b", "c=d; e=f"]),
    ("/", ["-b", "jar"]),
    ("/", ["-b", "jar", "-b", "x=y"]),
    ("/", ["-b", "missing"]),
    ("/", ["-b", "jar", "-c", "out"]),
    ("/", ["-c", "out"]),
    ("/", ["-bjar", "-j"]),
    ("/", ["--netrc-file", "netrc"]),
    ("/", ["--netrc-file", "netrc", "-u", "me:secret"]),
    ("/", ["--compressed"]),
    ("/", ["--compressed", "-d", "a"]),
    # redirects
    ("/redirect?to=/elsewhere", ["-L"]),
    ("/redirect?to=/elsewhere", ["-Li"]),
    ("/redirect?to=/elsewhere", ["-LsSI"]),
    ("/redirect?to=/elsewhere", ["-L", "-d", "a"]),
    ("/redirect-307?to=/elsewhere", ["-L", "-d", "a"]),
    ("/redirect?to=/elsewhere", ["-L", "-X", "POST", "-d", "a"]),
    ("/redirect?to=/elsewhere", ["-L", "-u", "me:secret"]),
    ("/redirect?to=/elsewhere", ["-L", "-e", "x;auto"]),
    ("/redirect?to=/elsewhere", ["-L", "--max-redirs", "0"]),
    ("/redirect?to=/redirect?to=/elsewhere", ["-L", "--max-redirs", "1"]),
    ("/redirect?to=/elsewhere", ["-L", "--no-location"]),
    ("/redirect?to=/elsewhere", ["-L", "-w", "%{num_redirects} %{url_effective}"]),
    ("/redirect?to=/elsewhere", ["-w", "%{redirect_url}"]),
    ("/a/redirect?to=next?a=b", ["-w", "%{redirect_url}"]),
    ("/redirect?to=https://other.example/x", ["-w", "%{redirect_url}"]),
    ("/redirect?to=/elsewhere", ["-L", "-w", "%{redirect_url}.%{num_headers}"]),
    # what is written of it
    ("/", ["-w", "%{remote_ip} %{local_ip} %{scheme} %{ssl_verify_result}"]),
    ("/", ["-w", "%{remote_port} %{num_headers} %{time_redirect}"]),
    ("/status/404", ["-w", "%{num_headers}.%{redirect_url}."]),
    ("/", ["-x", "http://127.0.0.1:1", "-w", "%{scheme}%{num_headers}%{remote_port}"]),
    # the answer
    ("/a/out", ["-O"]),
    ("/a/out?query", ["-O"]),
    ("/a/", ["-O"]),
    ("/a/out", ["-O", "--output-dir", "folder"]),
    ("/a/out", ["--remote-name-all"]),
    ("/", ["-o", "new/folder/out", "--create-dirs"]),
    ("/", ["-D", "out"]),
    ("/", ["-D", "-"]),
    ("/status/404", ["-D", "out", "-f"]),
    ("/status/404", ["--fail-with-body"]),
    ("/status/404", ["--fail-with-body", "-o", "out"]),
    ("/status/200", ["--fail-with-body"]),
    # connections
    ("/", ["--tlsv1.2"]),
    ("/", ["--tlsv1.3"]),
    ("/", ["--tls-max", "1.2"]),
    ("/", ["--http1.1"]),
    ("/", ["--http2"]),
    ("/", ["-0"]),
    ("/", ["-4"]),
    ("/", ["--interface", "127.0.0.1"]),
    ("/", ["--interface", "lo"]),
    ("/", ["--interface", "nosuchinterface"]),
    ("/", ["--connect-timeout", "5"]),
    ("/", ["--noproxy", "*", "-x", "http://127.0.0.1:1"]),
    ("/", ["-x", "http://127.0.0.1:1"]),
    ("/length/20000", ["--limit-rate", "1M"]),
    # again and again
    ("/status/503", ["--retry", "1", "--retry-delay", "1"]),
    ("/status/503", ["--retry", "1", "-f"]),
    ("/status/404", ["--retry", "2", "-f"]),
    ("/close", ["--retry", "1"]),
    # lines and files
    ("/", ["-K", "options"]),
    ("/", ["-sSLiXPUT"]),
    ("/", ["-N", "-g"]),
    ("/{a,b}[1-3]?c[]=d", ["-g"]),
    ("/", ["-#", "-o", "out"]),
    ("/", ["--no-progress-meter"]),
]

OPTIONS = """# what a file may hold
-H "X-Quoted: a \\"b\\" \\\\ c"
header = X-Word:word
data: "one=1"
data "two=2"
silent
"""

JAR = """# Netscape HTTP Cookie File
localhost\tFALSE\t/\tTRUE\t0\tsession\tone
localhost\tFALSE\t/\tTRUE\t4102444800\tkept\ttwo
other.example\tFALSE\t/\tTRUE\t4102444800\tother\tthree
"""


def prepare(folder):
    """The files that lines name."""
    folder.mkdir()
    (folder / "folder").mkdir()
    (folder / "data").write_bytes(b"a=1\r\nb=2 &c")
    (folder / "folder" / "a b").write_bytes(b"blank")
    (folder / "page.html").write_bytes(b"<p>")
    (folder / "binary").write_bytes(bytes(range(256)))
    (folder / "empty").touch()
    (folder / "large").write_bytes(b"x" * 1_100_000)
    (folder / "options").write_text(OPTIONS)
    (folder / "jar").write_text(JAR)
    (folder / "netrc").write_text("machine localhost login me password secret\n")


def plain(value):
    """Without boundaries, which are random, and their length's."""
    if isinstance(value, str):
        return BOUNDARY.sub("BOUNDARY", value)
    if isinstance(value, dict):
        return [(name, plain(item)) for name, item in value.items()]
    return value


def wire(enclave):
    """Every request since the log was cleared, headers in their order."""
    found = []
    for event in enclave.log("request"):
        found.append(
            [
                (name, plain(event.get(name)))
                for name in ("method", "path", "version", "headers", "body_length")
            ]
            + [plain(event.get("body"))]
        )
    return found


def lines(data):
    """Without what a clock or chance decides; an echo in its own order."""
    found = []
    for line in data.splitlines():
        if line.startswith(b"Date:"):
            continue
        text = BOUNDARY.sub("BOUNDARY", line.decode("utf-8", "replace"))
        if text.startswith('{"method"'):
            try:
                echo, end = json.JSONDecoder().raw_decode(text)
            except ValueError:
                found.append(text)
                continue
            echo.pop("body_sha256")
            found.append((plain(echo), text[end:]))
        else:
            found.append(text)
    return found


def files(folder):
    return {
        str(path.relative_to(folder)): lines(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    "path, arguments",
    CASES,
    ids=lambda v: v if isinstance(v, str) else " ".join(v)[:60],
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
        prepare(tmp_path / name)
        enclave.clear_log()
        got = run(
            "-sS",
            *trust,
            *AGENT,
            *arguments,
            enclave.url + path,
            cwd=tmp_path / name,
        )
        found.append(
            {
                "exit": got.exit,
                "out": lines(got.out),
                "files": files(tmp_path / name),
                "wire": wire(enclave),
            }
        )
    for part in found[0]:
        assert found[1][part] == found[0][part], part


SEVERAL = [
    ["-o", "one", "{}/one", "-o", "two", "{}/two", "{}/three"],
    ["-O", "{}/a/one", "-O", "{}/a/two"],
    ["{}/one", "-o", "one", "{}/two", "-o", "two"],
    ["-T", "data", "{}/up/", "-T", "empty", "{}/up/"],
    ["-T", "data", "{}/up/", "{}/get"],
    ["-D", "heads", "{}/one", "{}/two"],
    ["-w", "%{{urlnum}} ", "{}/one", "{}/two"],
    ["--url", "{}/one", "--url", "{}/two"],
    ["-c", "jar", "-d", "x", "{}/one", "{}/two"],
    ["-f", "{}/status/200", "{}/status/404"],
]


@pytest.mark.parametrize("arguments", SEVERAL, ids=" ".join)
def test_several_urls(attest_curl, curl, enclave, accepted, tmp_path, arguments):
    found = []
    for name, run, trust in (
        ("curl", curl, ["--cacert", enclave.web_ca]),
        ("attest-curl", attest_curl, accepted),
    ):
        prepare(tmp_path / name)
        enclave.clear_log()
        given = [item.format(enclave.url) for item in arguments]
        got = run("-sS", *trust, *AGENT, *given, cwd=tmp_path / name)
        found.append(
            (got.exit, lines(got.out), files(tmp_path / name), wire(enclave))
        )
    assert found[1] == found[0]
