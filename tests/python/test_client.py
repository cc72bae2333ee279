"""Requests and answers through Client."""

import datetime
import io
import json
import logging
import pathlib
import threading
import time
import warnings

import pytest

import enclave_client
from conftest import (
    OTHER_PCR,
    connections,
    make_client,
    map_of,
    name_of,
    trust_of,
)

METHODS = ["get", "post", "put", "patch", "delete", "options"]


@pytest.mark.parametrize("method", METHODS)
def test_each_method_arrives_as_itself(client, enclave, method):
    answer = getattr(client, method)(enclave.url + "/path")
    assert answer.status_code == 200
    assert answer.json()["method"] == method.upper()


def test_head_has_no_body(client, enclave):
    answer = client.head(enclave.url + "/")
    assert (answer.status_code, answer.content) == (200, b"")
    assert enclave.log("request")[-1]["method"] == "HEAD"


def test_what_an_answer_says(client, enclave):
    answer = client.get(enclave.url + "/path")
    assert answer.ok and answer.reason == "OK" and answer.http_version == "1.1"
    assert answer.url == enclave.url + "/path"
    assert answer.enclave == name_of(enclave)
    assert answer.headers["CONTENT-type"] == "application/json"
    assert answer.headers.get("absent") is None
    assert "content-length" in answer.headers and "absent" not in answer.headers
    assert json.loads(answer.text) == answer.json() == json.loads(answer.content)
    assert datetime.timedelta(0) < answer.elapsed < datetime.timedelta(minutes=1)
    assert answer.redirects == 0
    answer.raise_for_status()


def test_the_attestation_that_a_request_was_sent_under(client, enclave):
    attestation = client.get(enclave.url).attestation
    now = datetime.datetime.now(datetime.timezone.utc)
    assert attestation.enclave == name_of(enclave)
    assert attestation.module_id.startswith("i-")
    assert attestation.pcrs[0] == enclave.pcrs["0"]
    assert set(attestation.pcrs) == set(range(16))
    assert attestation.timestamp <= now + datetime.timedelta(seconds=5)
    assert now < attestation.deadline
    assert attestation.deadline <= attestation.timestamp + datetime.timedelta(hours=1)
    assert (attestation.set_label, attestation.set_index) == ("", 0)
    assert attestation.insecure and not attestation.debug


def test_label_and_place_of_the_set_that_matched(enclave):
    sets = [
        {"label": "old", "PCR0": OTHER_PCR},
        {"label": "v1.4", "PCR0": enclave.pcrs["0"]},
    ]
    with make_client(enclave, {name_of(enclave): sets}) as client:
        attestation = client.get(enclave.url).attestation
    assert (attestation.set_label, attestation.set_index) == ("v1.4", 1)


QUERIES = [
    ({"a": "b c", "d": "&="}, "/x?a=b+c&d=%26%3D"),
    ([("a", 1), ("a", 2)], "/x?a=1&a=2"),
    ({"a": ["1", "2"]}, "/x?a=1&a=2"),
    ({"a": None, "b": ["1", None], "c": [None]}, "/x?b=1"),
    ([("a", None), ("b", "1")], "/x?b=1"),
    ({"a": None}, "/x"),
    ({}, "/x"),
    (None, "/x"),
]


@pytest.mark.parametrize("params, path", QUERIES)
def test_params(client, enclave, params, path):
    assert client.get(enclave.url + "/x", params=params).json()["path"] == path


def test_params_join_a_query_and_no_fragment_is_sent(client, enclave):
    answer = client.get(enclave.url + "/x?y=1#part", params={"z": 2})
    assert answer.json()["path"] == "/x?y=1&z=2"


def test_what_a_url_can_not_hold_is_escaped(client, enclave):
    assert client.get(enclave.url + "/ä b?%41").json()["path"] == "/%C3%A4%20b?%41"


def test_a_path_and_the_enclaves_name(enclave):
    map = {"enclaves": {"shop": {"url": enclave.url, "pcrs": {"PCR0": enclave.pcrs["0"]}}}}
    with make_client(enclave, map) as client:
        assert client.get("/path", enclave="shop").json()["path"] == "/path"
        assert client.find(enclave.url + "/any") == "shop"


def test_headers_of_client_and_request(enclave):
    headers = {"X-One": "client", "X-Two": "client"}
    with make_client(enclave, headers=headers, user_agent="agent/1") as client:
        seen = client.get(
            enclave.url, headers=[("x-two", "request"), ("Accept", None)]
        ).json()["headers"]
    assert seen["x-one"] == "client" and seen["x-two"] == "request"
    assert seen["user-agent"] == "agent/1"
    assert "accept" not in seen


def test_headers_that_can_be_read_once_are_sent_each_time(enclave):
    headers = (pair for pair in [("X-One", "client")])
    with make_client(enclave, headers=headers) as client:
        for _ in range(2):
            assert client.get(enclave.url).json()["headers"]["x-one"] == "client"


def test_a_method_in_small_letters(client, enclave):
    assert client.request("get", enclave.url).json()["method"] == "GET"


BODIES = [
    ({"content": b"bytes"}, None, "bytes"),
    ({"content": "täxt"}, None, "täxt"),
    ({"content": bytearray(b"array")}, None, "array"),
    ({"content": memoryview(b"view")}, None, "view"),
    ({"content": b""}, None, ""),
    ({"data": {"a": "1 2", "b": ["x", "y"]}}, "application/x-www-form-urlencoded", "a=1+2&b=x&b=y"),
    ({"data": {"a": None, "b": ["x", None]}}, "application/x-www-form-urlencoded", "b=x"),
    ({"data": [("a", "1")]}, "application/x-www-form-urlencoded", "a=1"),
    ({"data": b"raw"}, None, "raw"),
    ({"json": {"ä": [1, None]}}, "application/json", '{"\\u00e4":[1,null]}'),
    ({"json": 0}, "application/json", "0"),
    ({"content": [b"a", b"", b"bc"]}, None, "abc"),
    ({"content": (b"x" * n for n in (1, 2, 3))}, None, "xxxxxx"),
    ({"content": io.BytesIO(b"file")}, None, "file"),
]


@pytest.mark.parametrize("body, content_type, text", BODIES)
def test_bodies(client, enclave, body, content_type, text):
    seen = client.post(enclave.url, **body).json()
    assert seen["body"] == text
    assert seen["headers"].get("content-type") == content_type


def test_the_callers_content_type_stays(client, enclave):
    headers = {"content-type": "application/x-own"}
    seen = client.post(enclave.url, json={}, headers=headers).json()["headers"]
    assert seen["content-type"] == "application/x-own"


def test_a_file_goes_from_where_it_stands_with_its_length(client, enclave, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 200_000)
    with path.open("rb") as file:
        file.seek(50_000)
        seen = client.put(enclave.url, content=file).json()
    assert seen["body_length"] == 150_000
    assert seen["headers"]["content-length"] == "150000"


@pytest.mark.parametrize("make", [lambda: [b"again"], lambda: io.BytesIO(b"again")])
def test_a_body_that_can_rewind_follows_a_307(client, enclave, make):
    answer = client.post(
        enclave.url + "/redirect-307?to=/there", content=make(), follow_redirects=True
    )
    assert (answer.json()["body"], answer.redirects) == ("again", 1)


def test_redirects_are_off_until_they_are_asked_for(client, enclave):
    answer = client.get(enclave.url + "/redirect?to=/there")
    assert answer.status_code == 302 and answer.headers["location"] == "/there"
    answer = client.get(enclave.url + "/redirect?to=/there", follow_redirects=True)
    assert answer.json()["path"] == "/there"
    assert answer.url == enclave.url + "/there"


@pytest.mark.parametrize(
    "charset", ["hex", "rot13", "idna", "undefined", "zlib", "no-such", "", "a\0b"]
)
def test_what_is_no_charset_for_text_is_read_as_utf_8(client, enclave, charset):
    answer = client.post(enclave.url, content="täxt")
    kind = f"text/plain; charset={charset}"
    answer.headers = type(answer.headers)([("Content-Type", kind)])
    assert answer.encoding == "utf-8"
    assert "täxt" in answer.text and answer.text == "".join(answer.iter_text())


def test_a_charset_counts(client, enclave):
    answer = client.post(enclave.url, content="täxt")
    kind = 'text/plain; charset="ISO-8859-1"'
    answer.headers = type(answer.headers)([("Content-Type", kind)])
    assert "tÃ¤xt" in answer.text


def test_a_404_is_an_answer_until_somebody_minds(client, enclave):
    answer = client.get(enclave.url + "/status/404")
    assert answer.status_code == 404 and not answer.ok
    with pytest.raises(enclave_client.HTTPStatusError, match="404") as caught:
        answer.raise_for_status()
    assert caught.value.code == 404
    assert caught.value.status is enclave_client.Status.OK
    assert caught.value.enclave == name_of(enclave)


def test_one_connection_serves_request_after_request(client, enclave):
    for _ in range(5):
        client.get(enclave.url)
    assert connections(enclave) == 1
    assert client.get(enclave.url).connections == 0


def test_the_map_as_a_file(enclave, tmp_path):
    path = tmp_path / "enclaves.json"
    path.write_text(json.dumps(map_of(enclave)))
    for map in (path, str(path)):
        with make_client(enclave, map) as client:
            assert client.get(enclave.url).ok


NITRO_CLI = {"HashAlgorithm": "Sha384 { ... }"}


def test_what_nitro_cli_printed(enclave, tmp_path):
    printed = {"Measurements": {**NITRO_CLI, "PCR0": enclave.pcrs["0"]}}
    path = tmp_path / "measurements.json"
    path.write_text(json.dumps(printed))
    for given in (
        {"map": printed, "url": enclave.url},
        {"map": path, "url": enclave.url, "name": "named"},
        {"map": {name_of(enclave): printed}},
        {"map": {name_of(enclave): path}},
    ):
        with make_client(enclave, **given) as client:
            assert client.get(enclave.url).ok
            if "name" in given:
                assert client.find(enclave.url) == "named"


def test_an_update_reaches_the_connection_that_is_open(client, enclave):
    client.get(enclave.url)
    client.update(map_of(enclave, OTHER_PCR))
    with pytest.raises(enclave_client.MeasurementRefused):
        client.get(enclave.url)
    client.update(map_of(enclave))
    assert client.get(enclave.url).ok


def test_a_refused_update_changes_nothing(client, enclave):
    with pytest.raises(enclave_client.ConfigError):
        client.update({name_of(enclave): {}})
    assert client.get(enclave.url).ok


def test_wait_and_attest(enclave):
    with make_client(enclave, polling=True) as client:
        client.wait(timeout=30)
        client.wait(name_of(enclave), timeout=0)
        client.wait(enclave.url, timeout=0)
        attestation = client.attest(enclave.url)
        assert attestation.pcrs[0] == enclave.pcrs["0"]
        assert client.attest(name_of(enclave)).enclave == name_of(enclave)
    assert not enclave.log("request")


def test_wait_names_who_is_not_ready(enclave):
    enclave.set(evidence={"mode": "status", "status": 503})
    with make_client(enclave, polling=True) as client:
        with pytest.raises(enclave_client.TimeoutError, match="localhost") as caught:
            client.wait(timeout=0.3)
        assert isinstance(caught.value, TimeoutError)


class Provider:
    """A policy that changes while the client runs."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    def __call__(self):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


def wait_until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_provider_is_asked_again_in_the_background(enclave):
    provider = Provider(map_of(enclave), map_of(enclave, OTHER_PCR))
    with make_client(enclave, provider, refresh_interval=0.05) as client:
        wait_until(lambda: provider.asked > 2)
        with pytest.raises(enclave_client.MeasurementRefused):
            client.get(enclave.url)


def test_a_provider_for_one_enclave(enclave):
    provider = Provider({"PCR0": enclave.pcrs["0"]}, {"PCR0": OTHER_PCR})
    with make_client(enclave, {name_of(enclave): provider}) as client:
        assert client.get(enclave.url).ok
        client.refresh()
        with pytest.raises(enclave_client.MeasurementRefused):
            client.get(enclave.url)


class SlowProvider:
    """Its first answer comes at once, each later one when it is let go."""

    def __init__(self, first, *later):
        self.answers = [(first, threading.Event())]
        self.answers[0][1].set()
        self.answers += [(answer, threading.Event()) for answer in later]
        self.asked = 0

    def __call__(self):
        answer, let_go = self.answers[self.asked]
        self.asked += 1
        assert let_go.wait(20)
        return answer


def in_thread(call):
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def ended(thread):
    thread.join(20)
    return not thread.is_alive()


def test_an_update_waits_for_no_provider_and_outlives_its_answer(enclave):
    provider = SlowProvider(map_of(enclave, OTHER_PCR), map_of(enclave, OTHER_PCR))
    with make_client(enclave, provider) as client:
        asking = in_thread(client.refresh)
        wait_until(lambda: provider.asked == 2)
        assert ended(in_thread(lambda: client.update(map_of(enclave))))
        provider.answers[1][1].set()
        assert ended(asking)
        assert client.get(enclave.url).ok


def test_of_two_updates_the_later_one_stays(enclave):
    provider = SlowProvider(map_of(enclave, OTHER_PCR))
    provider.answers[0][1].clear()
    with make_client(enclave) as client:
        updating = in_thread(lambda: client.update(provider))
        wait_until(lambda: provider.asked == 1)
        client.update(map_of(enclave))
        provider.answers[0][1].set()
        assert ended(updating)
        assert client.get(enclave.url).ok


def test_of_two_answers_the_later_question_counts(enclave):
    other = map_of(enclave, OTHER_PCR)
    provider = SlowProvider(other, other, map_of(enclave))
    provider.answers[2][1].set()
    with make_client(enclave, provider) as client:
        asking = in_thread(client.refresh)
        wait_until(lambda: provider.asked == 2)
        client.refresh()
        provider.answers[1][1].set()
        assert ended(asking)
        assert client.get(enclave.url).ok


def test_a_provider_may_update_by_itself(enclave):
    answers = [map_of(enclave, OTHER_PCR)] * 2

    def provider():
        if len(answers) == 1:
            client.update(map_of(enclave))
        return answers.pop()

    with make_client(enclave, provider) as client:
        assert ended(in_thread(client.refresh))
        assert client.get(enclave.url).ok


def policy_threads():
    names = [thread.name for thread in threading.enumerate()]
    return names.count("enclave_client-policy")


def test_one_thread_asks_however_often_the_provider_comes_back(enclave):
    provider = Provider(map_of(enclave))
    before = policy_threads()
    with make_client(enclave, provider) as client:
        for _ in range(3):
            client.update(map_of(enclave))
            client.update(provider)
        assert policy_threads() == before + 1


def test_a_provider_that_comes_back_is_asked_again(enclave):
    provider = Provider(map_of(enclave))
    before = policy_threads()
    with make_client(enclave, provider, refresh_interval=0.05) as client:
        client.update(map_of(enclave))
        wait_until(lambda: policy_threads() == before)
        asked = provider.asked
        client.update(provider)
        wait_until(lambda: provider.asked > asked + 2)


@pytest.mark.parametrize("interval", [0, -1.0, float("nan")])
def test_refresh_intervals_that_are_refused(enclave, interval):
    with pytest.raises(enclave_client.UsageError, match="refresh_interval"):
        make_client(enclave, refresh_interval=interval)


def test_a_refresh_interval_that_never_ends(enclave):
    provider = Provider(map_of(enclave))
    before = policy_threads()
    with make_client(enclave, provider, refresh_interval=float("inf")) as client:
        client.refresh()
        assert policy_threads() == before + 1
    assert provider.asked == 2


@pytest.mark.parametrize("answer", [OSError("no network"), {"localhost:1": {}}, 7])
def test_a_provider_that_fails_keeps_the_old_policy_and_is_told(enclave, answer, caplog):
    provider = Provider(map_of(enclave), answer)
    events = []
    with make_client(
        enclave, provider, refresh_interval=0.05, on_event=events.append
    ) as client:
        wait_until(lambda: provider.asked > 2)
        assert client.get(enclave.url).ok
        with pytest.raises((OSError, enclave_client.ConfigError)):
            client.refresh()
    kinds = [event.kind for event in events]
    assert enclave_client.EventKind.POLICY_REFRESH_FAILED in kinds
    assert "the old policy stays" in caplog.text


@pytest.mark.parametrize(
    "failure",
    [
        SystemExit(1),
        enclave_client.Cancelled("of another", status=enclave_client.Status.CANCELLED),
    ],
)
def test_no_failure_of_a_provider_ends_the_asking(enclave, failure):
    provider = Provider(map_of(enclave), failure, map_of(enclave, OTHER_PCR))
    events = []
    with make_client(
        enclave, provider, refresh_interval=0.05, on_event=events.append
    ) as client:
        wait_until(lambda: provider.asked > 3)
        with pytest.raises(enclave_client.MeasurementRefused):
            client.get(enclave.url)
    failed = enclave_client.EventKind.POLICY_REFRESH_FAILED
    assert [event.kind for event in events].count(failed) == 1


def test_a_provider_that_fails_at_first_makes_no_client(enclave):
    with pytest.raises(OSError):
        make_client(enclave, Provider(OSError("no network")))


def test_events_go_to_logging_and_to_a_handler(enclave, caplog):
    events = []
    caplog.set_level(logging.INFO, "enclave_client")
    with make_client(enclave, on_event=events.append) as client:
        client.get(enclave.url)
        enclave.set(pcrs={"0": OTHER_PCR})
        with pytest.raises(enclave_client.MeasurementRefused):
            client.attest(enclave.url)
    kinds = [event.kind.name for event in events]
    assert kinds[:2] == ["INSECURE", "ATTESTED"]
    assert "MEASUREMENT_REFUSED" in kinds
    refused = events[kinds.index("MEASUREMENT_REFUSED")]
    assert refused.enclave == name_of(enclave)
    assert refused.status is enclave_client.Status.MEASUREMENT
    assert refused.step is enclave_client.Step.POLICY
    levels = {record.event.kind.name: record.levelname for record in caplog.records}
    assert levels["ATTESTED"] == "INFO"
    assert levels["MEASUREMENT_REFUSED"] == "ERROR"


def test_a_handler_that_fails_is_logged_and_nothing_more(enclave, caplog):
    def fail(event):
        raise ValueError("the handler's own")

    with make_client(enclave, on_event=fail) as client:
        assert client.get(enclave.url).ok
    assert "the handler's own" in caplog.text


@pytest.fixture
def failing_log():
    """A handler of logging's that raises, each time it is called."""

    def fail(record):
        raise ValueError("the log's own")

    handler = logging.Handler()
    handler.emit = fail
    logger = logging.getLogger("enclave_client")
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


def test_a_log_that_fails_stops_neither_events_nor_refreshing(
    enclave, failing_log, monkeypatch
):
    shown, events = [], []
    monkeypatch.setattr(threading, "excepthook", shown.append)
    provider = Provider(map_of(enclave), OSError("no network"))

    def handle(event):
        events.append(event)
        raise SystemExit(1)

    with make_client(
        enclave, provider, refresh_interval=0.05, on_event=handle
    ) as client:
        wait_until(lambda: provider.asked > 3)
        client.get(enclave.url)
        attested = enclave_client.EventKind.ATTESTED
        wait_until(lambda: attested in [event.kind for event in events])
    assert {str(arguments.exc_value) for arguments in shown} == {"the log's own"}
    assert {arguments.thread.name for arguments in shown} == {
        "enclave_client-events",
        "enclave_client-policy",
    }


SWITCHES = [
    {"insecure_allowed": True},
    {"insecure_allow_debug": True},
    {"insecure_key_log": True},
]


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: next(iter(switch)))
def test_each_insecure_switch_warns_at_the_callers_line(switch):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        enclave_client.Client({"localhost": {"PCR0": "ab" * 48}}, polling=False, **switch).close()
    (warning,) = caught
    assert warning.category is enclave_client.InsecureWarning
    assert next(iter(switch)) in str(warning.message)
    assert pathlib.Path(warning.filename) == pathlib.Path(__file__)


def test_nothing_warns_where_nothing_is_weakened():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        enclave_client.Client({"localhost": {"PCR0": "ab" * 48}}, polling=False).close()


def test_a_debug_enclave_with_the_switch_for_it(enclave):
    enclave.set(debug=True)
    zero = {"PCR0": "0" * 96}
    with make_client(enclave, {name_of(enclave): zero}, insecure_allow_debug=True) as client:
        attestation = client.get(enclave.url).attestation
    assert attestation.debug and attestation.insecure


def test_a_closed_client(enclave):
    client = make_client(enclave)
    client.get(enclave.url)
    client.close()
    client.close()
    assert client.is_closed
    for call in (
        lambda: client.get(enclave.url),
        lambda: client.wait(),
        lambda: client.attest(enclave.url),
        lambda: client.update(map_of(enclave)),
        lambda: client.find(enclave.url),
    ):
        with pytest.raises(enclave_client.Cancelled):
            call()


def test_resolve_and_connect_to(enclave):
    host = "enclave.test"
    map = {f"{host}:{enclave.port}": {"PCR0": enclave.pcrs["0"]}}
    for options in (
        {"resolve": [f"{host}:{enclave.port}:127.0.0.1"]},
        {"connect_to": [f"{host}:{enclave.port}:127.0.0.1:{enclave.port}"]},
    ):
        with make_client(enclave, map, **options) as client:
            assert client.get(f"https://{host}:{enclave.port}/").ok


def test_the_report(client, enclave):
    (cold,) = client.report()
    assert (cold.name, cold.url) == (name_of(enclave), enclave.url)
    assert cold.state is enclave_client.State.COLD and not cold.keys
    assert cold.last_poll is None and cold.next_poll is None and cold.insecure
    answer = client.get(enclave.url)
    (attested,) = client.report()
    assert attested.state is enclave_client.State.ATTESTED
    (key,) = attested.keys
    assert key.deadline == answer.attestation.deadline
    assert key.module_id == answer.attestation.module_id
    assert attested.generation > cold.generation
    assert attested.counters.requests == 1 and attested.counters.learnings == 1
    assert "enclave_client_attested{" in client.prometheus()
    enclave.set(evidence="broken-signature")
    with pytest.raises(enclave_client.EnclaveClientError):
        client.attest(enclave.url)
    (refused,) = client.report()
    assert refused.last_status is enclave_client.Status.SIGNATURE
    assert refused.last_step is enclave_client.Step.SIGNATURE


def test_the_version_is_the_librarys():
    assert enclave_client.__version__.count(".") == 2


def test_ca_directory_replaces_the_store(enclave, tmp_path):
    trust = {**trust_of(enclave), "ca_file": None, "ca_directory": tmp_path}
    with make_client(enclave, **trust) as client:
        with pytest.raises(enclave_client.NetworkError):
            client.get(enclave.url)


def test_what_one_client_learned_the_next_begins_with(enclave, tmp_path):
    store = tmp_path / "store"
    store.mkdir(mode=0o700)
    with make_client(enclave, polling=True, evidence_store=store) as client:
        client.wait(timeout=30)
    enclave.set(evidence={"mode": "status", "status": 503})
    # Without polling the store is read before the client is there.
    with make_client(enclave, evidence_store=store) as client:
        assert client.get(enclave.url).ok
