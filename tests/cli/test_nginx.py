"""attest-curl against nginx: evidence is a minted document in a file."""

import shutil

import pytest
from harness import mint
from nginx import Nginx

PCR0 = "a0" * 48
STATIC = "alias {folder}/evidence.json;"

pytestmark = pytest.mark.skipif(
    not shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin"),
    reason="nginx is not installed",
)


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """Roots, the server's certificate, and another one for the same name."""
    folder = tmp_path_factory.mktemp("state")
    for prefix in ("server", "other"):
        mint(folder, web_certificate="enclave.test", out_prefix=folder / prefix)
    return folder


@pytest.fixture
def ask(attest_curl, state, tmp_path):
    """Serves evidence, asks for /hello, gives the run and what nginx saw."""

    def run(evidence=STATIC, document=None, options=(), **minted):
        if document is None:
            minted.setdefault("spki_of", state / "server.pem")
            document = mint(state, format="json", pcr={0: PCR0}, **minted)
        (tmp_path / "evidence.json").write_bytes(document)
        with Nginx(
            tmp_path, state / "server", evidence.format(folder=tmp_path)
        ) as nginx:
            result = attest_curl(
                "-sS",
                "--insecure-nitro-root",
                state / "nitro-root.pem",
                "--cacert",
                state / "web-ca.pem",
                "--pcr",
                f"0={PCR0}",
                "--connect-to",
                f"enclave.test:443:127.0.0.1:{nginx.port}",
                *options,
                "https://enclave.test/hello",
            )
            return result, nginx.requests()

    return run


def test_the_attested_answer_comes_over_http_2(ask):
    result, requests = ask(options=["-w", "%{http_version}"])
    assert (result.exit, result.out) == (0, b"from nginx\n2"), result.err
    assert len(requests) == 1 and "HTTP/2.0" in requests[0]


def test_and_over_http_1_1_documents_of_2024_too(ask):
    result, requests = ask(era="2024")
    assert result.exit == 0, result.err
    assert len(requests) == 1


MISBEHAVIOURS = [
    ("evidence of another key", 116, {"spki_of": "other"}),
    ("no key", 116, {"user_data": "null"}),
    ("no key but bytes", 116, {"user_data": "00" * 91}),
    ("a debug enclave", 115, {"debug": True}),
    ("another build", 115, {"pcr": {0: "bb" * 48}}),
    ("a broken signature", 113, {"fault": "broken-signature"}),
    ("a foreign root", 113, {"fault": "foreign-root"}),
    ("an expired document", 114, {"fault": "expired"}),
    ("a document from the future", 114, {"fault": "future"}),
    ("a truncated document", 112, {"fault": "truncated"}),
    ("a NitroTPM document", 112, {"fault": "nitrotpm"}),
]


@pytest.mark.parametrize(
    "status, minted",
    [row[1:] for row in MISBEHAVIOURS],
    ids=[row[0] for row in MISBEHAVIOURS],
)
def test_each_bad_document_is_refused_with_its_own_status(
    ask, state, status, minted
):
    options = dict(minted)
    pcr = options.pop("pcr", {0: PCR0})
    if "spki_of" in options:
        options["spki_of"] = state / (options["spki_of"] + ".pem")
    elif "user_data" not in options:
        options["spki_of"] = state / "server.pem"
    document = mint(state, format="json", pcr=pcr, **options)
    result, requests = ask(document=document)
    result.refused(status)
    assert requests == []


ANSWERS = [
    ("no such page", 111, "return 404;", None),
    ("an error", 111, "return 503;", None),
    ("a redirect", 111, "return 302 https://enclave.test/elsewhere;", None),
    ("nothing", 111, STATIC, b""),
    ("too much", 111, STATIC, b"x" * 2_000_000),
    ("a web page", 112, STATIC, b"<html>sorry</html>"),
    ("JSON without the member", 112, STATIC, b'{"attestation": "hEQ="}'),
    ("no base64", 112, STATIC, b'{"attestation_doc": "hEQ*"}'),
]


@pytest.mark.parametrize(
    "status, evidence, document",
    [row[1:] for row in ANSWERS],
    ids=[row[0] for row in ANSWERS],
)
def test_each_bad_answer_is_refused_with_its_own_status(
    ask, status, evidence, document
):
    result, requests = ask(evidence=evidence, document=document)
    result.refused(status)
    assert requests == []


def test_another_certificate_authority_is_curl_s_own_failure(ask, state):
    result, requests = ask(options=["--cacert", state / "nitro-root.pem"])
    result.refused(60)
    assert requests == []
