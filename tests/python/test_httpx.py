"""httpx, with the gate under it: blocking and not."""

import asyncio
import datetime
import hashlib
import pickle
import shutil
import subprocess
import time

import pytest

anyio = pytest.importorskip("anyio")
httpx = pytest.importorskip("httpx")

import enclave_client  # noqa: E402
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
from enclave_client._gate import Peer  # noqa: E402
from enclave_client.httpx import AsyncTransport, Transport  # noqa: E402
from harness import LocalEnclave, mint  # noqa: E402
from nginx import Nginx  # noqa: E402
from proxy import Proxy  # noqa: E402


class Blocking:
    """httpx.Client."""

    def __init__(self, client, follow_redirects=False, **options):
        self._http = httpx.Client(
            transport=Transport(client, **options),
            timeout=20,
            follow_redirects=follow_redirects,
        )

    def request(self, method, url, **options):
        return self._http.request(method, url, **options)

    def close(self):
        self._http.close()


class Awaiting:
    """httpx.AsyncClient, a call at a time."""

    def __init__(self, client, follow_redirects=False, **options):
        self._loop = asyncio.new_event_loop()
        self._http = httpx.AsyncClient(
            transport=AsyncTransport(client, **options),
            timeout=20,
            follow_redirects=follow_redirects,
        )

    def request(self, method, url, **options):
        if "content" in options and not isinstance(options["content"], (bytes, str)):
            options["content"] = self._pieces(options["content"])
        return self._loop.run_until_complete(
            self._http.request(method, url, **options)
        )

    @staticmethod
    async def _pieces(pieces):
        for piece in pieces:
            yield piece

    def close(self):
        self._loop.run_until_complete(self._http.aclose())
        self._loop.close()


@pytest.fixture(params=[Blocking, Awaiting])
def make(request):
    made = []

    def make(client, **options):
        made.append(request.param(client, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def http(make, client):
    return make(client)


def evidence_count(enclave):
    return len(enclave.log("evidence"))


def test_learning_and_requests_share_one_connection(http, enclave):
    for number in range(5):
        answer = http.request("GET", enclave.url + f"/{number}")
        assert answer.json()["path"] == f"/{number}"
    assert (connections(enclave), evidence_count(enclave)) == (1, 1)


def test_the_evidence_request_holds_nothing_of_the_callers(http, enclave):
    headers = {"User-Agent": MARKER, "Cookie": MARKER, "Authorization": MARKER}
    http.request("POST", enclave.url + f"/{MARKER}", headers=headers, content=MARKER)
    (evidence,) = enclave.log("evidence")
    assert MARKER not in str(evidence)
    assert set(evidence["headers"]) == {"host", "user-agent", "accept"}


def test_the_attestation(http, enclave):
    attestation = http.request("GET", enclave.url).attestation
    assert attestation.pcrs[0] == enclave.pcrs["0"]
    assert attestation.enclave == name_of(enclave)


def test_bodies_go_through(http, enclave):
    def body(**options):
        return http.request("POST", enclave.url, **options).json()

    assert body(json={"a": 1})["headers"]["content-type"] == "application/json"
    assert body(data={"a": "1"})["body"] == "a=1"
    assert body(content=(b"piece" for _ in range(100)))["body_length"] == 500
    assert connections(enclave) == 1


@pytest.mark.parametrize("length", [65_535, 65_536, 65_537, 1_000_000])
def test_a_body_in_memory_arrives_whole(http, enclave, length):
    body = bytes(number % 251 for number in range(length))
    answer = http.request("POST", enclave.url, content=body).json()
    assert answer["body_length"] == length
    assert answer["body_sha256"] == hashlib.sha256(body).hexdigest()


def test_a_large_answer(http, enclave):
    answer = http.request("GET", enclave.url + "/bytes/1000000")
    assert len(answer.content) == 1_000_000


REFUSALS = [
    ({"mode": "other-key"}, enclave_client.KeyNotAttested),
    ({"mode": "null-user-data"}, enclave_client.KeyNotAttested),
    ({"mode": "old", "age_ms": 4_000_000}, enclave_client.EvidenceTimeError),
    ({"mode": "expired"}, enclave_client.EvidenceTimeError),
    ({"mode": "broken-signature"}, enclave_client.UntrustedEvidence),
    ({"mode": "foreign-root"}, enclave_client.UntrustedEvidence),
    ({"mode": "truncated"}, enclave_client.MalformedEvidence),
    ({"mode": "not-json"}, enclave_client.MalformedEvidence),
    ({"mode": "huge"}, enclave_client.EvidenceNotServed),
    ({"mode": "cut"}, enclave_client.EvidenceNotServed),
    ({"mode": "status", "status": 404}, enclave_client.EvidenceNotServed),
    ({"mode": "redirect", "to": "/there"}, enclave_client.EvidenceNotServed),
    ({"mode": "never"}, enclave_client.TimeoutError),
    ({"mode": "slow", "interval_ms": 100}, enclave_client.TimeoutError),
]


@pytest.mark.parametrize("evidence, kind", REFUSALS, ids=lambda value: str(value))
def test_each_refusal_by_its_exception(http, enclave, evidence, kind):
    enclave.set(evidence=evidence)
    with nothing_is_sent(enclave), pytest.raises(kind) as caught:
        http.request("POST", enclave.url, content=MARKER, headers={"Cookie": MARKER})
    assert isinstance(caught.value, httpx.ConnectError)
    assert caught.value.enclave == name_of(enclave)
    assert caught.value.request.url == enclave.url


def test_another_measurement(make, enclave):
    with make_client(enclave, map_of(enclave, OTHER_PCR)) as client:
        with nothing_is_sent(enclave):
            with pytest.raises(enclave_client.MeasurementRefused):
                make(client).request("POST", enclave.url, content=MARKER)


@pytest.mark.parametrize("web_ca", ["foreign", "expired", "wrong-name", "self-signed"])
@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.filterwarnings("ignore:verify=False")
def test_ordinary_verification_stays(make, client, enclave, web_ca, verify):
    enclave.set(web_ca=web_ca)
    with nothing_is_sent(enclave), pytest.raises(httpx.ConnectError):
        make(client, verify=verify).request("POST", enclave.url, content=MARKER)
    assert not evidence_count(enclave)


def test_verify_false_warns_and_switches_nothing_off(make, client, enclave):
    enclave.set(evidence="other-key")
    with pytest.warns(UserWarning, match="verify=False has no effect"):
        http = make(client, verify=False)
    with nothing_is_sent(enclave), pytest.raises(enclave_client.KeyNotAttested):
        http.request("POST", enclave.url, content=MARKER)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:1/", "https://localhost:1/", "http://localhost/"]
)
def test_unknown_hosts_are_refused(http, url):
    with pytest.raises(enclave_client.UnknownEnclave) as caught:
        http.request("POST", url, content=MARKER)
    assert isinstance(caught.value, httpx.ConnectError)


def test_an_impostor_with_a_good_certificate_and_the_genuine_evidence(
    make, state, enclave
):
    relay = LocalEnclave.start(state, instance="relay-httpx", relay=enclave.url)
    with relay, make_client(enclave, map_of(relay)) as client:
        with nothing_is_sent(enclave, relay):
            with pytest.raises(enclave_client.KeyNotAttested):
                make(client).request(
                    "POST",
                    relay.url + f"/{MARKER}",
                    content=MARKER,
                    headers={"Authorization": MARKER, "User-Agent": MARKER},
                )


def test_a_policy_change_reaches_the_pool(client, http, enclave):
    http.request("GET", enclave.url)
    client.update(map_of(enclave, OTHER_PCR))
    with nothing_is_sent(enclave), pytest.raises(enclave_client.MeasurementRefused):
        http.request("POST", enclave.url, content=MARKER)
    client.update({"localhost:1": {"PCR0": OTHER_PCR}})
    with nothing_is_sent(enclave), pytest.raises(enclave_client.UnknownEnclave):
        http.request("POST", enclave.url, content=MARKER)


def test_an_upload_stops_when_the_policy_changes(client, http, enclave):
    http.request("GET", enclave.url)

    def pieces():
        yield b"first"
        client.update(map_of(enclave, OTHER_PCR))
        yield MARKER.encode()

    with pytest.raises(enclave_client.EnclaveClientError):
        http.request("POST", enclave.url, content=pieces())
    enclave.wait_for("closed")
    assert MARKER not in str(enclave.log())


@pytest.mark.parametrize("wrap", [bytes, lambda body: iter([body])])
def test_a_body_in_memory_stops_when_the_policy_changes(
    client, http, enclave, monkeypatch, wrap
):
    http.request("GET", enclave.url)
    withdraw_at(monkeypatch, client, enclave, 10)
    with pytest.raises(enclave_client.EnclaveClientError):
        body = wrap(b"x" * 1_000_000 + MARKER.encode())
        http.request("POST", enclave.url, content=body)
    (closed,) = enclave.wait_for("closed")
    assert 300_000 < closed["received_bytes"] < 700_000
    assert MARKER not in str(enclave.log())


def test_a_pooled_connection_whose_evidence_expired_has_a_successor(make, enclave):
    # Three of its seconds lie before its signing.
    enclave.set(leaf_life_s=9)
    with make_client(enclave) as client:
        http = make(client)
        deadline = http.request("GET", enclave.url).attestation.deadline
        enclave.set(leaf_life_s=10803)
        while datetime.datetime.now(datetime.timezone.utc) <= deadline:
            time.sleep(0.01)
        assert http.request("GET", enclave.url).attestation.deadline > deadline
    assert evidence_count(enclave) == 2


def test_a_key_that_rotates_is_learned_again(http, enclave):
    http.request("GET", enclave.url, headers={"Connection": "close"})
    enclave.rotate_key()
    assert http.request("GET", enclave.url).status_code == 200
    assert evidence_count(enclave) == 2


def test_evidence_whose_connection_closes(http, enclave):
    enclave.set(evidence="close")
    assert http.request("GET", enclave.url).status_code == 200
    assert (connections(enclave), evidence_count(enclave)) == (2, 1)


def test_a_refused_key_is_not_asked_again_at_once(http, enclave):
    enclave.set(evidence="other-key")
    for _ in range(3):
        with pytest.raises(enclave_client.KeyNotAttested):
            http.request("GET", enclave.url)
    assert evidence_count(enclave) == 1


@pytest.mark.parametrize("mode", ["never", "slow"])
def test_learning_keeps_the_callers_timeout(http, enclave, monkeypatch, mode):
    enclave.set(evidence={"mode": mode, "interval_ms": 100})
    with nothing_is_sent(enclave), sooner_than_learning(monkeypatch):
        with pytest.raises(enclave_client.TimeoutError, match="within 0.3 s"):
            http.request("POST", enclave.url, content=MARKER, timeout=0.3)
    # Nor is the key held to have failed.
    enclave.set(evidence="good")
    assert http.request("GET", enclave.url).status_code == 200


def test_learning_elsewhere_keeps_the_callers_timeout(make, enclave, monkeypatch):
    with hanging_evidence(enclave) as map, make_client(enclave, map) as client:
        with nothing_is_sent(enclave), sooner_than_learning(monkeypatch):
            with pytest.raises(enclave_client.TimeoutError):
                make(client).request("POST", enclave.url, content=MARKER, timeout=0.3)


def test_cancelling_ends_learning_elsewhere(enclave, monkeypatch):
    async def run(client):
        async with httpx.AsyncClient(transport=AsyncTransport(client)) as http:
            with anyio.fail_after(0.3):
                await http.get(enclave.url, timeout=None)

    with hanging_evidence(enclave) as map, make_client(enclave, map) as client:
        with nothing_is_sent(enclave), sooner_than_learning(monkeypatch):
            with pytest.raises(TimeoutError):
                asyncio.run(run(client))


def test_no_session_is_resumed(http, enclave):
    for _ in range(3):
        http.request("GET", enclave.url, headers={"Connection": "close"})
    assert connections(enclave) == 3
    for hello in enclave.log("client_hello"):
        assert not hello["offers_psk"]


def test_redirects_stay_within_the_origin(make, client, enclave):
    http = make(client, follow_redirects=True)
    answer = http.request("GET", enclave.url + "/redirect?to=/there")
    assert answer.json()["path"] == "/there"
    answer = http.request(
        "POST",
        enclave.url + "/redirect-307?to=https://127.0.0.1:1/",
        content=MARKER,
    )
    assert answer.status_code == 307 and not answer.history


def test_a_location_that_is_no_url(make, client, enclave):
    http = make(client, limits=httpx.Limits(max_connections=1))
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError, match="Location") as caught:
            http.request("GET", enclave.url + "/redirect?to=https://\u2603.\u2603/")
        assert caught.value.request.url.path == "/redirect"
    # The one connection that there may be is free again.
    assert http.request("GET", enclave.url).status_code == 200


def test_a_proxy_is_tunnelled_through(make, client, enclave):
    with Proxy() as proxy:
        http = make(client, proxy=proxy.url)
        for _ in range(2):
            assert http.request("GET", enclave.url).json()["path"] == "/"
        assert proxy.targets == [f"localhost:{enclave.port}"]
        enclave.set(evidence="other-key")
        enclave.rotate_key()
        with nothing_is_sent(enclave), pytest.raises(enclave_client.KeyNotAttested):
            make(client, proxy=proxy.url).request("POST", enclave.url, content=MARKER)


def test_other_proxies_are_refused(make, client):
    with pytest.raises(enclave_client.UsageError):
        make(client, proxy="https://127.0.0.1:1")


def test_a_closed_client_refuses(client, http, enclave):
    http.request("GET", enclave.url)
    client.close()
    with nothing_is_sent(enclave), pytest.raises(enclave_client.Cancelled):
        http.request("POST", enclave.url, content=MARKER)


def test_network_errors_are_httpxs_own(http, client, make, enclave):
    with make_client(enclave, {"localhost:1": {"PCR0": OTHER_PCR}}) as other:
        with pytest.raises(httpx.ConnectError) as caught:
            make(other).request("GET", "https://localhost:1/")
        assert not isinstance(caught.value, enclave_client.EnclaveClientError)
    with pytest.raises(httpx.ReadTimeout):
        http.request("GET", enclave.url + "/never", timeout=0.2)


def test_answers_are_pickled_without_their_evidence(http, enclave):
    answer = http.request("GET", enclave.url + "/path")
    again = pickle.loads(pickle.dumps(answer))
    assert again.json()["path"] == "/path" and answer.attestation
    with pytest.raises(enclave_client.UsageError, match="no evidence"):
        again.attestation


def test_errors_survive_pickling(http):
    with pytest.raises(enclave_client.UnknownEnclave) as caught:
        http.request("GET", "https://127.0.0.1:1/")
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, enclave_client.UnknownEnclave)
    assert isinstance(again, httpx.ConnectError)
    assert str(again) == str(caught.value)


@pytest.fixture(scope="module")
def nginx(state, running, tmp_path_factory):
    if not shutil.which("nginx", path="/usr/sbin:/usr/bin"):
        pytest.skip("there is no nginx")
    with Nginx(state, running, tmp_path_factory.mktemp("nginx")) as server:
        yield server


def http2_client(running, nginx, pcr0=None):
    map = {f"localhost:{nginx.port}": {"PCR0": pcr0 or running.pcrs["0"]}}
    return make_client(running, map)


def test_http2_is_gated_too(make, running, nginx):
    with http2_client(running, nginx) as client:
        http = make(client, http2=True)
        for _ in range(3):
            answer = http.request("GET", nginx.url + "/hello")
            assert (answer.http_version, answer.text) == ("HTTP/2", "hello")
        assert answer.attestation.pcrs[0] == running.pcrs["0"]
        before = nginx.requests()
        client.update({f"localhost:{nginx.port}": {"PCR0": OTHER_PCR}})
        with pytest.raises(enclave_client.EnclaveClientError):
            http.request("POST", nginx.url + f"/{MARKER}", content=MARKER)
        assert MARKER not in "".join(nginx.requests()[len(before) :])


def test_http2_with_another_measurement(make, running, nginx):
    before = nginx.requests()
    with http2_client(running, nginx, OTHER_PCR) as client:
        with pytest.raises(enclave_client.MeasurementRefused):
            make(client, http2=True).request("GET", nginx.url + f"/{MARKER}")
    assert MARKER not in "".join(nginx.requests()[len(before) :])


async def burst(client, nginx, mark, before=None):
    """Thirty requests over one connection, which is there already."""
    transport = AsyncTransport(client, http2=True)
    async with httpx.AsyncClient(transport=transport, timeout=20) as http:
        await http.get(nginx.url)
        if before is not None:
            before()
        posts = (http.post(f"{nginx.url}/{mark}/{n}") for n in range(30))
        return await asyncio.gather(*posts, return_exceptions=True)


def seen(client, nginx, mark):
    """What the server answered below /mark/; it writes its log in order."""
    with httpx.Client(transport=Transport(client)) as http:
        http.get(f"{nginx.url}/{mark}-end")
    end = time.monotonic() + 20
    while f"/{mark}-end " not in "".join(nginx.requests()):
        assert time.monotonic() < end
        time.sleep(0.01)
    paths = [line.split()[1] for line in nginx.requests()]
    return [path for path in paths if path.startswith(f"/{mark}/")]


def test_every_http2_answer_of_a_burst_has_its_attestation(running, nginx):
    with http2_client(running, nginx) as client:
        for answer in asyncio.run(burst(client, nginx, "all")):
            assert answer.http_version == "HTTP/2"
            assert answer.attestation.pcrs[0] == running.pcrs["0"]


# Which write is refused: the first carries what others have ready, and the next
# ones have nothing left to carry.
@pytest.mark.parametrize("number", [0, 1, 7, 29, 31])
def test_no_http2_request_of_a_burst_is_sent_twice(running, nginx, monkeypatch, number):
    real, calls = Peer.judge, []

    def judge(self):
        calls.append(self)
        if len(calls) == number + 1:
            raise enclave_client.KeyNotAttested("withdrawn")
        real(self)

    with http2_client(running, nginx) as client:
        answers = asyncio.run(
            burst(
                client,
                nginx,
                number,
                lambda: monkeypatch.setattr(Peer, "judge", judge),
            )
        )
        monkeypatch.undo()
        paths = seen(client, nginx, number)
    assert len(calls) > number
    assert len(paths) == len(set(paths))
    for answer in answers:
        if isinstance(answer, Exception):
            assert isinstance(answer, enclave_client.KeyNotAttested), answer
    if number == 0:
        # Nothing had been sent: a second connection took them all.
        assert len(paths) == 30


@pytest.mark.parametrize("idle_max", [20, None])
def test_however_many_connections_were_pooled_a_new_one_is_made(
    enclave, monkeypatch, idle_max
):
    real, judged, refused = Peer.judge, set(), set()

    def judge(self):
        if self in refused:
            raise enclave_client.KeyNotAttested("expired")
        real(self)
        judged.add(self)

    monkeypatch.setattr(Peer, "judge", judge)
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=idle_max)
    with make_client(enclave) as client:
        transport = Transport(client, limits=limits)
        with httpx.Client(transport=transport, timeout=20) as http:
            get = http.build_request("GET", enclave.url)
            answers = [http.send(get, stream=True) for _ in range(25)]
            for answer in answers:
                answer.read()
            refused.update(judged)
            assert http.get(enclave.url).status_code == 200
    assert len(refused) == 25


def test_many_at_once(client, enclave):
    async def run():
        async with httpx.AsyncClient(transport=AsyncTransport(client)) as http:
            answers = await asyncio.gather(
                *(http.get(enclave.url + f"/{n}") for n in range(30))
            )
        return [answer.json()["path"] for answer in answers]

    assert asyncio.run(run()) == [f"/{n}" for n in range(30)]


def test_nobody_logs_the_keys(make, client, enclave, tmp_path, monkeypatch):
    path = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    assert make(client).request("GET", enclave.url).status_code == 200
    # Python writes a heading as soon as it makes a context.
    assert not path.exists() or b"SECRET" not in path.read_bytes()
