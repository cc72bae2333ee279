"""Threads, signals, garbage and the interpreter's end."""

import gc
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import pytest

import enclave_client
from conftest import HERE, connections, make_client, map_of, trust_of

TIMEOUT_S = 60


def in_threads(count, work):
    failures = []

    def run(number):
        try:
            work(number)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()
    return failures


def test_threads_share_a_client(client, enclave):
    def work(number):
        for turn in range(20):
            path = f"/{number}/{turn}"
            assert client.get(enclave.url + path).json()["path"] == path

    assert not in_threads(8, work)
    assert len(enclave.log("request")) == 160
    assert connections(enclave) <= 20


def test_other_threads_run_while_one_waits(client, enclave):
    client.get(enclave.url)
    waiting = threading.Thread(
        target=lambda: pytest.raises(
            enclave_client.Cancelled, client.get, enclave.url + "/never"
        )
    )
    waiting.start()
    enclave.wait_for("request", 2)
    # Were the interpreter's lock held, none of this would run.
    assert client.get(enclave.url).ok
    client.close()
    waiting.join(TIMEOUT_S)
    assert not waiting.is_alive()


def test_close_ends_calls_in_other_threads(client, enclave):
    client.get(enclave.url)
    ends = []

    def work(_):
        with pytest.raises(enclave_client.Cancelled):
            client.get(enclave.url + "/never")
        ends.append(time.monotonic())

    closer = threading.Thread(
        target=lambda: (enclave.wait_for("request", 5), client.close())
    )
    closer.start()
    assert not in_threads(4, work)
    closer.join()
    assert len(ends) == 4


def test_updates_and_requests_at_once(client, enclave):
    def work(number):
        for _ in range(20):
            if number:
                assert client.get(enclave.url).ok
            else:
                client.update(map_of(enclave))

    assert not in_threads(5, work)


def test_a_client_goes_with_its_last_reference(enclave):
    client = make_client(enclave, polling=True)
    client.wait(timeout=30)
    core = weakref.ref(client._core)
    del client
    gc.collect()
    assert core() is None


def test_a_client_in_a_cycle(enclave):
    client = make_client(enclave)
    client.get(enclave.url)
    cycle = [client]
    cycle.append(cycle)
    core = weakref.ref(client._core)
    del client, cycle
    gc.collect()
    assert core() is None


@pytest.mark.parametrize("order", ["client first", "answer first"])
def test_answers_and_clients_go_in_any_order(enclave, order):
    client = make_client(enclave)
    answer = client.get(enclave.url + "/bytes/100000000", stream=True)
    next(answer.iter_bytes())
    if order == "client first":
        del client
        gc.collect()
        del answer
    else:
        del answer
        gc.collect()
        assert client.get(enclave.url).ok
        del client
    gc.collect()


def test_a_stream_outlives_the_name_of_its_client(enclave):
    answer = make_client(enclave).get(enclave.url + "/bytes/1000000", stream=True)
    gc.collect()
    with pytest.raises(enclave_client.Cancelled):
        for _ in answer.iter_bytes():
            pass


def test_no_descriptors_and_threads_are_left(enclave):
    def count():
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

    def use():
        with make_client(enclave, polling=True) as client:
            client.wait(timeout=30)
            client.get(enclave.url)

    use()
    gc.collect()
    before = count()
    for _ in range(10):
        use()
    gc.collect()
    end = time.monotonic() + 10
    while count() > before and time.monotonic() < end:
        time.sleep(0.05)
    assert count() <= before


PRELUDE = """
import sys, threading
sys.path[:0] = [{here!r}, {harness!r}]
import enclave_client
client = enclave_client.Client({map!r}, **{trust!r})
url = {url!r}
"""


def start(enclave, body):
    text = PRELUDE.format(
        here=str(HERE),
        harness=str(HERE.parent / "local_enclave"),
        map=map_of(enclave),
        trust=trust_of(enclave),
        url=enclave.url,
    )
    return subprocess.Popen(
        [sys.executable, "-B", "-W", "ignore", "-c", text + textwrap.dedent(body)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process):
    try:
        out, err = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError("the interpreter hung")
    return process.returncode, out.decode(), err.decode()


ENDS = {
    "after a request": "client.get(url)",
    "without a request": "",
    "with a stream half read": """
        answer = client.get(url + '/bytes/100000000', stream=True)
        next(answer.iter_bytes())
    """,
    "with a thread that waits": """
        thread = threading.Thread(
            target=client.get, args=(url + '/never',), daemon=True)
        thread.start()
        client.get(url)
    """,
    "with a reference in a cycle": """
        cycle = [client]
        cycle.append(cycle)
        sys.keep = cycle
        client.get(url)
    """,
    "with a handler that is busy": """
        import time
        enclave_client.logging = None
        other = enclave_client.Client(
            {url[8:]: {'PCR0': 'ab' * 48}}, on_event=lambda event: time.sleep(0.1))
        client.get(url)
    """,
    "with sys.exit in the middle": """
        client.get(url)
        sys.exit(0)
    """,
}


@pytest.mark.parametrize("body", ENDS.values(), ids=ENDS.keys())
def test_the_interpreter_ends(enclave, body):
    code, _, err = finish(start(enclave, body))
    assert code == 0, err
    assert "Fatal" not in err


INTERRUPTED = {
    "a request": "client.get(url + '/never')",
    "a stream": """
        answer = client.get(url + '/bytes/1', stream=True)
        answer = client.get(url + '/never', stream=True)
    """,
    "waiting": "client.get(url + '/ready'); client.wait('localhost:1', timeout=None)",
}


@pytest.mark.parametrize("name", ["a request", "a stream"])
def test_ctrl_c_is_heard(enclave, name):
    body = INTERRUPTED[name]
    process = start(enclave, body)
    end = time.monotonic() + TIMEOUT_S
    while not any(e["path"] == "/never" for e in enclave.log("request")):
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == -signal.SIGINT or code == 1, err
    assert "KeyboardInterrupt" in err
