"""A client certificate is shown to judged servers alone, by every adapter."""

import shutil

import pytest

pytest.importorskip("requests")
pytest.importorskip("httpx")

import httpx  # noqa: E402
import requests  # noqa: E402

import enclave_client  # noqa: E402
from conftest import (  # noqa: E402
    MARKER,
    OTHER_PCR,
    connections,
    make_client,
    map_of,
    nothing_is_sent,
)
from enclave_client._gate import Gate  # noqa: E402
from enclave_client.httpx import Transport  # noqa: E402
from enclave_client.requests import Session  # noqa: E402
from harness import LocalEnclave, mint  # noqa: E402
from proxy import Proxy  # noqa: E402
from test_httpx import Awaiting, Blocking  # noqa: E402


@pytest.fixture(scope="session")
def certificate(state, tmp_path_factory):
    prefix = tmp_path_factory.mktemp("certificate") / "client"
    mint(state, web_certificate="client.test", out_prefix=prefix)
    return f"{prefix}.pem", f"{prefix}.key"


class Requests:
    """requests, with a certificate."""

    def __init__(self, client, cert, proxy=None):
        self._session = Session(client)
        self._session.cert = cert
        if proxy:
            self._session.proxies = {"https": proxy}

    def request(self, method, url, content=None):
        return self._session.request(method, url, data=content)

    def close(self):
        self._session.close()


@pytest.fixture(params=[Requests, Blocking, Awaiting])
def make(request, certificate):
    made = []

    def make(client, **options):
        made.append(request.param(client, cert=certificate, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def asking(enclave):
    enclave.set(ask_client_certificate=True)
    return enclave


def shown(*enclaves):
    """Connections on which the certificate was seen."""
    return [
        event["connection"]
        for enclave in enclaves
        for event in enclave.log("handshake")
        if event["client_certificate"]
    ]


def test_it_is_shown_on_the_requests_connection_alone(make, client, asking):
    http = make(client)
    for number in range(3):
        answer = http.request("POST", asking.url + f"/{number}", content="body")
        assert answer.json()["body"] == "body"
    (evidence,) = asking.log("evidence")
    (mutual,) = shown(asking)
    assert evidence["connection"] != mutual
    assert {event["connection"] for event in asking.log("request")} == {mutual}
    assert connections(asking) == 2


def test_a_known_server_is_not_probed_again(make, client, asking):
    http = make(client)
    asking.set(keep_alive=False)
    for _ in range(3):
        assert http.request("GET", asking.url).status_code == 200
    assert len(shown(asking)) == 3
    # The evidence's connection did not stay, and a probe came after it.
    assert connections(asking) <= 5


def test_through_a_proxy(make, client, asking):
    with Proxy() as proxy:
        http = make(client, proxy=proxy.url)
        assert http.request("GET", asking.url).json()["path"] == "/"
    assert len(shown(asking)) == 1


def test_a_store_that_changed_vouches_for_nobody_from_before(
    client, asking, certificate, tmp_path
):
    store, foreign = tmp_path / "store.pem", LocalEnclave.start(tmp_path / "foreign")
    asking.set(keep_alive=False)
    with foreign, Session(client) as session:
        session.cert, session.verify = certificate, str(store)
        shutil.copy(asking.web_ca, store)
        assert session.get(asking.url).ok
        seen = len(shown(asking))
        shutil.copy(foreign.web_ca, store)
        with nothing_is_sent(asking), pytest.raises(requests.exceptions.SSLError):
            session.post(asking.url, data=MARKER)
    assert len(shown(asking)) == seen


@pytest.mark.parametrize("mode", ["other-key", "expired", "foreign-root"])
def test_a_server_that_is_refused_never_sees_it(make, client, asking, mode):
    asking.set(evidence=mode)
    with nothing_is_sent(asking), pytest.raises(enclave_client.EnclaveClientError):
        make(client).request("POST", asking.url, content=MARKER)
    assert connections(asking) and not shown(asking)


def test_a_relay_never_sees_it(make, state, asking):
    relay = LocalEnclave.start(state, instance="relay-mutual", relay=asking.url)
    with relay, make_client(asking, map_of(relay)) as client:
        relay.set(ask_client_certificate=True)
        with nothing_is_sent(asking, relay):
            with pytest.raises(enclave_client.KeyNotAttested):
                make(client).request("POST", relay.url, content=MARKER)
        assert connections(relay) and not shown(asking, relay)


def test_a_server_that_takes_the_judged_ones_place_never_sees_it(
    make, client, asking, monkeypatch
):
    # It has a good certificate of that name, and comes between the two.
    add_pin = Gate.add_pin

    def replace(self, key, leaf):
        add_pin(self, key, leaf)
        asking.set(evidence="other-key")
        asking.rotate_key()

    monkeypatch.setattr(Gate, "add_pin", replace)
    with nothing_is_sent(asking), pytest.raises(enclave_client.KeyNotAttested):
        make(client).request("POST", asking.url, content=MARKER)
    assert not shown(asking)


def test_another_server_of_the_same_name_is_probed_in_its_turn(
    make, client, asking, monkeypatch
):
    add_pin = Gate.add_pin
    rotations = []

    def rotate(self, key, leaf):
        add_pin(self, key, leaf)
        if len(rotations) < 2:
            rotations.append(asking.rotate_key())

    monkeypatch.setattr(Gate, "add_pin", rotate)
    assert make(client).request("GET", asking.url).json()["path"] == "/"
    assert len(shown(asking)) == 1


def test_servers_that_change_each_time_end_in_a_refusal(
    make, client, asking, monkeypatch
):
    add_pin = Gate.add_pin

    def rotate(self, key, leaf):
        add_pin(self, key, leaf)
        asking.rotate_key()

    monkeypatch.setattr(Gate, "add_pin", rotate)
    with pytest.raises(Exception, match="(?i)certificate"):
        make(client).request("GET", asking.url)
    assert not shown(asking) and not asking.log("request")
    assert connections(asking) < 10


def test_a_policy_change_ends_what_was_allowed(make, client, asking):
    http = make(client)
    http.request("GET", asking.url)
    asking.set(keep_alive=False)
    http.request("GET", asking.url)
    client.update(map_of(asking, OTHER_PCR))
    before = shown(asking)
    with pytest.raises(enclave_client.MeasurementRefused):
        http.request("POST", asking.url, content=MARKER)
    assert shown(asking) == before


def test_a_context_that_may_hold_one_is_refused(client):
    with pytest.raises(enclave_client.UsageError, match="SSLContext.*cert="):
        Transport(client, verify=httpx.create_ssl_context())
    with pytest.raises(enclave_client.UsageError, match="verify: a int"):
        Transport(client, verify=1)
