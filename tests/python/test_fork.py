"""A client that was made before the fork, used after it."""

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import enclave_client
from conftest import MARKER, make_client, map_of, trust_of
from enclave_client import _gate
from proxy import Proxy
from test_client import Provider

TIMEOUT_S = 60
WORKERS = 4

#: Its allocator takes its locks along into a child, held by threads that are not
#: there: with it, no other thread is busy when this one forks.
ADDRESS_SANITIZER = "libasan" in os.environ.get("LD_PRELOAD", "")

shared = {}


def fork_pool(workers=1):
    if ADDRESS_SANITIZER:
        time.sleep(0.3)
    return multiprocessing.get_context("fork").Pool(workers)


def ask(path):
    """In a child: which process it was, and what its answer says."""
    answer = shared["client"].get(shared["url"] + path)
    return os.getpid(), answer.json()["path"], answer.attestation.pcrs[0]


@pytest.mark.parametrize("polling", [False, True])
@pytest.mark.parametrize("warm", [False, True])
def test_a_multiprocessing_pool(enclave, polling, warm):
    with make_client(enclave, polling=polling) as client:
        if warm:
            client.get(enclave.url)
        if polling and ADDRESS_SANITIZER:
            client.wait(timeout=TIMEOUT_S)
        shared.update(client=client, url=enclave.url)
        paths = [f"/{number}" for number in range(40)]
        with fork_pool(WORKERS) as pool:
            answers = pool.map_async(ask, paths, chunksize=1).get(TIMEOUT_S)
        assert [path for _, path, _ in answers] == paths
        assert {pcr for _, _, pcr in answers} == {enclave.pcrs["0"]}
        assert os.getpid() not in {pid for pid, _, _ in answers}
        # The parent's own connections live on.
        assert client.get(enclave.url + "/parent").json()["path"] == "/parent"


def watch(_):
    """In a child: the provider's new policy reaches it, and so do events."""
    client, told = shared["client"], []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.event.kind)
    logging.getLogger("enclave_client").addHandler(handler)
    shared["provider"].answers = [shared["other"]]
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        try:
            client.get(shared["url"])
        except enclave_client.MeasurementRefused:
            refused = enclave_client.EventKind.MEASUREMENT_REFUSED
            while refused not in told and time.monotonic() < end:
                time.sleep(0.01)
            return refused in told
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("interval", [300.0] if ADDRESS_SANITIZER else [0.05, 300.0])
def test_children_have_events_and_refreshing_of_their_own(enclave, interval):
    provider = Provider(map_of(enclave))
    with make_client(enclave, provider, refresh_interval=interval) as client:
        assert client.get(enclave.url).ok
        shared.update(client=client, url=enclave.url, provider=provider)
        shared.update(other=map_of(enclave, "ab" * 48))
        with fork_pool() as pool:
            assert pool.map_async(watch, range(1)).get(TIMEOUT_S) == [True]
        # The parent's policy is the parent's.
        assert client.get(enclave.url).ok


def replace(verb):
    """In a child: the first use is no request."""
    client = shared["client"]
    if verb == "update":
        client.update(shared["other"])
    else:
        client.refresh()
    try:
        client.get(shared["url"])
    except enclave_client.MeasurementRefused:
        return True
    return False


@pytest.mark.parametrize("verb", ["update", "refresh"])
def test_a_child_that_begins_with_another_policy(enclave, verb):
    other = map_of(enclave, "ab" * 48)
    with make_client(enclave, Provider(map_of(enclave), other)) as client:
        shared.update(client=client, url=enclave.url, other=other)
        with fork_pool() as pool:
            assert pool.map_async(replace, [verb]).get(TIMEOUT_S) == [True]


def refuse(_):
    try:
        shared["client"].get(shared["url"])
    except enclave_client.MeasurementRefused as refusal:
        # It is pickled on its way to the parent.
        return refusal
    return None


def test_refusals_in_children_are_refusals(enclave):
    with make_client(enclave, map_of(enclave, "ab" * 48)) as client:
        shared.update(client=client, url=enclave.url)
        with fork_pool(WORKERS) as pool:
            refusals = pool.map_async(refuse, range(WORKERS)).get(TIMEOUT_S)
    assert all(refusal.step is enclave_client.Step.POLICY for refusal in refusals)
    assert not enclave.log("request")


def session_of_requests(client, **options):
    pytest.importorskip("requests")
    from enclave_client.requests import Session

    session = Session(client)
    session.proxies.update({"https": url for url in options.values()})
    return session


def session_of_httpx(client, http2=False, **options):
    httpx = pytest.importorskip("httpx")
    if http2:
        pytest.importorskip("h2")
    from enclave_client.httpx import Transport

    return httpx.Client(transport=Transport(client, http2=http2, **options))


def session_of_httpx_2(client, **options):
    return session_of_httpx(client, http2=True, **options)


adapters = pytest.mark.parametrize(
    "make_session", [session_of_requests, session_of_httpx, session_of_httpx_2]
)


def fetch(path):
    return shared["session"].get(shared["url"] + path).status_code


@adapters
@pytest.mark.parametrize("proxied", [False, True])
def test_a_child_makes_connections_of_its_own(enclave, make_session, proxied):
    # Two processes that write on one TLS connection encrypt two texts under one
    # key and nonce: whoever forwards the packets reads them.
    with Proxy() as proxy, make_client(enclave) as client:
        options = {"proxy": proxy.url} if proxied else {}
        with make_session(client, **options) as session:
            shared.update(session=session, url=enclave.url)
            assert fetch("/parent") == 200
            with fork_pool() as pool:
                paths = ["/child", "/child-again"]
                assert pool.map_async(fetch, paths).get(TIMEOUT_S) == [200, 200]
            assert fetch("/parent-again") == 200
    used = {event["path"]: event["connection"] for event in enclave.log("request")}
    assert used["/parent"] == used["/parent-again"]
    assert used["/child"] == used["/child-again"] != used["/parent"]


@adapters
def test_a_child_waits_for_no_thread_of_its_parent(enclave, make_session):
    held, done = threading.Event(), threading.Event()

    def hold():
        with contextlib.ExitStack() as stack:
            for lock in list(_gate._locks):
                stack.enter_context(lock)
            held.set()
            done.wait(TIMEOUT_S)

    with make_client(enclave) as client, make_session(client) as session:
        shared.update(session=session, url=enclave.url)
        thread = threading.Thread(target=hold)
        thread.start()
        assert held.wait(TIMEOUT_S)
        try:
            with fork_pool() as pool:
                assert pool.map_async(fetch, ["/child"]).get(TIMEOUT_S) == [200]
        finally:
            done.set()
            thread.join()


@adapters
def test_an_upload_that_forks_goes_on_in_the_parent_alone(enclave, make_session):
    parent = os.getpid()
    children = []

    def pieces():
        yield b"first"
        children.append(os.fork())
        yield b"last" if children[0] else MARKER.encode()

    outcome = 1
    with make_client(enclave) as client, make_session(client) as session:
        body = "data" if make_session is session_of_requests else "content"
        try:
            answer = session.post(enclave.url, **{body: pieces()})
        except enclave_client.InternalError:
            outcome = 7
        finally:
            if os.getpid() != parent:
                os._exit(outcome)
        assert answer.json()["body"] == "firstlast"
    _, status = os.waitpid(children[0], 0)
    assert os.waitstatus_to_exitcode(status) == 7
    assert MARKER not in str(enclave.log())


APP = """
import os, sys
sys.path[:0] = {path!r}
import warnings
warnings.simplefilter("ignore")
import enclave_client
client = enclave_client.Client({map!r}, **{trust!r})
client.wait(timeout=30)

def app(environ, start_response):
    answer = client.get({url!r} + environ["PATH_INFO"])
    told = f"{{os.getpid()}} {{answer.attestation.pcrs[0]}}".encode()
    start_response("200 OK", [("Content-Length", str(len(told))), ("Connection", "close")])
    return [told]
"""


def ask_gunicorn(port):
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as plain:
        plain.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
        answer = b""
        while piece := plain.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"200", answer
    pid, pcr = body.decode().split()
    return int(pid), pcr


def test_gunicorn_with_the_client_made_before_the_fork(enclave, tmp_path):
    pytest.importorskip("gunicorn")
    (tmp_path / "attested_app.py").write_text(
        APP.format(
            path=sys.path, map=map_of(enclave), trust=trust_of(enclave), url=enclave.url
        )
    )
    listener = socket.create_server(("127.0.0.1", 0))
    listener.set_inheritable(True)
    command = [sys.executable, "-B", "-m", "gunicorn", "--preload"]
    command += ["--workers", str(WORKERS), "--bind", f"fd://{listener.fileno()}"]
    command += ["--worker-tmp-dir", str(tmp_path)]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "attested_app:app"],
            cwd=tmp_path,
            pass_fds=[listener.fileno()],
            stdout=log,
            stderr=log,
        )
    try:
        pids, pcrs = set(), set()
        end = time.monotonic() + TIMEOUT_S
        while len(pids) < WORKERS and time.monotonic() < end:
            pid, pcr = ask_gunicorn(listener.getsockname()[1])
            pids.add(pid)
            pcrs.add(pcr)
        assert len(pids) == WORKERS, (tmp_path / "log").read_text()
        assert pcrs == {enclave.pcrs["0"]}
        assert server.pid not in pids
    finally:
        listener.close()
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            raise AssertionError("gunicorn did not end")
    assert server.returncode == 0, (tmp_path / "log").read_text()
