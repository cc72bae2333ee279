"""The local enclave itself: what it mints, serves, does wrong, and writes down.

    LOCAL_ENCLAVE_BIN_DIR=<build>/tests/local_enclave pytest test_local_enclave.py
"""

import base64
import concurrent.futures
import glob
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from document_checker import (  # noqa: E402
    MEMBERS,
    Document,
    Refused,
    life_s,
    profile,
)
from harness import LocalEnclave, binary, mint  # noqa: E402

if "LOCAL_ENCLAVE_BIN_DIR" not in os.environ:
    pytest.skip("LOCAL_ENCLAVE_BIN_DIR is not set", allow_module_level=True)

EVIDENCE = "/.well-known/attestation"
ERAS = ["2024", "2026"]


def spki_of(der_certificate):
    return (
        x509.load_der_x509_certificate(der_certificate)
        .public_key()
        .public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
    )


def nitro_root(state):
    return (pathlib.Path(state) / "nitro-root.pem").read_bytes()


class Client:
    """One TLS connection, verified like any client's."""

    def __init__(
        self, enclave, name="localhost", version=None, options=0, certificate=None
    ):
        self.context = ssl.create_default_context(cafile=enclave.web_ca)
        self.context.options |= options
        if certificate is not None:
            self.context.load_cert_chain(*certificate)
        if version is not None:
            self.context.minimum_version = version
            self.context.maximum_version = version
        self._connect(enclave, name, None)

    def _connect(self, enclave, name, session):
        raw = socket.create_connection(("127.0.0.1", enclave.port), timeout=10)
        self.tls = self.context.wrap_socket(
            raw, server_hostname=name, session=session
        )
        self.http = http.client.HTTPConnection(name)
        self.http.sock = self.tls

    def resume(self, enclave):
        """A second connection that offers the session of the first."""
        other = object.__new__(Client)
        other.context = self.context
        other._connect(enclave, "localhost", self.tls.session)
        return other

    def get(self, path, method="GET", body=None, headers=None):
        self.http.request(method, path, body=body, headers=headers or {})
        answer = self.http.getresponse()
        answer.data = answer.read()
        return answer

    def spki(self):
        return spki_of(self.tls.getpeercert(binary_form=True))

    def close(self):
        # A response that is still being read would keep the socket open.
        try:
            self.tls.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.tls.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def document_of(enclave):
    with Client(enclave) as client:
        answer = client.get(EVIDENCE)
    assert answer.status == 200
    return Document(base64.b64decode(json.loads(answer.data)["attestation_doc"]))


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def enclave(tmp_path, monkeypatch):
    # What AddressSanitizer keeps of freed memory is not the server's use of it.
    monkeypatch.setenv("ASAN_OPTIONS", "quarantine_size_mb=4")
    with LocalEnclave.start(tmp_path / "state") as running:
        yield running
        # A sanitizer's complaint, or any other, is not 0.
        assert running.stop() == 0


# What is minted.


@pytest.mark.parametrize("era", ERAS)
def test_a_document_has_the_bytes_of_a_real_one(state, era):
    raw = mint(state, era=era, user_data="00" * 91)
    document = Document(raw)
    payload = document.payload
    assert raw[:8] == bytes.fromhex("8444a1013822a059")
    assert int.from_bytes(raw[8:10], "big") == len(payload)
    assert raw[10 : 10 + len(payload)] == payload
    assert raw[10 + len(payload) :][:2] == bytes.fromhex("5860")
    assert len(raw) == 10 + len(payload) + 2 + 96
    assert payload[0] == {"2024": 0xA9, "2026": 0xBF}[era]
    assert (payload[-1] == 0xFF) or era == "2024"
    assert b"\x69timestamp\x1b" in payload
    assert b"\x64pcrs\xb0\x00\x58\x30" in payload
    assert b"\x68cabundle\x84\x59" in payload
    assert b"\x6apublic_key\xf6" in payload
    assert list(document.claims) == MEMBERS
    assert document.claims["digest"] == "SHA384"
    assert len(document.claims["nonce"]) == 256


@pytest.mark.parametrize("era", ERAS)
def test_a_document_verifies(state, era):
    Document(mint(state, era=era)).check(nitro_root(state))


@pytest.mark.parametrize("era", ERAS)
def test_certificates_live_as_long_as_real_ones(state, era):
    document = Document(mint(state, era=era))
    assert [life_s(one) for one in document.bundle[1:]] == [1731600, 486000, 86400]
    assert life_s(document.leaf) == 10803
    leaf_age_s = (
        document.claims["timestamp"] / 1000
        - document.leaf.not_valid_before.timestamp()
        + time.timezone
    )
    assert 0 <= leaf_age_s < 10


def test_leaf_and_instance_are_named_after_the_module(state):
    document = Document(mint(state))
    module = document.claims["module_id"]
    assert len(module) == 39
    instance = module.split("-enc")[0]

    def common_name(certificate):
        return certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[
            0
        ].value

    assert common_name(document.leaf) == f"{module}.us-east-1.aws"
    assert common_name(document.bundle[3]) == f"{instance}.us-east-1.aws.nitro-enclaves"
    pcr4 = hashlib.sha384(bytes(48) + instance.encode()).digest()
    assert document.claims["pcrs"][4] == pcr4


@pytest.mark.parametrize(
    "era, real", [("2024", "20240226-*.cose"), ("2026", "20260521-*.cose")]
)
def test_the_profile_is_that_of_a_real_document(state, era, real):
    folder = os.environ.get("ENCLAVE_CLIENT_VECTORS")
    if folder is None:
        pytest.skip("ENCLAVE_CLIENT_VECTORS is not set")
    (path,) = glob.glob(os.path.join(folder, real))
    theirs = Document(pathlib.Path(path).read_bytes())
    ours = Document(mint(state, era=era))
    assert list(map(profile, ours.chain)) == list(map(profile, theirs.chain))
    assert ours.payload[0] == theirs.payload[0]
    assert list(ours.claims) == list(theirs.claims)
    for mine, real_one in zip(ours.chain[1:], theirs.chain[1:]):
        # Real regional and zonal spans differ by a second, or by hours.
        assert abs(life_s(mine) - life_s(real_one)) <= 43200


def test_the_timestamp_is_the_one_asked_for(state):
    document = Document(mint(state, timestamp_ms=1700000000123))
    assert document.claims["timestamp"] == 1700000000123
    with pytest.raises(Refused, match="expired"):
        document.check(nitro_root(state))


@pytest.mark.parametrize(
    "option, member",
    [
        ("public_key", "public_key"),
        ("user_data", "user_data"),
        ("nonce", "nonce"),
    ],
)
@pytest.mark.parametrize("era", ERAS)
def test_optional_members_are_null_absent_or_bytes(state, era, option, member):
    null = Document(mint(state, era=era, **{option: "null"}))
    assert null.claims[member] is None
    absent = Document(mint(state, era=era, **{option: "absent"}))
    assert list(absent.claims) == [name for name in MEMBERS if name != member]
    for value in ["", "00", "ab" * 1024]:
        given = Document(mint(state, era=era, **{option: value}))
        assert given.claims[member] == bytes.fromhex(value)
        given.check(nitro_root(state))


def test_registers_above_15_are_shown_on_demand(state):
    document = Document(mint(state, pcr={3: "03" * 48, 17: "17" * 48}))
    pcrs = document.claims["pcrs"]
    assert list(pcrs) == list(range(18))
    assert pcrs[3] == b"\x03" * 48
    assert pcrs[16] == bytes(48)
    assert pcrs[17] == b"\x17" * 48


def test_debug_zeroes_three_registers_only(state):
    pcrs = Document(mint(state, debug=True)).claims["pcrs"]
    assert [pcrs[i] for i in range(4)] == [bytes(48)] * 4
    assert pcrs[4] != bytes(48)


@pytest.mark.parametrize(
    "fault, reason",
    [
        ("broken-signature", "^signature$"),
        ("foreign-root", "untrusted root"),
        ("expired", "expired"),
        ("future", "future"),
        ("truncated", "malformed"),
    ],
)
@pytest.mark.parametrize("era", ERAS)
def test_a_fault_is_wrong_in_its_own_way(state, era, fault, reason):
    with pytest.raises(Refused, match=reason):
        Document(mint(state, era=era, fault=fault)).check(nitro_root(state))


def test_an_expired_document_was_good_in_its_time(state):
    document = Document(mint(state, fault="expired"))
    document.check(nitro_root(state), document.leaf.not_valid_before)


def test_the_foreign_root_has_the_same_name_and_another_key(state):
    document = Document(mint(state, fault="foreign-root"))
    ours = x509.load_pem_x509_certificate(nitro_root(state))
    assert document.bundle[0].subject == ours.subject
    foreign = (pathlib.Path(state) / "nitro-root-foreign.pem").read_bytes()
    document.check(foreign)


def test_a_nitrotpm_document_has_other_registers_under_the_same_root(state):
    document = Document(mint(state, fault="nitrotpm"))
    assert "pcrs" not in document.claims
    assert list(document.claims["nitrotpm_pcrs"]) == list(range(24))
    assert document.claims["module_id"].endswith("-tpm0000000000000000")
    document.check(nitro_root(state))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--pcr", "32=" + "00" * 48],
        ["--pcr", "0=00"],
        ["--pcr", "0"],
        ["--pcr", "=" + "00" * 48],
        ["--user-data", "0"],
        ["--user-data", "00" * 1025],
        ["--era", "2023"],
        ["--fault", "unknown"],
        ["--format", "xml"],
        ["--timestamp-ms", "-1"],
        ["--timestamp-ms", "1x"],
        ["--web-certificate", "localhost"],
        ["extra"],
        ["--spki-of", "/nonexistent"],
    ],
)
def test_what_cannot_be_minted_is_refused(tmp_path, arguments):
    where = ["--state", tmp_path] if arguments else []
    result = subprocess.run(
        [binary("mint-document"), *where, *arguments],
        capture_output=True,
        timeout=30,
    )
    assert result.returncode == 2
    assert result.stdout == b""
    assert result.stderr != b""


def test_output_forms_hold_the_same_document(state, tmp_path):
    for form, decode in [
        ("raw", lambda data: data),
        ("base64", base64.b64decode),
        ("json", lambda data: base64.b64decode(json.loads(data)["attestation_doc"])),
    ]:
        out = tmp_path / form
        assert mint(state, format=form, out=out) == b""
        Document(decode(out.read_bytes())).check(nitro_root(state))


def test_a_document_for_a_static_server_binds_its_certificate(state, tmp_path):
    mint(state, web_certificate="nginx.test", out_prefix=tmp_path / "nginx")
    document = Document(mint(state, spki_of=tmp_path / "nginx.pem"))
    pem = (tmp_path / "nginx.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(pem)
    spki = spki_of(certificate.public_bytes(serialization.Encoding.DER))
    assert document.claims["user_data"] == spki
    names = certificate.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value
    assert names.get_values_for_type(x509.DNSName) == ["nginx.test"]
    ssl.create_default_context().load_cert_chain(
        tmp_path / "nginx.pem", tmp_path / "nginx.key"
    )


def test_many_processes_agree_on_one_set_of_roots(tmp_path):
    state = tmp_path / "new"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        documents = list(pool.map(lambda _: mint(state), range(16)))
    for raw in documents:
        Document(raw).check(nitro_root(state))


# What is served.


def test_evidence_binds_the_key_of_the_connection(enclave):
    with Client(enclave) as client:
        answer = client.get(EVIDENCE)
        spki = client.spki()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    body = json.loads(answer.data)
    assert list(body) == ["attestation_doc"]
    document = Document(base64.b64decode(body["attestation_doc"], validate=True))
    document.check(pathlib.Path(enclave.nitro_root).read_bytes())
    assert document.claims["user_data"] == spki
    assert document.claims["public_key"] is None
    assert len(document.claims["nonce"]) == 256
    assert hashlib.sha256(spki).hexdigest() == enclave.ready["spki_sha256"]
    shown = {str(i): value.hex() for i, value in document.claims["pcrs"].items()}
    assert shown == enclave.pcrs


def test_the_leaf_is_reused_and_the_timestamp_is_not(enclave):
    first = document_of(enclave)
    time.sleep(0.002)
    second = document_of(enclave)
    assert second.leaf == first.leaf
    assert second.bundle == first.bundle
    assert second.claims["timestamp"] > first.claims["timestamp"]
    assert second.claims["nonce"] != first.claims["nonce"]


def test_the_leaf_is_renewed_before_its_end_and_the_chain_stays(enclave):
    first = document_of(enclave)
    # Fifteen minutes before its end, and a slow machine's minute before that.
    enclave.set(clock_offset_ms=(10803 - 3 - 960) * 1000)
    assert document_of(enclave).leaf == first.leaf
    enclave.set(clock_offset_ms=(10803 - 3 - 890) * 1000)
    renewed = document_of(enclave)
    assert renewed.leaf != first.leaf
    assert renewed.bundle == first.bundle
    enclave.set(clock_offset_ms=23 * 3600 * 1000)
    next_day = document_of(enclave)
    assert next_day.bundle[:3] == first.bundle[:3]
    assert next_day.bundle[3] != first.bundle[3]


@pytest.mark.parametrize("offset_days", [-900, -30, 5, 30, 900])
def test_at_any_date_the_whole_chain_is_in_force(enclave, offset_days):
    document_of(enclave)
    enclave.set(clock_offset_ms=offset_days * 86400 * 1000)
    document = document_of(enclave)
    stamp = document.claims["timestamp"]
    assert abs(stamp - (time.time() + offset_days * 86400) * 1000) < 10000
    document.check(
        pathlib.Path(enclave.nitro_root).read_bytes(),
        document.leaf.not_valid_before.__class__.utcfromtimestamp(stamp / 1000),
    )


def test_a_document_is_kept_when_the_server_caches(enclave):
    enclave.set(document_cache_ms=300000)
    assert document_of(enclave).raw == document_of(enclave).raw
    enclave.set(document_cache_ms=0)
    assert document_of(enclave).raw != document_of(enclave).raw


def test_a_short_life_ends_the_leaf_soon(enclave):
    enclave.set(leaf_life_s=20)
    document = document_of(enclave)
    assert life_s(document.leaf) == 20
    document.check(pathlib.Path(enclave.nitro_root).read_bytes())


@pytest.mark.parametrize("era", ERAS)
def test_the_era_can_be_switched(enclave, era):
    enclave.set(era=era)
    document = document_of(enclave)
    assert document.payload[0] == {"2024": 0xA9, "2026": 0xBF}[era]
    instance_extensions = len(list(document.bundle[3].extensions))
    assert instance_extensions == {"2024": 2, "2026": 4}[era]


def test_measurements_can_be_switched(enclave):
    enclave.set(pcrs={"0": "0b" * 48, "8": "8b" * 48})
    pcrs = document_of(enclave).claims["pcrs"]
    assert pcrs[0] == b"\x0b" * 48
    assert pcrs[1].hex() == enclave.pcrs["1"]
    assert pcrs[8] == b"\x8b" * 48
    enclave.set(debug=True)
    assert document_of(enclave).claims["pcrs"][0] == bytes(48)
    enclave.set(debug=False, pcrs=None)
    assert document_of(enclave).claims["pcrs"][0].hex() == enclave.pcrs["0"]


def test_a_rotated_key_is_served_and_bound(enclave):
    with Client(enclave) as before:
        old = before.spki()
        new_digest = enclave.rotate_key()
        # The old connection goes on, and shows the new evidence.
        assert before.get("/hello").status == 200
    with Client(enclave) as after:
        new = after.spki()
    assert new != old
    assert hashlib.sha256(new).hexdigest() == new_digest
    assert document_of(enclave).claims["user_data"] == new


# What goes wrong on demand.


def test_documents_can_say_something_else(enclave):
    own = document_of(enclave).claims["user_data"]
    assert enclave.set(user_data="c0ffee")["user_data"] == "c0ffee"
    assert document_of(enclave).claims["user_data"] == bytes.fromhex("c0ffee")
    assert enclave.set(user_data=None)["user_data"] is None
    assert document_of(enclave).claims["user_data"] == own


def test_every_setting_is_in_the_readme(enclave):
    text = (pathlib.Path(__file__).parent / "README.md").read_text("utf-8")
    assert [m for m in enclave.behaviour() if f"`{m}`" not in text] == []


def evidence_answer(enclave):
    with Client(enclave) as client:
        return client.get(EVIDENCE)


def refusal(enclave):
    with pytest.raises(Refused) as caught:
        document_of(enclave).check(pathlib.Path(enclave.nitro_root).read_bytes())
    return str(caught.value)


@pytest.mark.parametrize(
    "mode, reason",
    [
        ("broken-signature", "signature"),
        ("foreign-root", "untrusted root"),
        ("expired", "expired"),
        ("future", "future"),
        ("truncated", "malformed"),
    ],
)
def test_evidence_that_is_wrong(enclave, mode, reason):
    enclave.set(evidence=mode)
    assert refusal(enclave) == reason
    enclave.set(evidence="good")
    document_of(enclave).check(pathlib.Path(enclave.nitro_root).read_bytes())


def test_evidence_of_another_key(enclave):
    good = document_of(enclave)
    enclave.set(evidence="other-key")
    document = document_of(enclave)
    document.check(pathlib.Path(enclave.nitro_root).read_bytes())
    assert len(document.claims["user_data"]) == len(good.claims["user_data"])
    assert document.claims["user_data"] != good.claims["user_data"]


def test_evidence_without_a_key(enclave):
    enclave.set(evidence="null-user-data")
    assert document_of(enclave).claims["user_data"] is None


def test_old_evidence(enclave):
    enclave.set(evidence={"mode": "old", "age_ms": 3600000})
    document = document_of(enclave)
    age_ms = time.time() * 1000 - document.claims["timestamp"]
    assert 3600000 <= age_ms < 3610000
    document.check(pathlib.Path(enclave.nitro_root).read_bytes())


def test_evidence_of_a_nitrotpm(enclave):
    enclave.set(evidence="nitrotpm")
    assert "nitrotpm_pcrs" in document_of(enclave).claims


@pytest.mark.parametrize(
    "mode, body",
    [
        ("empty", b""),
        ("not-json", b"<html><body>Welcome</body></html>"),
        ("missing-member", b'{"attestation":"hEShATgioFkQ"}'),
        ("bad-base64", b'{"attestation_doc":"!hEShATgioFkQ"}'),
    ],
)
def test_evidence_in_the_wrong_wrapping(enclave, mode, body):
    enclave.set(evidence=mode)
    answer = evidence_answer(enclave)
    assert (answer.status, answer.data) == (200, body)


def test_evidence_refused_redirected_or_under_another_status(enclave):
    enclave.set(evidence={"mode": "status", "status": 418})
    assert evidence_answer(enclave).status == 418
    enclave.set(evidence={"mode": "redirect", "to": "https://evil.test/x"})
    answer = evidence_answer(enclave)
    assert (answer.status, answer.headers["Location"]) == (302, "https://evil.test/x")
    enclave.set(evidence="good", evidence_status=500)
    answer = evidence_answer(enclave)
    assert answer.status == 500
    assert "attestation_doc" in json.loads(answer.data)


def test_evidence_that_is_cut(enclave):
    enclave.set(evidence="cut")
    with pytest.raises(http.client.IncompleteRead) as caught:
        evidence_answer(enclave)
    assert len(caught.value.partial) == caught.value.expected


def read_to_the_end(enclave, path):
    """Until the server ends the connection; a timeout would raise."""
    with Client(enclave) as client:
        client.tls.sendall(b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % path.encode())
        answer = b""
        while piece := client.tls.recv(65536):
            answer += piece
    return answer


def test_evidence_that_closes_the_connection(enclave):
    enclave.set(evidence="close")
    assert b"\r\nConnection: close\r\n" in read_to_the_end(enclave, EVIDENCE)
    enclave.set(evidence="good", keep_alive=False)
    assert b"\r\nConnection: close\r\n" in read_to_the_end(enclave, "/hello")
    enclave.set(keep_alive=True)
    assert b"\r\nConnection: close\r\n" in read_to_the_end(enclave, "/close")


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def test_huge_evidence_is_sent_in_constant_memory(enclave):
    enclave.set(evidence="huge")
    before = resident_kib(enclave.pid)
    with Client(enclave) as client:
        client.http.request("GET", EVIDENCE)
        answer = client.http.getresponse()
        assert answer.read(20) == b'{"attestation_doc":"'
        left = 64 * 1024 * 1024
        while left > 0:
            left -= len(answer.read(min(left, 1024 * 1024)))
        assert resident_kib(enclave.pid) - before < 16 * 1024
    enclave.wait_for("closed")


def test_slow_evidence_comes_byte_by_byte(enclave):
    enclave.set(evidence={"mode": "slow", "interval_ms": 2})
    with Client(enclave) as client:
        client.http.request("GET", EVIDENCE)
        answer = client.http.getresponse()
        assert answer.read(5) == b'{"att'
        assert int(answer.headers["Content-Length"]) > 6000
    enclave.wait_for("closed")


@pytest.mark.parametrize("path", [EVIDENCE, "/never"])
def test_no_answer_at_all_until_the_client_gives_up(enclave, path):
    enclave.set(evidence="never")
    with Client(enclave) as client:
        client.tls.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.get(path)
    assert enclave.wait_for("closed")[0]["requests"] == 1


@pytest.mark.parametrize(
    "kind, reason",
    [
        ("foreign", "unable to get local issuer"),
        ("expired", "expired"),
        ("wrong-name", "mismatch"),
        ("self-signed", "self-signed"),
    ],
)
def test_server_certificates_that_no_client_should_take(enclave, kind, reason):
    enclave.set(web_ca=kind)
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        Client(enclave)
    enclave.set(web_ca="good")
    with Client(enclave) as client:
        digest = hashlib.sha256(client.spki()).hexdigest()
    assert digest == enclave.ready["spki_sha256"]


@pytest.mark.parametrize(
    "settings",
    [
        [],
        {"unknown": 1},
        {"pcrs": {"0": "00"}},
        {"pcrs": {"32": "00" * 48}},
        {"pcrs": {"x": "00" * 48}},
        {"pcrs": {"0": 0}},
        {"debug": 1},
        {"era": 2024},
        {"web_ca": "none"},
        {"evidence": "unknown"},
        {"evidence": {"mode": "good", "unknown": 1}},
        {"evidence": {"status": 99}},
        {"evidence_status": "200"},
        {"leaf_life_s": 3},
        {"clock_offset_ms": "now"},
        {"document_cache_ms": -1},
    ],
)
def test_settings_that_are_not_understood_change_nothing(enclave, settings):
    before = enclave.behaviour()
    both = {"debug": True, **settings} if isinstance(settings, dict) else settings
    with pytest.raises(Exception, match="400"):
        enclave._control("PUT", "/behaviour", both)
    assert enclave.behaviour() == before


# Everything else is an echo.


def test_an_echo_tells_the_whole_request(enclave):
    with Client(enclave) as client:
        answer = client.get(
            "/a/b?c=d", "POST", b"h\xc3\xa9llo", {"X-Marker": "m1", "Cookie": "c=1"}
        )
    echo = json.loads(answer.data)
    assert echo["method"] == "POST"
    assert echo["path"] == "/a/b?c=d"
    assert echo["headers"]["x-marker"] == "m1"
    assert echo["headers"]["cookie"] == "c=1"
    assert echo["body"] == "héllo"
    assert echo["body_length"] == 6
    assert echo["body_sha256"] == hashlib.sha256(b"h\xc3\xa9llo").hexdigest()


@pytest.mark.parametrize("body", [b"\xff", b"\x00", b"a" * 65537, b"\xed\xa0\x80"])
def test_a_body_that_is_not_short_text_is_not_echoed(enclave, body):
    with Client(enclave) as client:
        echo = json.loads(client.get("/", "PUT", body).data)
    assert echo["body"] is None
    assert echo["body_length"] == len(body)
    assert echo["body_sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("status", [200, 204, 304, 404, 500, 503])
def test_a_status_on_demand(enclave, status):
    with Client(enclave) as client:
        assert client.get(f"/status/{status}").status == status
        assert client.get("/again").status == 200


@pytest.mark.parametrize("path, status", [("/redirect", 302), ("/redirect-307", 307)])
def test_a_redirect_on_demand(enclave, path, status):
    with Client(enclave) as client:
        answer = client.get(f"{path}?to=https%3A%2F%2Fother.test%2Fx")
    assert (answer.status, answer.headers["Location"]) == (status, "https://other.test/x")


@pytest.mark.parametrize("size", [0, 1, 65536, 1000001])
def test_bodies_of_any_size(enclave, size):
    with Client(enclave) as client:
        chunked = client.get(f"/bytes/{size}")
        assert chunked.headers["Transfer-Encoding"] == "chunked"
        announced = client.get(f"/length/{size}")
        assert announced.headers["Content-Length"] == str(size)
    assert len(chunked.data) == size
    assert chunked.data == announced.data


def test_the_server_waits_for_a_slow_reader(enclave):
    before = resident_kib(enclave.pid)
    with Client(enclave) as client:
        client.http.request("GET", "/bytes/1000000000000")
        client.http.getresponse().read(1)
        with Client(enclave) as other:
            for _ in range(20):
                assert other.get("/hello").status == 200
        assert resident_kib(enclave.pid) - before < 16 * 1024


def test_events_come_one_by_one(enclave):
    with Client(enclave) as client:
        answer = client.get("/sse")
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.data.split(b"\n\n")[:-1] == [b"data: event %d" % i for i in range(1, 6)]


def test_a_cut_answer(enclave):
    with Client(enclave) as client:
        with pytest.raises(http.client.IncompleteRead):
            client.get("/cut")


def test_a_delayed_answer_and_a_client_that_does_not_wait(enclave):
    with Client(enclave) as client:
        assert json.loads(client.get("/delay/20").data)["path"] == "/delay/20"
    with Client(enclave) as client:
        client.http.request("GET", "/delay/60000")
        enclave.wait_for("request", 2)
    enclave.wait_for("closed", 2)


# The ground truth.


def test_the_log_tells_a_connection_from_beginning_to_end(enclave):
    with Client(enclave, name="enclave.test") as client:
        port = client.tls.getsockname()[1]
        client.get(EVIDENCE, headers={"X-Marker": "one"})
        client.get("/x", "POST", b"body", {"X-Marker": "two"})
    enclave.wait_for("closed")
    log = enclave.log()
    # A request that comes in two records is also told in part.
    log = [item for item in log if item["event"] not in ("alert", "received")]
    assert [item["event"] for item in log] == [
        "connection",
        "client_hello",
        "handshake",
        "request_started",
        "evidence",
        "request_started",
        "request",
        "closed",
    ]
    assert {item["connection"] for item in log} == {1}
    assert log[0]["peer_port"] == port
    assert log[1]["sni"] == "enclave.test"
    shake = log[2]
    assert shake["tls"] == "TLSv1.3"
    assert (shake["resumed"], shake["renegotiated"]) == (False, False)
    assert shake["spki_sha256"] == enclave.ready["spki_sha256"]
    assert shake["pcr0"] == enclave.pcrs["0"]
    (evidence,) = enclave.log("evidence")
    assert evidence["headers"]["x-marker"] == "one"
    (request,) = enclave.log("request")
    assert request["headers"]["x-marker"] == "two"
    assert (request["method"], request["path"]) == ("POST", "/x")
    assert (request["body"], request["body_length"]) == ("body", 4)
    assert log[-1]["requests"] == 2
    assert log[-1]["unfinished"] is False


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GE"],
        [b"GET /secret"],
        [b"GET / HTTP/1.1\r\nAuthorization: secret"],
        [b"GET / HTTP/1.1\r\nAuthorization: secret\r\n"],
        [b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nsecret"],
        [b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsec", b"ret"],
        [b"not http at all \xff\x00 secret"],
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nsecret"],
    ],
)
def test_no_part_of_a_request_hides(enclave, pieces):
    with Client(enclave) as client:
        for number, piece in enumerate(pieces, 1):
            client.tls.sendall(piece)
            told = enclave.wait_for("received", number)[-1]
            assert told["text"] == piece.decode("latin-1").replace("\0", "\u2400")
    (closed,) = enclave.wait_for("closed")
    assert closed["received_bytes"] == len(b"".join(pieces))
    assert closed["unfinished"] is True


def test_a_request_shows_as_soon_as_its_headers_are_whole(enclave):
    with Client(enclave) as client:
        client.tls.sendall(b"POST /up HTTP/1.1\r\nContent-Length: 9\r\nX-A: b\r\n\r\n")
        (started,) = enclave.wait_for("request_started")
        assert (started["path"], started["headers"]["x-a"]) == ("/up", "b")
        assert enclave.log("request") == []
        client.tls.sendall(b"123456789")
        (request,) = enclave.wait_for("request")
        assert request["body"] == "123456789"


def test_a_chunked_upload_with_a_trailer_is_read_whole(enclave):
    body = b"x" * 100000
    with Client(enclave) as client:
        client.tls.sendall(
            b"POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"%x\r\n" % len(body)
            + body
            + b"\r\n3\r\nend\r\n0\r\nX-Trailer: t\r\n\r\n"
        )
        answer = http.client.HTTPResponse(client.tls)
        answer.begin()
        echo = json.loads(answer.read())
    (request,) = enclave.log("request")
    assert request["body_length"] == echo["body_length"] == len(body) + 3
    assert request["body_sha256"] == hashlib.sha256(body + b"end").hexdigest()
    assert request["headers"]["x-trailer"] == "t"
    assert len(request["body"]) == 4096


def test_requests_in_one_write_are_told_apart(enclave):
    with Client(enclave) as client:
        client.tls.sendall(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        enclave.wait_for("request", 2)
    assert [item["path"] for item in enclave.log("request")] == ["/1", "/2"]


def test_a_handshake_that_the_client_gives_up_shows_no_request(enclave):
    context = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", enclave.port), timeout=10) as raw:
        with pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(raw, server_hostname="localhost")
    (closed,) = enclave.wait_for("closed")
    assert (closed["received_bytes"], closed["requests"]) == (0, 0)
    assert enclave.log("alert")[0]["text"] == "unknown CA"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_resumption_is_possible_even_after_a_rotation(enclave, version):
    with Client(enclave, version=version) as first:
        first.get("/1")
        with first.resume(enclave) as second:
            second.get("/2")
        enclave.rotate_key()
        with first.resume(enclave) as third:
            third.get("/3")
    shakes = enclave.log("handshake")
    assert [item["resumed"] for item in shakes] == [False, True, True]


def test_a_tls_1_2_client_is_asked_to_renegotiate(enclave):
    with Client(enclave, version=ssl.TLSVersion.TLSv1_2) as client:
        client.get("/1")
        assert enclave.renegotiate() == 1
        # The client greets while it reads the next answer, and goes on.
        client.get("/2")
        client.get("/3")
    shakes = enclave.log("handshake")
    assert [item["renegotiated"] for item in shakes] == [False, True]


def test_a_client_that_does_not_renegotiate_loses_the_connection(enclave):
    options = {"options": ssl.OP_NO_RENEGOTIATION}
    with Client(enclave, version=ssl.TLSVersion.TLSv1_2, **options) as client:
        client.get("/1")
        assert enclave.renegotiate() == 1
        # The first may have been sent before the client was asked.
        with pytest.raises((OSError, http.client.HTTPException)):
            for _ in range(3):
                client.get("/2")
    enclave.wait_for("closed")
    assert [item["renegotiated"] for item in enclave.log("handshake")] == [False]
    assert "no renegotiation" in [item["text"] for item in enclave.log("alert")]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_is_asked_for_and_logged(enclave, version, tmp_path):
    mint(tmp_path, web_certificate="client", out_prefix=tmp_path / "client")
    pair = (tmp_path / "client.pem", tmp_path / "client.key")
    with Client(enclave, version=version, certificate=pair) as client:
        client.get("/not-asked")
    enclave.set(ask_client_certificate=True)
    with Client(enclave, version=version, certificate=pair) as client:
        client.get("/shown")
    with Client(enclave, version=version) as client:
        client.get("/none")
    subjects = [item["client_certificate"] for item in enclave.log("handshake")]
    assert subjects == [None, "/CN=local enclave server", None]


def test_the_log_can_be_forgotten(enclave):
    with Client(enclave) as client:
        client.get("/before")
        enclave.clear_log()
        client.get("/after")
    enclave.wait_for("closed")
    assert [item["path"] for item in enclave.log("request")] == ["/after"]


def test_alpn_offers_http_1_only(enclave):
    context = ssl.create_default_context(cafile=enclave.web_ca)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", enclave.port), timeout=10) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            assert tls.selected_alpn_protocol() == "http/1.1"


# Processes.


def test_an_impostor_relays_evidence_that_does_not_bind_its_key(tmp_path):
    state = tmp_path / "state"
    with LocalEnclave.start(state, instance="genuine") as genuine:
        relay = f"https://127.0.0.1:{genuine.port}"
        with LocalEnclave.start(state, instance="impostor", relay=relay) as impostor:
            with Client(impostor) as client:
                answer = client.get(EVIDENCE, headers={"X-Marker": "m"})
                key = client.spki()
            raw = base64.b64decode(json.loads(answer.data)["attestation_doc"])
            document = Document(raw)
            document.check(nitro_root(state))
            bound = hashlib.sha256(document.claims["user_data"]).hexdigest()
            assert bound == genuine.ready["spki_sha256"]
            assert bound != hashlib.sha256(key).hexdigest()
            assert impostor.log("evidence")[0]["headers"]["x-marker"] == "m"
            assert "x-marker" not in genuine.log("evidence")[0]["headers"]
            assert genuine.stop() == 0
            with Client(impostor) as client:
                assert client.get(EVIDENCE).status == 502
            assert impostor.stop() == 0


def test_a_key_can_outlive_its_process(tmp_path):
    with LocalEnclave.start(tmp_path, keep_key=True) as first:
        pass
    with LocalEnclave.start(tmp_path, keep_key=True) as second:
        assert second.ready["spki_sha256"] == first.ready["spki_sha256"]
        rotated = second.rotate_key()
    with LocalEnclave.start(tmp_path, keep_key=True) as third:
        assert third.ready["spki_sha256"] == rotated
    with LocalEnclave.start(tmp_path) as fourth:
        assert fourth.ready["spki_sha256"] != rotated


@pytest.mark.parametrize(
    "version, spoken", [("1.2", "TLSv1.2"), ("1.3", "TLSv1.3"), (None, "TLSv1.3")]
)
def test_one_tls_version_only(tmp_path, version, spoken):
    with LocalEnclave.start(tmp_path, tls=version) as enclave:
        with Client(enclave) as client:
            assert client.tls.version() == spoken


def test_options_of_the_start(tmp_path):
    pcr = {0: "00" * 47 + "01", 8: "b8" * 48}
    with LocalEnclave.start(
        tmp_path, instance="x", host=["a.test", "b.test"], pcr=pcr, era="2024"
    ) as enclave:
        status = json.loads((tmp_path / "x.json").read_text())
        assert status == enclave.ready
        assert enclave.pcrs["0"] == pcr[0]
        assert enclave.pcrs["8"] == pcr[8]
        for name in ["a.test", "b.test", "127.0.0.1"]:
            with Client(enclave, name=name) as client:
                client.get("/")
        with pytest.raises(ssl.SSLCertVerificationError):
            Client(enclave, name="localhost")


def test_only_loopback_is_listened_on(enclave):
    listening = set()
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        address, state = line.split()[1], line.split()[3]
        if state == "0A":
            host, port = address.split(":")
            if int(port, 16) in (enclave.port, enclave.ready["control_port"]):
                listening.add(host)
    assert listening == {"0100007F"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_work_in_hand(tmp_path, number):
    with LocalEnclave.start(tmp_path) as enclave:
        clients = [Client(enclave) for _ in range(4)]
        for client, path in zip(
            clients, ["/never", "/delay/60000", "/bytes/100000000", "/sse"]
        ):
            client.http.request("GET", path)
        enclave.wait_for("request", 4)
        os.kill(enclave.pid, number)
        assert enclave.process.wait(10) == 0
        assert len(enclave.log("closed")) == 4
        for client in clients:
            client.close()


def test_the_control_port_ends_it(tmp_path):
    with LocalEnclave.start(tmp_path) as enclave:
        enclave._control("POST", "/stop")
        assert enclave.process.wait(10) == 0


def test_it_ends_with_its_parent(tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from harness import LocalEnclave\n"
        "print(LocalEnclave.start(sys.argv[2]).pid, flush=True)\n"
    )
    folder = str(pathlib.Path(__file__).parent)
    parent = subprocess.run(
        [sys.executable, "-B", "-c", script, folder, str(tmp_path)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    pid = int(parent.stdout)
    end = time.monotonic() + 10
    while pathlib.Path(f"/proc/{pid}/cmdline").exists():
        if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() == b"":
            break
        assert time.monotonic() < end
        time.sleep(0.01)


# More than the sockets between service, proxy and client hold together.
MUCH = b"0123456789abcdef" * 512 * 1024


class Service(http.server.BaseHTTPRequestHandler):
    """Somebody's service: says what it was asked, slowly, or half of it."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        text = f"{self.command} {self.path} {body.decode()}".encode()
        interim = re.fullmatch(r"/interim/([0-9,]+)", self.path)
        if interim is not None:
            for status in interim[1].split(","):
                self.send_response_only(int(status))
                self.send_header("X-Early", status)
                self.end_headers()
            # The answer is there with them, or by itself.
            if self.command != "POST":
                time.sleep(0.02)
        self.send_response(404 if self.path == "/none" else 201)
        self.send_header("X-Seen-Host", self.headers["Host"])
        self.send_header("X-Seen", self.headers.get("X-Sent", ""))
        if self.path == "/slow":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\r\nfirst\r\n")
            self.server.release.wait(30)
            self.wfile.write(b"4\r\nlast\r\n0\r\n\r\n")
            return
        if self.path == "/half-of-much":
            text = MUCH
        more = 1 if self.path.startswith("/half") else 0
        self.send_header("Content-Length", str(len(text) + more))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
        self.server.said.set()
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = answer


@pytest.fixture
def service():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    server.release = threading.Event()
    server.said = threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def proxy(state, service):
    port = service.server_address[1]
    with LocalEnclave.start(state, instance="proxy", proxy=port) as one:
        yield one
        assert one.stop() == 0


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_a_proxy_asks_the_service(proxy, method):
    with Client(proxy) as client:
        for path in ("/a?b=c", "/none"):
            answer = client.get(path, method, b"body", {"X-Sent": "1"})
            assert answer.status == (404 if path == "/none" else 201)
            assert answer.data == f"{method} {path} body".encode()
            assert answer.headers["X-Seen"] == "1"
            assert answer.headers["X-Seen-Host"] == "localhost"
        head = client.get("/", "HEAD")
        assert (head.status, head.data) == (201, b"")
        assert json.loads(client.get(EVIDENCE).data)["attestation_doc"]


def test_a_body_in_chunks_reaches_the_service_whole(proxy):
    with Client(proxy) as client:
        answer = client.get("/", "POST", iter([b"bo", b"dy"]))
        assert answer.data == b"POST / body"


def test_a_proxy_passes_on_what_is_there(proxy, service):
    with Client(proxy) as client:
        client.http.request("GET", "/slow")
        answer = client.http.getresponse()
        assert answer.read1(5) == b"first"
        service.release.set()
        assert answer.read() == b"last"


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("early", ["100", "103", "102,103", "103,100,103"])
def test_an_interim_answer_is_not_the_answer(proxy, early, method):
    path = f"/interim/{early}"
    with Client(proxy) as client:
        for _ in range(3):
            answer = client.get(path, method, b"body" if method == "POST" else None)
            assert answer.status == 201
            text = f"{method} {path} {'body' if method == 'POST' else ''}"
            assert answer.data == (b"" if method == "HEAD" else text.encode())
            assert "X-Early" not in answer.headers


@pytest.mark.parametrize("path", ["/half", "/half-of-much"])
def test_half_an_answer_is_not_made_whole(proxy, service, path):
    with Client(proxy) as client:
        client.http.request("GET", path)
        # By then the proxy holds what its client has not begun to read.
        assert service.said.wait(30)
        answer = client.http.getresponse()
        with pytest.raises(http.client.IncompleteRead) as caught:
            answer.read()
        # All that the service did say arrives before the end.
        said = MUCH if path == "/half-of-much" else b"GET /half "
        assert caught.value.partial == said
        assert caught.value.expected == 1


def test_a_client_that_leaves_a_proxy(proxy):
    with Client(proxy) as client:
        client.http.request("GET", "/slow")
        assert client.http.getresponse().read1(5) == b"first"
    proxy.wait_for("closed")
    with Client(proxy) as client:
        assert client.get("/").status == 201


def test_a_proxy_without_a_service(state):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with LocalEnclave.start(state, instance="alone", proxy=port) as one:
        with Client(one) as client:
            assert client.get("/").status == 502
            assert client.get(EVIDENCE).status == 200


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--proxy", "0"],
        ["--proxy", "65536"],
        ["--pcr", "0"],
        ["--tls", "1.1"],
        ["--era", "2020"],
        ["--unknown"],
        ["extra"],
    ],
)
def test_a_start_that_makes_no_sense_is_refused(tmp_path, arguments):
    where = ["--state", tmp_path] if arguments else []
    result = subprocess.run(
        [binary("local-enclave"), *where, *arguments],
        capture_output=True,
        timeout=30,
    )
    assert (result.returncode, result.stdout) == (2, b"")


def test_many_clients_at_once(enclave):
    def work(number):
        with Client(enclave) as client:
            for i in range(10):
                echo = json.loads(client.get(f"/{number}/{i}").data)
                assert echo["path"] == f"/{number}/{i}"
            assert client.get(EVIDENCE).status == 200

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(enclave.log("request")) == 80
    assert len(enclave.log("evidence")) == 8
    closed = enclave.wait_for("closed", 8)
    assert sum(item["requests"] for item in closed) == 88
