"""What the tests of the Python package share.

    LOCAL_ENCLAVE_BIN_DIR          local-enclave and mint-document
    ENCLAVE_CLIENT_PYTHON_SOURCE   bindings/python
"""

import contextlib
import os
import pathlib
import socket
import sys
import time
import warnings

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "local_enclave"))

# Whoever runs the tests may have a proxy or a store of his own.
FOREIGN = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSLKEYLOGFILE",
)
for foreign in list(os.environ):
    if foreign in FOREIGN or foreign.lower().endswith("_proxy"):
        del os.environ[foreign]

import enclave_client  # noqa: E402
from enclave_client import _gate  # noqa: E402
from enclave_client._gate import Peer  # noqa: E402
from harness import LocalEnclave  # noqa: E402

MARKER = "the-callers-secret"
OTHER_PCR = "ab" * 48


def pytest_configure(config):
    # The local enclave's root is no secret, and every client here has it.
    config.addinivalue_line(
        "filterwarnings", "ignore::enclave_client.InsecureWarning"
    )


@pytest.fixture(scope="session")
def state(tmp_path_factory):
    if "LOCAL_ENCLAVE_BIN_DIR" not in os.environ:
        pytest.skip("LOCAL_ENCLAVE_BIN_DIR is not set")
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def running(state):
    with LocalEnclave.start(state) as enclave:
        yield enclave


@pytest.fixture
def enclave(running):
    """The enclave as it behaves when nobody told it otherwise."""
    before = running.behaviour()
    running.clear_log()
    yield running
    running.set(**before)


def name_of(enclave):
    return f"localhost:{enclave.port}"


def map_of(enclave, pcr0=None):
    return {name_of(enclave): {"PCR0": pcr0 or enclave.pcrs["0"]}}


def trust_of(enclave):
    return {
        "ca_file": enclave.web_ca,
        "insecure_nitro_root": enclave.nitro_root,
    }


def make_client(enclave, map=None, kind=enclave_client.Client, **options):
    options = {**trust_of(enclave), "polling": False, **options}
    return kind(map_of(enclave) if map is None else map, **options)


@pytest.fixture
def client(enclave):
    with make_client(enclave) as client:
        yield client


@contextlib.contextmanager
def nothing_is_sent(*enclaves):
    """No request, whole or begun, and the caller's marker nowhere."""
    before = [len(enclave.log()) for enclave in enclaves]
    yield
    for enclave, start in zip(enclaves, before):
        after = enclave.log()[start:]
        assert MARKER not in str(after)
        for event in after:
            assert event["event"] not in ("request", "received"), event


@contextlib.contextmanager
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@contextlib.contextmanager
def hanging_evidence(enclave):
    """A map whose evidence is elsewhere, where nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://localhost:{server.getsockname()[1]}/evidence"
        pcrs = {"PCR0": enclave.pcrs["0"]}
        yield {"it": {"url": enclave.url, "pcrs": pcrs, "evidence_url": url}}


@contextlib.contextmanager
def sooner_than_learning(monkeypatch):
    """Who waits for the attempt's own end waits for a minute."""
    monkeypatch.setattr(_gate, "LEARNING_S", 60.0)
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 30


def withdraw_at(monkeypatch, client, enclave, number):
    """The policy changes just before the number-th verdict from here on."""
    real, calls = Peer.judge, []

    def judge(self):
        calls.append(self)
        if len(calls) == number:
            client.update(map_of(enclave, OTHER_PCR))
        real(self)

    monkeypatch.setattr(Peer, "judge", judge)


def connections(enclave):
    """TLS connections that were made so far."""
    return len(enclave.log("handshake"))
