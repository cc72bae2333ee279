"""Each way in which something is not what was accepted, by its exception; and
no byte of the request on the wire."""

import datetime
import pickle
import warnings

import pytest

import enclave_client
from conftest import (
    MARKER,
    OTHER_PCR,
    make_client,
    map_of,
    name_of,
    nothing_is_sent,
    trust_of,
)
from harness import LocalEnclave

REFUSALS = [
    ({"mode": "other-key"}, enclave_client.KeyNotAttested, "KEY_NOT_ATTESTED"),
    ({"mode": "null-user-data"}, enclave_client.KeyNotAttested, None),
    ({"mode": "old", "age_ms": 4_000_000}, enclave_client.EvidenceTimeError, "TOO_OLD"),
    ({"mode": "expired"}, enclave_client.EvidenceTimeError, "EXPIRED"),
    ({"mode": "future"}, enclave_client.EvidenceTimeError, "FROM_FUTURE"),
    ({"mode": "broken-signature"}, enclave_client.UntrustedEvidence, "SIGNATURE"),
    ({"mode": "foreign-root"}, enclave_client.UntrustedEvidence, "ROOT"),
    ({"mode": "truncated"}, enclave_client.MalformedEvidence, None),
    ({"mode": "nitrotpm"}, enclave_client.MalformedEvidence, None),
    ({"mode": "not-json"}, enclave_client.MalformedEvidence, "ENCODING"),
    ({"mode": "missing-member"}, enclave_client.MalformedEvidence, None),
    ({"mode": "bad-base64"}, enclave_client.MalformedEvidence, "ENCODING"),
    ({"mode": "empty"}, enclave_client.EvidenceNotServed, "EVIDENCE_NOT_SERVED"),
    ({"mode": "huge"}, enclave_client.EvidenceNotServed, None),
    ({"mode": "cut"}, enclave_client.NetworkError, "NETWORK"),
    ({"mode": "status", "status": 404}, enclave_client.EvidenceNotServed, None),
    ({"mode": "redirect", "to": "/there"}, enclave_client.EvidenceNotServed, None),
    ({"mode": "never"}, enclave_client.TimeoutError, "TIMEOUT"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "evidence, kind, status", REFUSALS, ids=lambda value: str(value)
)
def test_each_refusal(client, enclave, evidence, kind, status, stream):
    enclave.set(evidence=evidence)
    with nothing_is_sent(enclave), pytest.raises(kind) as caught:
        client.post(
            enclave.url + f"/{MARKER}",
            content=MARKER,
            headers={"Authorization": MARKER, "Cookie": MARKER, "User-Agent": MARKER},
            timeout=20,
            stream=stream,
        )
    error = caught.value
    assert error.enclave == name_of(enclave)
    assert name_of(enclave) in str(error) and MARKER not in str(error)
    assert status is None or error.status.name == status


def test_another_measurement_names_both(enclave):
    with make_client(enclave, map_of(enclave, OTHER_PCR)) as client:
        with nothing_is_sent(enclave):
            with pytest.raises(enclave_client.MeasurementRefused) as caught:
                client.post(enclave.url, content=MARKER)
    error = caught.value
    assert error.step is enclave_client.Step.POLICY
    assert error.category is enclave_client.Category.MEASUREMENT
    assert OTHER_PCR[:8] in str(error) and enclave.pcrs["0"][:8] in str(error)
    facts = (error.pcr, error.shown, error.accepted, error.accepted_more)
    assert facts == (0, enclave.pcrs["0"], (OTHER_PCR,), False)
    assert abs(error.age) < datetime.timedelta(minutes=1)
    assert error.deadline is None
    # Through multiprocessing too.
    again = pickle.loads(pickle.dumps(error))
    assert (again.pcr, again.shown, again.accepted) == facts[:3]
    assert again.age == error.age


def test_a_register_that_is_not_there(enclave):
    map = map_of(enclave)
    map[name_of(enclave)]["PCR31"] = OTHER_PCR
    with make_client(enclave, map) as client, nothing_is_sent(enclave):
        with pytest.raises(enclave_client.MeasurementRefused) as caught:
            client.post(enclave.url, content=MARKER)
    error = caught.value
    assert (error.pcr, error.shown, error.accepted) == (31, None, (OTHER_PCR,))


@pytest.mark.parametrize(
    "mode, least_s, most_s, ended",
    [
        ({"mode": "old", "age_ms": 4_000_000}, 4000, 4060, True),
        ({"mode": "expired"}, 0, 1e9, True),
        ({"mode": "future"}, -1e9, -1, False),
    ],
)
def test_what_is_not_now_says_how_old_it_is(enclave, mode, least_s, most_s, ended):
    enclave.set(evidence=mode)
    with make_client(enclave) as client, nothing_is_sent(enclave):
        with pytest.raises(enclave_client.EvidenceTimeError) as caught:
            client.post(enclave.url, content=MARKER)
    error = caught.value
    assert least_s <= error.age.total_seconds() <= most_s
    assert (error.pcr, error.shown, error.accepted) == (None, None, ())
    now = datetime.datetime.now(datetime.timezone.utc)
    assert (error.deadline is not None) == ended
    assert not ended or error.deadline < now


def test_a_debug_enclave(enclave):
    enclave.set(debug=True)
    map = {name_of(enclave): {"PCR4": enclave.pcrs["4"]}}
    with make_client(enclave, map) as client, nothing_is_sent(enclave):
        with pytest.raises(enclave_client.DebugEnclave):
            client.post(enclave.url, content=MARKER)


@pytest.mark.parametrize("web_ca", ["foreign", "expired", "wrong-name", "self-signed"])
def test_ordinary_verification(client, enclave, web_ca):
    enclave.set(web_ca=web_ca)
    with nothing_is_sent(enclave), pytest.raises(enclave_client.NetworkError) as caught:
        client.post(enclave.url, content=MARKER)
    assert caught.value.foreign is not enclave_client.Foreign.NONE
    assert caught.value.foreign_code
    assert isinstance(caught.value, ConnectionError)


def test_an_impostor_with_a_good_certificate_and_the_genuine_evidence(state, enclave):
    relay = LocalEnclave.start(state, instance="relay-client", relay=enclave.url)
    with relay, make_client(enclave, map_of(relay)) as client:
        with nothing_is_sent(enclave, relay):
            with pytest.raises(enclave_client.KeyNotAttested):
                client.post(
                    relay.url + f"/{MARKER}",
                    params={"q": MARKER},
                    content=iter([MARKER.encode()]),
                    headers={"Authorization": MARKER, "User-Agent": MARKER},
                )


def test_an_unknown_origin(client):
    for url in ("https://127.0.0.1:1/", "https://localhost:1/"):
        with pytest.raises(enclave_client.UnknownEnclave):
            client.post(url, content=MARKER)
    with pytest.raises(enclave_client.UnknownEnclave):
        client.get("/", enclave="nobody")


def test_a_redirect_out_of_the_origin(client, enclave, state):
    with LocalEnclave.start(state, instance="elsewhere") as elsewhere:
        with nothing_is_sent(elsewhere):
            with pytest.raises(enclave_client.RedirectRefused):
                client.post(
                    enclave.url + f"/redirect-307?to={elsewhere.url}/{MARKER}",
                    content=MARKER,
                    follow_redirects=True,
                )


def test_a_network_that_is_not_there(enclave):
    with make_client(enclave, {"localhost:1": {"PCR0": OTHER_PCR}}) as client:
        with pytest.raises(enclave_client.NetworkError) as caught:
            client.get("https://localhost:1/")
    assert caught.value.foreign is enclave_client.Foreign.CURL
    assert caught.value.foreign_code == 7


def test_the_deadline(client, enclave):
    with pytest.raises(enclave_client.TimeoutError) as caught:
        client.get(enclave.url + "/never", timeout=0.3)
    assert isinstance(caught.value, TimeoutError)


def test_an_answer_past_its_cap(client, enclave):
    url = enclave.url + "/bytes/100000"
    with pytest.raises(enclave_client.BodyTooLarge):
        client.get(url, body_max_bytes=99_999)
    assert len(client.get(url, body_max_bytes=100_000).content) == 100_000


MAPS = [
    {},
    {"localhost": {}},
    {"localhost": {"PCR0": "ab"}},
    {"localhost": {"PCR0": "0" * 96, "PCR1": "0" * 96, "PCR2": "0" * 96}},
    {"localhost": {"PCR": "ab" * 48}},
    {"localhost": []},
    {"enclaves": {"a": {"url": "http://localhost", "pcrs": {"PCR0": OTHER_PCR}}}},
    {"enclaves": {"a": {"url": "https://l", "pcrs": {"PCR0": OTHER_PCR}, "insecure_x": 1}}},
    {"localhost": {"PCR0": OTHER_PCR}, "LOCALHOST.": {"PCR0": OTHER_PCR}},
    {"localhost": object()},
    {"localhost": float("nan")},
    {("localhost", 1): {"PCR0": OTHER_PCR}},
    [],
    "no-such-file.json",
]


@pytest.mark.parametrize("map", MAPS, ids=lambda map: str(map)[:40])
def test_maps_that_are_refused(map):
    with pytest.raises(enclave_client.ConfigError):
        enclave_client.Client(map)


def test_a_policy_file_with_a_member_twice(tmp_path):
    path = tmp_path / "pcrs.json"
    path.write_text('{"PCR0": "%s", "PCR0": "%s"}' % (OTHER_PCR, "cd" * 48))
    for given in ({"map": path, "url": "https://l"}, {"map": {"localhost": path}}):
        with pytest.raises(enclave_client.ConfigError):
            enclave_client.Client(**given)


USES = [
    {"url": "/path"},
    {"url": "ftp://localhost/"},
    {"url": "https://@evil.example/"},
    {"url": "@evil.example/", "enclave": "localhost"},
    {"method": "GE T"},
    {"method": "GET\r\nX: y"},
    {"headers": {"X": "a\r\nY: b"}},
    {"headers": {"X": "a\0b"}},
    {"headers": {"X\n": "a"}},
    {"headers": {"X": "\u20ac"}},
    {"content": b"", "json": {}},
    {"content": 7},
    {"timeout": 0},
    {"timeout": -1},
    {"timeout": float("nan")},
    {"timeout": float("inf")},
    {"connect_timeout": 0},
    {"enclave": "local\0host"},
]


@pytest.mark.parametrize("use", USES, ids=lambda use: repr(use)[:40])
def test_misuse(use):
    with enclave_client.Client({"localhost": {"PCR0": OTHER_PCR}}, polling=False) as client:
        options = {"method": "GET", "url": "https://localhost/", **use}
        with pytest.raises(enclave_client.UsageError):
            client.request(**options)


def test_what_the_bodys_source_raises_is_what_the_caller_gets(client, enclave):
    class Own(Exception):
        pass

    def pieces():
        yield MARKER.encode()
        raise Own("of the caller")

    with pytest.raises(Own, match="of the caller") as caught:
        client.post(enclave.url, content=pieces())
    assert isinstance(caught.value.__cause__, enclave_client.BodyFailed)
    assert not enclave.log("request")


@pytest.mark.parametrize("pieces", [["text"], [7], [None, 7]])
def test_pieces_that_are_no_bytes(client, enclave, pieces):
    with pytest.raises(TypeError):
        client.post(enclave.url, content=pieces)


def test_a_text_file(client, enclave, tmp_path):
    path = tmp_path / "file"
    path.write_text("text")
    with path.open() as file, pytest.raises(TypeError, match="binary"):
        client.post(enclave.url, content=file)


def test_a_generator_is_sent_once(client, enclave):
    with pytest.raises(enclave_client.EnclaveClientError):
        client.post(
            enclave.url + "/redirect-307?to=/there",
            content=(b"x" for _ in range(3)),
            follow_redirects=True,
        )


def test_too_many_failed_attempts(client, enclave):
    enclave.set(evidence={"mode": "status", "status": 503})
    kinds = set()
    for _ in range(10):
        with pytest.raises(enclave_client.NetworkError) as caught:
            client.get(enclave.url)
        kinds.add(type(caught.value))
    assert enclave_client.LearningLimited in kinds


def test_errors_survive_pickling(client, enclave):
    enclave.set(evidence="broken-signature")
    with pytest.raises(enclave_client.UntrustedEvidence) as caught:
        client.get(enclave.url)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value)
    assert (str(again), again.status, again.step, again.enclave) == (
        str(caught.value),
        caught.value.status,
        caught.value.step,
        caught.value.enclave,
    )
    error = enclave_client.HTTPStatusError("text", code=404)
    assert pickle.loads(pickle.dumps(error)).code == 404


def test_insecure_members_count_only_with_the_switch(enclave):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((enclave_client.ConfigError, Warning)):
            enclave_client.Client(
                {"localhost": {"pcrs": {"PCR0": OTHER_PCR}, "insecure_keep_refused": True}}
            )


def test_the_system_store_does_not_know_the_local_ca(enclave):
    trust = {**trust_of(enclave), "ca_file": None}
    with make_client(enclave, **trust) as client:
        with nothing_is_sent(enclave), pytest.raises(enclave_client.NetworkError):
            client.post(enclave.url, content=MARKER)
