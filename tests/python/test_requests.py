"""requests, with the gate under it."""

import datetime
import hashlib
import pickle
import shutil
import ssl
import subprocess
import sys
import threading
import time

import pytest

requests = pytest.importorskip("requests")

import urllib3  # noqa: E402
import urllib3.connection  # noqa: E402

import enclave_client  # noqa: E402
import enclave_client.requests as adapters  # noqa: E402
from conftest import (  # noqa: E402
    MARKER,
    OTHER_PCR,
    connections,
    hanging_evidence,
    make_client,
    map_of,
    name_of,
    nothing_is_sent,
    sooner_than_learning,
    withdraw_at,
)
from enclave_client.requests import AttestedAdapter, Session  # noqa: E402
from harness import LocalEnclave  # noqa: E402
from proxy import Proxy  # noqa: E402


@pytest.fixture
def session(client):
    with Session(client) as session:
        yield session


def mounted(adapter, enclave):
    session = requests.Session()
    session.mount("https://", adapter)
    session.verify = str(enclave.web_ca)
    return session


def evidence_count(enclave):
    return len(enclave.log("evidence"))


def test_learning_and_requests_share_one_connection(session, enclave):
    for number in range(5):
        answer = session.get(enclave.url + f"/{number}")
        assert answer.status_code == 200
        assert answer.json()["path"] == f"/{number}"
    assert connections(enclave) == 1
    assert evidence_count(enclave) == 1
    assert {event["connection"] for event in enclave.log("request")} == {
        enclave.log("evidence")[0]["connection"]
    }


def test_the_evidence_request_holds_nothing_of_the_callers(session, enclave):
    session.cookies.set("cookie", MARKER, domain="localhost.local")
    session.headers["X-Secret"] = MARKER
    session.get(
        enclave.url + f"/{MARKER}", auth=("user", MARKER), headers={"User-Agent": MARKER}
    )
    (evidence,) = enclave.log("evidence")
    assert MARKER not in str(evidence)
    assert evidence["method"] == "GET"
    assert set(evidence["headers"]) == {"host", "user-agent", "accept"}


def test_the_attestation(session, enclave):
    attestation = session.get(enclave.url).attestation
    assert attestation.pcrs[0] == enclave.pcrs["0"]
    assert attestation.enclave == name_of(enclave)


def test_bodies_go_through(session, enclave, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100_000)
    post = session.post
    assert post(enclave.url, json={"a": 1}).json()["body"] == '{"a": 1}'
    assert post(enclave.url, data={"a": "1"}).json()["body"] == "a=1"
    with path.open("rb") as file:
        assert post(enclave.url, data=file).json()["body_length"] == 100_000
    pieces = (b"piece" for _ in range(100))
    assert post(enclave.url, data=pieces).json()["body_length"] == 500
    assert connections(enclave) == 1


def test_a_stream_as_first_request_is_judged_too(session, enclave):
    # requests sends these around urllib3's own checks.
    enclave.set(evidence="other-key")
    with nothing_is_sent(enclave), pytest.raises(enclave_client.KeyNotAttested):
        session.post(enclave.url, data=iter([MARKER.encode()]))


def test_streaming_answers(session, enclave):
    with session.get(enclave.url + "/bytes/1000000", stream=True) as answer:
        assert sum(map(len, answer.iter_content(10_000))) == 1_000_000
    lines = list(session.get(enclave.url + "/sse", stream=True).iter_lines())
    assert len([line for line in lines if line.startswith(b"data:")]) == 5


REFUSALS = [
    ({"mode": "other-key"}, enclave_client.KeyNotAttested),
    ({"mode": "null-user-data"}, enclave_client.KeyNotAttested),
    ({"mode": "old", "age_ms": 4_000_000}, enclave_client.EvidenceTimeError),
    ({"mode": "expired"}, enclave_client.EvidenceTimeError),
    ({"mode": "future"}, enclave_client.EvidenceTimeError),
    ({"mode": "broken-signature"}, enclave_client.UntrustedEvidence),
    ({"mode": "foreign-root"}, enclave_client.UntrustedEvidence),
    ({"mode": "truncated"}, enclave_client.MalformedEvidence),
    ({"mode": "not-json"}, enclave_client.MalformedEvidence),
    ({"mode": "bad-base64"}, enclave_client.MalformedEvidence),
    ({"mode": "empty"}, enclave_client.EnclaveClientError),
    ({"mode": "huge"}, enclave_client.EvidenceNotServed),
    ({"mode": "cut"}, enclave_client.EvidenceNotServed),
    ({"mode": "status", "status": 404}, enclave_client.EvidenceNotServed),
    ({"mode": "redirect", "to": "/there"}, enclave_client.EvidenceNotServed),
    ({"mode": "never"}, enclave_client.TimeoutError),
    ({"mode": "slow", "interval_ms": 100}, enclave_client.TimeoutError),
]


@pytest.mark.parametrize("evidence, kind", REFUSALS, ids=lambda value: str(value))
def test_each_refusal_by_its_exception(session, enclave, evidence, kind):
    enclave.set(evidence=evidence)
    with nothing_is_sent(enclave), pytest.raises(kind) as caught:
        session.post(enclave.url, data=MARKER, headers={"Cookie": MARKER})
    assert isinstance(caught.value, requests.exceptions.SSLError)
    assert caught.value.enclave == name_of(enclave)
    assert caught.value.request is not None


def test_another_measurement(enclave):
    with make_client(enclave, map_of(enclave, OTHER_PCR)) as client:
        with nothing_is_sent(enclave), Session(client) as session:
            with pytest.raises(enclave_client.MeasurementRefused):
                session.post(enclave.url, data=MARKER)


def test_verify_false_switches_nothing_off(session, enclave):
    enclave.set(evidence="other-key")
    with nothing_is_sent(enclave), pytest.raises(enclave_client.KeyNotAttested):
        with pytest.warns(UserWarning, match="verify=False has no effect"):
            session.post(enclave.url, data=MARKER, verify=False)


@pytest.mark.parametrize("web_ca", ["foreign", "expired", "wrong-name", "self-signed"])
@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.filterwarnings("ignore:verify=False")
def test_ordinary_verification_stays(session, enclave, web_ca, verify):
    enclave.set(web_ca=web_ca)
    with nothing_is_sent(enclave), pytest.raises(requests.exceptions.SSLError):
        session.post(enclave.url, data=MARKER, verify=verify)
    assert not evidence_count(enclave)


def test_verify_names_the_store(client, enclave, tmp_path):
    foreign = LocalEnclave.start(tmp_path / "foreign")
    with foreign, Session(client) as session:
        with pytest.raises(requests.exceptions.SSLError):
            session.get(enclave.url, verify=foreign.web_ca)
        assert session.get(enclave.url, verify=enclave.web_ca).ok


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_of_the_environment_comes_before_the_clients(
    session, enclave, monkeypatch, variable
):
    monkeypatch.setenv(variable, str(enclave.nitro_root))
    with nothing_is_sent(enclave):
        with pytest.raises(requests.exceptions.SSLError) as refusal:
            session.get(enclave.url)
    # What requests itself refuses is of its own kind alone.
    assert not hasattr(refusal.value, "status")
    session.trust_env = False
    assert session.get(enclave.url).status_code == 200


def test_a_store_that_changed_is_read_again(session, enclave, tmp_path):
    store, foreign = tmp_path / "store.pem", LocalEnclave.start(tmp_path / "foreign")
    enclave.set(keep_alive=False)
    with foreign:
        shutil.copy(enclave.web_ca, store)
        assert session.get(enclave.url, verify=str(store)).ok
        shutil.copy(foreign.web_ca, store)
        with nothing_is_sent(enclave), pytest.raises(requests.exceptions.SSLError):
            session.post(enclave.url, data=MARKER, verify=str(store))
        shutil.copy(enclave.web_ca, store)
        assert session.get(enclave.url, verify=str(store)).ok


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:1/", "https://localhost:1/", "http://localhost/"]
)
def test_unknown_hosts_are_refused(session, url):
    with pytest.raises(enclave_client.UnknownEnclave) as caught:
        session.post(url, data=MARKER)
    assert isinstance(caught.value, requests.exceptions.SSLError)


def test_an_impostor_with_a_good_certificate_and_the_genuine_evidence(state, enclave):
    relay = LocalEnclave.start(state, instance="relay", relay=enclave.url)
    with relay, make_client(enclave, map_of(relay)) as client:
        with nothing_is_sent(enclave, relay), Session(client) as session:
            with pytest.raises(enclave_client.KeyNotAttested):
                session.post(
                    relay.url + f"/{MARKER}",
                    data=MARKER,
                    headers={"Authorization": MARKER, "User-Agent": MARKER},
                    cookies={"c": MARKER},
                )


def test_a_policy_change_reaches_the_pool(client, session, enclave):
    session.get(enclave.url)
    client.update(map_of(enclave, OTHER_PCR))
    with nothing_is_sent(enclave), pytest.raises(enclave_client.MeasurementRefused):
        session.post(enclave.url, data=MARKER)
    client.update({"localhost:1": {"PCR0": OTHER_PCR}})
    with nothing_is_sent(enclave), pytest.raises(enclave_client.UnknownEnclave):
        session.post(enclave.url, data=MARKER)


def test_an_upload_stops_when_the_policy_changes(client, session, enclave):
    session.get(enclave.url)

    def pieces():
        yield b"first"
        client.update(map_of(enclave, OTHER_PCR))
        yield MARKER.encode()

    with pytest.raises(enclave_client.EnclaveClientError):
        session.post(enclave.url, data=pieces())
    enclave.wait_for("closed")
    assert MARKER not in str(enclave.log())


@pytest.mark.parametrize("wrap", [bytes, lambda body: iter([body])])
def test_a_body_in_memory_stops_when_the_policy_changes(
    client, session, enclave, monkeypatch, wrap
):
    session.get(enclave.url)
    withdraw_at(monkeypatch, client, enclave, 10)
    with pytest.raises(enclave_client.EnclaveClientError):
        session.post(enclave.url, data=wrap(b"x" * 1_000_000 + MARKER.encode()))
    (closed,) = enclave.wait_for("closed")
    assert 300_000 < closed["received_bytes"] < 700_000
    assert MARKER not in str(enclave.log())


@pytest.mark.parametrize("length", [65_535, 65_536, 65_537, 1_000_000])
@pytest.mark.parametrize("wrap", [bytes, lambda body: iter([body])])
def test_a_body_in_memory_arrives_whole(session, enclave, length, wrap):
    body = bytes(number % 251 for number in range(length))
    answer = session.post(enclave.url, data=wrap(body)).json()
    assert answer["body_length"] == length
    assert answer["body_sha256"] == hashlib.sha256(body).hexdigest()


def test_expiry_reaches_the_pool(enclave):
    # Three of its seconds lie before its signing.
    enclave.set(leaf_life_s=9)
    with make_client(enclave) as client, Session(client) as session:
        deadline = session.get(enclave.url).attestation.deadline
        enclave.set(evidence="other-key", leaf_life_s=10803)
        while datetime.datetime.now(datetime.timezone.utc) <= deadline:
            time.sleep(0.01)
        with nothing_is_sent(enclave):
            with pytest.raises(enclave_client.EnclaveClientError):
                session.post(enclave.url, data=MARKER)


def test_a_key_that_rotates_is_learned_again(session, enclave):
    session.get(enclave.url)
    enclave.rotate_key()
    enclave.set(keep_alive=False)
    session.get(enclave.url)
    enclave.set(keep_alive=True)
    assert session.get(enclave.url).ok
    assert evidence_count(enclave) == 2


def test_evidence_whose_connection_closes(session, enclave):
    enclave.set(evidence="close")
    assert session.get(enclave.url).ok
    assert (connections(enclave), evidence_count(enclave)) == (2, 1)


def test_a_refused_key_is_not_asked_again_at_once(session, enclave):
    enclave.set(evidence="other-key")
    for _ in range(3):
        with pytest.raises(enclave_client.KeyNotAttested):
            session.get(enclave.url)
    assert evidence_count(enclave) == 1


@pytest.mark.parametrize("mode", ["never", "slow"])
def test_learning_keeps_the_callers_timeout(session, enclave, monkeypatch, mode):
    enclave.set(evidence={"mode": mode, "interval_ms": 100})
    with nothing_is_sent(enclave), sooner_than_learning(monkeypatch):
        with pytest.raises(enclave_client.TimeoutError, match="within 0.3 s"):
            session.post(enclave.url, data=MARKER, timeout=0.3)
    # Nor is the key held to have failed.
    enclave.set(evidence="good")
    assert session.get(enclave.url).ok


def test_learning_elsewhere_keeps_the_callers_timeout(enclave, monkeypatch):
    with hanging_evidence(enclave) as map, make_client(enclave, map) as client:
        with Session(client) as session, nothing_is_sent(enclave):
            with sooner_than_learning(monkeypatch):
                with pytest.raises(enclave_client.TimeoutError):
                    session.post(enclave.url, data=MARKER, timeout=0.3)


def test_no_session_is_resumed(session, enclave):
    for _ in range(3):
        session.get(enclave.url, headers={"Connection": "close"})
    assert connections(enclave) == 3
    for hello in enclave.log("client_hello"):
        assert not hello["offers_psk"]
    for handshake in enclave.log("handshake"):
        assert not handshake["resumed"]


def test_renegotiation_is_refused(state):
    with LocalEnclave.start(state, instance="tls12", tls="1.2") as enclave:
        with make_client(enclave) as client, Session(client) as session:
            session.get(enclave.url)
            enclave.renegotiate()
            try:
                session.get(enclave.url)
            except requests.exceptions.ConnectionError:
                pass
        assert not [h for h in enclave.log("handshake") if h["renegotiated"]]


def test_redirects_stay_within_the_origin(session, enclave):
    answer = session.get(enclave.url + "/redirect?to=/there")
    assert answer.json()["path"] == "/there"
    answer = session.post(enclave.url + "/redirect-307?to=/there", data="again")
    assert answer.json()["body"] == "again"
    foreign = enclave.url + "/redirect-307?to=https://127.0.0.1:1/"
    with pytest.raises(enclave_client.RedirectRefused):
        session.post(foreign, data=MARKER)
    with pytest.raises(enclave_client.RedirectRefused):
        session.get(enclave.url + "/redirect?to=" + foreign)
    answer = session.post(foreign, data=MARKER, allow_redirects=False)
    assert answer.status_code == 307


def test_a_location_that_is_no_url_is_not_followed(client, session, enclave):
    bad = enclave.url + "/redirect?to=https://["
    with pytest.raises(enclave_client.RedirectRefused):
        session.get(bad)
    with mounted(AttestedAdapter(client), enclave) as plain:
        assert plain.get(bad).status_code == 302


def test_an_adapter_on_a_plain_session_follows_nobody_out(client, enclave):
    with requests.Session() as session:
        session.mount(enclave.url, AttestedAdapter(client))
        answer = session.post(
            enclave.url + "/redirect-307?to=https://127.0.0.1:1/", data=MARKER
        )
    assert answer.status_code == 307 and not answer.history


class OwnManager(AttestedAdapter):
    """As requests' manual has it: no word to super()."""

    def init_poolmanager(self, connections, maxsize, block=False, **_):
        self.poolmanager = urllib3.PoolManager(
            num_pools=connections, maxsize=maxsize, block=block
        )


class OwnProxies(AttestedAdapter):
    def proxy_manager_for(self, proxy, **_):
        return urllib3.proxy_from_url(proxy)


class OwnPools(AttestedAdapter):
    def get_connection(self, url, proxies=None):
        return urllib3.connection_from_url(url)

    def get_connection_with_tls_context(self, request, *_, **__):
        return self.get_connection(request.url)


class OwnVerification(OwnPools):
    """Nothing keeps this one from sending; its answer is nobody's."""

    def cert_verify(self, conn, url, verify, cert):
        conn.ca_certs = verify


def test_a_pool_manager_of_a_subclass_is_gated(client, enclave):
    with mounted(OwnManager(client), enclave) as session:
        assert session.get(enclave.url).attestation.pcrs[0] == enclave.pcrs["0"]
    with make_client(enclave, map_of(enclave, OTHER_PCR)) as other:
        with nothing_is_sent(enclave), mounted(OwnManager(other), enclave) as session:
            with pytest.raises(enclave_client.MeasurementRefused):
                session.post(enclave.url, data=MARKER)


def test_a_pool_manager_that_was_put_in_is_gated(client, enclave):
    adapter = AttestedAdapter(client)
    adapter.poolmanager = urllib3.PoolManager()
    enclave.set(evidence="other-key")
    with nothing_is_sent(enclave), mounted(adapter, enclave) as session:
        with pytest.raises(enclave_client.KeyNotAttested):
            session.post(enclave.url, data=MARKER)


@pytest.mark.parametrize("kind", [OwnProxies, OwnPools])
def test_pools_of_a_subclass_are_refused(client, enclave, kind):
    with Proxy() as proxy, mounted(kind(client), enclave) as session:
        session.proxies = {"https": proxy.url} if kind is OwnProxies else {}
        with nothing_is_sent(enclave), pytest.raises(enclave_client.UsageError) as no:
            session.post(enclave.url, data=MARKER)
    assert "not the attested adapter's" in str(no.value)


def test_an_answer_of_nobody_who_was_judged_is_dropped(client, enclave):
    with mounted(OwnVerification(client), enclave) as session:
        with pytest.raises(enclave_client.InternalError, match="not of an attested"):
            session.get(enclave.url)


def test_plain_adapters_may_be_mounted(session, state, enclave):
    session.mount("https://127.0.0.1", requests.adapters.HTTPAdapter())
    answer = session.get(f"https://127.0.0.1:{enclave.port}/", verify=enclave.web_ca)
    assert answer.ok and not hasattr(answer, "attestation")


@pytest.mark.parametrize("prefix", ["https://", "https://localhost", "HTTPS://LOCAL"])
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "u@localhost"])
def test_no_plain_adapter_serves_an_enclaves_origin(session, enclave, prefix, host):
    session.mount(prefix, requests.adapters.HTTPAdapter())
    enclave.set(evidence="other-key")
    with nothing_is_sent(enclave):
        with pytest.raises(requests.exceptions.RequestException) as caught:
            session.post(f"https://{host}:{enclave.port}/", data=MARKER)
    assert "localhost" in str(caught.value)


def test_a_prepared_request_finds_the_attested_adapter_too(session, enclave):
    session.mount("https://", requests.adapters.HTTPAdapter())
    prepared = requests.Request("POST", enclave.url, data=MARKER).prepare()
    enclave.set(evidence="other-key")
    with nothing_is_sent(enclave), pytest.raises(enclave_client.KeyNotAttested):
        session.send(prepared, verify=False)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "https"])
def test_other_proxies_are_refused(session, enclave, scheme):
    with nothing_is_sent(enclave), pytest.raises(enclave_client.UsageError):
        session.post(
            enclave.url, data=MARKER, proxies={"https": f"{scheme}://127.0.0.1:1"}
        )


def test_unknown_hosts_are_not_even_connected_to(session, enclave):
    with pytest.raises(enclave_client.UnknownEnclave):
        session.get(f"https://127.0.0.1:{enclave.port}/")
    assert not enclave.log("client_hello")


def test_retries_make_new_connections_that_are_judged(client, enclave):
    enclave.set(evidence="other-key")
    with nothing_is_sent(enclave), Session(client, max_retries=3) as session:
        with pytest.raises(enclave_client.KeyNotAttested):
            session.get(enclave.url)
    assert connections(enclave) == 1


def test_a_proxy_is_tunnelled_through(session, enclave):
    with Proxy() as proxy:
        for _ in range(2):
            answer = session.get(enclave.url, proxies={"https": proxy.url})
            assert answer.json()["path"] == "/"
        assert proxy.targets == [f"localhost:{enclave.port}"]
        enclave.set(evidence="other-key")
        enclave.rotate_key()
        with nothing_is_sent(enclave), pytest.raises(enclave_client.KeyNotAttested):
            session.post(
                enclave.url,
                data=MARKER,
                proxies={"https": f"http://localhost:{proxy.port}"},
            )


def test_threads_share_a_session(session, enclave):
    session.get(enclave.url)
    failures = []

    def work():
        try:
            for _ in range(20):
                assert session.get(enclave.url).ok
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(enclave.log("request")) == 101


def test_a_closed_client_refuses(client, session, enclave):
    session.get(enclave.url)
    client.close()
    with nothing_is_sent(enclave), pytest.raises(enclave_client.Cancelled):
        session.post(enclave.url, data=MARKER)


def test_errors_survive_pickling(session):
    with pytest.raises(enclave_client.UnknownEnclave) as caught:
        session.get("https://127.0.0.1:1/")
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, enclave_client.UnknownEnclave)
    assert isinstance(again, requests.exceptions.SSLError)
    assert str(again) == str(caught.value)


def test_contexts_refuse_renegotiation_and_tickets():
    from enclave_client._gate import harden

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    harden(context)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_mismatch_refuses_to_load(monkeypatch):
    monkeypatch.setattr(urllib3, "__version__", "3.1.4")
    monkeypatch.delattr(urllib3.util.ssl_, "create_urllib3_context")
    with pytest.raises(enclave_client.Unsupported) as caught:
        adapters._check_names()
    for fact in (
        f"requests {requests.__version__}",
        "urllib3 3.1.4",
        "create_urllib3_context",
    ):
        assert fact in str(caught.value)


def test_a_connection_that_lacks_something_refuses_to_load(monkeypatch):
    class Connection:
        def __init__(self, host):
            self.host = host

    monkeypatch.setattr(urllib3.connection, "HTTPSConnection", Connection)
    with pytest.raises(enclave_client.Unsupported, match="HTTPSConnection.ca_certs"):
        adapters._check_names()


def write_past_send(self, method, url, body=None, headers=None):
    self.putrequest(method, url)
    self.endheaders()
    if isinstance(body, bytes):
        self.send(body)
        return
    for piece in body:
        self.sock.sendall(piece)


def test_bytes_that_go_around_the_gate_refuse_to_load(monkeypatch):
    connection = urllib3.connection.HTTPConnection
    monkeypatch.setattr(connection, "request", write_past_send)
    monkeypatch.setattr(connection, "request_chunked", write_past_send)
    with pytest.raises(enclave_client.Unsupported, match="past send"):
        adapters._check_every_byte_is_sent()


INJECTED = [
    ("IS_PYOPENSSL", True, "pyopenssl is injected"),
    ("ALPN_PROTOCOLS", ["h2"], "http2 is injected"),
]


@pytest.mark.parametrize("name, value, fact", INJECTED)
def test_another_tls_or_http_is_refused(
    client, session, enclave, monkeypatch, name, value, fact
):
    session.get(enclave.url, headers={"Connection": "close"})
    monkeypatch.setattr(urllib3.util.ssl_, name, value, raising=False)
    for refused in (adapters._check_injected, lambda: Session(client)):
        with pytest.raises(enclave_client.Unsupported, match=fact):
            refused()
    # Injected after all was made.
    with nothing_is_sent(enclave):
        with pytest.raises(enclave_client.Unsupported, match=fact):
            session.post(enclave.url, data=MARKER)


def test_pyopenssl_itself_is_refused():
    pytest.importorskip("OpenSSL")
    code = (
        "import urllib3.contrib.pyopenssl as other; other.inject_into_urllib3()\n"
        "import enclave_client.requests"
    )
    answer = subprocess.run(
        [sys.executable, "-B", "-c", code], stderr=subprocess.PIPE, timeout=60
    )
    assert b"urllib3.contrib.pyopenssl is injected" in answer.stderr


def test_a_context_of_urllib3s_own_is_refused(session, enclave, monkeypatch):
    other = ssl.create_default_context(cafile=enclave.web_ca)
    real = urllib3.connection.HTTPSConnection.connect

    def connect(self):
        mine, self.ssl_context = self.ssl_context, other
        try:
            real(self)
        finally:
            self.ssl_context = mine

    monkeypatch.setattr(urllib3.connection.HTTPSConnection, "connect", connect)
    with nothing_is_sent(enclave):
        with pytest.raises(enclave_client.InternalError, match="context of its own"):
            session.post(enclave.url, data=MARKER)
    assert not evidence_count(enclave)


def test_requests_own_store_counts_where_nobody_names_one(enclave, tmp_path, monkeypatch):
    foreign = LocalEnclave.start(tmp_path / "foreign")
    with foreign, make_client(enclave, ca_file=None) as client:
        monkeypatch.setattr(requests.certs, "where", lambda: foreign.web_ca)
        with Session(client) as session:
            with pytest.raises(requests.exceptions.SSLError):
                session.get(enclave.url)
        monkeypatch.setattr(requests.certs, "where", lambda: enclave.web_ca)
        with Session(client) as session:
            assert session.get(enclave.url).ok


def test_nobody_logs_the_keys(client, enclave, tmp_path, monkeypatch):
    path = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    with Session(client) as session:
        assert session.get(enclave.url).ok
    assert client.get(enclave.url).ok
    # Python writes a heading as soon as it makes a context.
    assert not path.exists() or b"SECRET" not in path.read_bytes()
