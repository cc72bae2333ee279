"""--inspect-document and --verify-document, over every real document."""

import base64
import datetime
import hashlib
import json
import os
import pathlib

import pytest

from harness import mint

FOLDER = os.environ.get("ENCLAVE_CLIENT_VECTORS")
INDEX = (
    json.loads((pathlib.Path(FOLDER) / "index.json").read_text())["documents"]
    if FOLDER
    else []
)
GOOD = [entry for entry in INDEX if entry["expect"] != "refused"]
# What index.json explains, as exit status and step.
BAD = {
    "cape-js-missing-line.cose": (112, "structure"),
    "bedrock-mutated.cose": (112, "structure"),
    "veracruz-bad-sig.cose": (113, "signature"),
}
ROOT = "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"
MEMBERS = {
    "verdict",
    "status",
    "step",
    "message",
    "exit",
    "judged_at",
    "debug",
}
ZERO = "00" * 48


def each(entries):
    """Parametrised by file name; one skip when there are no vectors."""
    return pytest.mark.parametrize(
        "entry",
        entries or [pytest.param(None, id="none")],
        ids=lambda entry: entry["file"][:-5] if entry else None,
    )


def path_of(entry):
    if not entry:
        pytest.skip("ENCLAVE_CLIENT_VECTORS is not set")
    return pathlib.Path(FOLDER) / entry["file"]


def claims_equal(claims, entry):
    assert claims["module_id"] == entry["module_id"]
    assert claims["digest"] == "SHA384"
    assert claims["timestamp_ms"] == entry["timestamp_ms"]
    assert sorted(claims["pcrs"], key=int) == [str(i) for i in entry["pcr_indices"]]
    for index, value in claims["pcrs"].items():
        assert value == entry["pcrs_nonzero"].get(index, ZERO)
    for field in ("public_key", "user_data", "nonce"):
        expected = entry[field]
        if expected["state"] == "null":
            assert claims[field] is None
        else:
            # The index spells out short values only.
            assert expected["hex"] in (None, claims[field])
            assert len(claims[field]) == 2 * expected["length"]
            value = bytes.fromhex(claims[field])
            assert hashlib.sha256(value).hexdigest() == expected["sha256"]


def milliseconds(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(moment.timestamp()) * 1000


def chain_equal(chain, entry):
    assert chain[0]["sha256"] == ROOT
    for certificate in chain:
        assert set(certificate) == {
            "subject",
            "not_before_ms",
            "not_after_ms",
            "sha256",
        }
    leaf = chain[-1]
    assert leaf["not_before_ms"] == milliseconds(entry["leaf_not_before"])
    assert leaf["not_after_ms"] == milliseconds(entry["leaf_not_after"])


def test_the_index_has_the_documents_this_suite_was_written_for():
    if not FOLDER:
        pytest.skip("ENCLAVE_CLIENT_VECTORS is not set")
    assert len(GOOD) >= 41
    assert {e["file"] for e in INDEX if e not in GOOD} == set(BAD)


@each(GOOD)
def test_a_good_document_is_authentic_at_its_own_timestamp(attest_curl, entry):
    run = attest_curl("--inspect-document", path_of(entry), "--at", "document")
    assert run.exit == 0 and run.err == ""
    found = run.json
    assert set(found) == MEMBERS | {"document"}
    assert found["verdict"] == "authentic"
    assert found["status"] == "ENCLAVE_CLIENT_OK"
    assert found["step"] is None
    assert found["exit"] == 0
    assert found["judged_at"] == "document"
    assert found["debug"] is entry["debug_mode"]
    claims_equal(found["document"], entry)
    chain_equal(found["document"]["chain"], entry)


@each(GOOD)
def test_a_good_document_is_refused_now_and_stays_authentic(attest_curl, entry):
    run = attest_curl("--inspect-document", path_of(entry))
    assert run.exit == 114
    found = run.json
    assert set(found) == MEMBERS | {"document"}
    assert found["verdict"] == "refused"
    assert found["status"] in (
        "ENCLAVE_CLIENT_ERR_EXPIRED",
        "ENCLAVE_CLIENT_ERR_TOO_OLD",
    )
    assert (found["step"], found["exit"]) == ("time", 114)
    assert found["judged_at"] == "now"
    assert found["debug"] is entry["debug_mode"]
    claims_equal(found["document"], entry)


@each([entry for entry in INDEX if entry["file"] in BAD])
@pytest.mark.parametrize("at", ["now", "document"])
def test_a_bad_document_is_refused_at_its_step_at_any_time(attest_curl, entry, at):
    path = path_of(entry)
    status, step = BAD[entry["file"]]
    run = attest_curl("--inspect-document", path, "--at", at)
    assert run.exit == status
    found = run.json
    assert set(found) == MEMBERS | {"unverified"}
    assert (found["verdict"], found["step"]) == ("refused", step)
    assert found["exit"] == status
    assert found["debug"] is None
    assert found["unverified"]["module_id"] == entry["module_id"]


def test_what_a_forgery_says_is_shown_as_nobodys_claims(attest_curl, vectors):
    entry = next(e for e in INDEX if e["file"] == "veracruz-bad-sig.cose")
    found = attest_curl("--inspect-document", path_of(entry)).json
    claims_equal(found["unverified"], entry)
    assert "document" not in found


# Every form that a document is found in.


def forms(raw):
    text = base64.b64encode(raw).decode()
    return {
        "base64": text,
        "base64 with a newline": text + "\n",
        "hex": raw.hex(),
        "upper-case hex": raw.hex().upper(),
        "Evervault's JSON": json.dumps({"attestation_doc": text}),
    }


@pytest.mark.parametrize("form", list(forms(b"")))
def test_a_document_is_read_in_each_form(attest_curl, vectors, tmp_path, form):
    entry = GOOD[0]
    path = tmp_path / "document"
    path.write_text(forms(path_of(entry).read_bytes())[form])
    found = attest_curl("--inspect-document", path, "--at", "document").json
    assert found["verdict"] == "authentic"
    claims_equal(found["document"], entry)


@pytest.mark.parametrize(
    "name, exit", [("aws", 0), ("aws-us-gov", 113), ("mars", 2)]
)
def test_the_root_is_named(attest_curl, vectors, name, exit):
    run = attest_curl(
        *("--inspect-document", path_of(GOOD[0]), "--at", "document"),
        *("--nitro-root", name),
    )
    assert run.exit == exit
    if exit == 2:
        assert "known are aws and aws-us-gov" in run.err
    else:
        verdict = "authentic" if exit == 0 else "refused"
        assert run.json["verdict"] == verdict


def test_a_document_is_read_from_standard_input(attest_curl, vectors):
    raw = path_of(GOOD[0]).read_bytes()
    run = attest_curl("--inspect-document", "-", "--at", "document", input=raw)
    assert run.json["verdict"] == "authentic"


NO_DOCUMENT = {
    "empty": b"",
    "one byte": b"\x84",
    "text": b"hello, world",
    "HTML": b"<html><body>502</body></html>",
    "JSON without a document": b'{"error": "not found"}',
    "JSON that never ends": b"[" * 1_000_000,
    "zeros": bytes(10_000),
    "one MiB": b"\xff" * (1 << 20),
    "base64 of text": base64.b64encode(b"hello, world" * 100),
}


@pytest.mark.parametrize("content", NO_DOCUMENT.values(), ids=NO_DOCUMENT)
def test_what_is_no_document_is_malformed(attest_curl, tmp_path, content):
    path = tmp_path / "document"
    path.write_bytes(content)
    run = attest_curl("--inspect-document", path)
    assert run.exit == 112
    found = run.json
    assert set(found) == MEMBERS | {"unverified"}
    assert found["verdict"] == "refused"
    assert found["step"] in ("decode", "structure")


@pytest.mark.parametrize("cut", [1, 2, 100, 1000])
def test_a_document_that_is_cut_or_followed_is_malformed(
    attest_curl, vectors, cut
):
    raw = path_of(GOOD[0]).read_bytes()
    for bent in (raw[:-cut], raw + b"\0" * cut):
        run = attest_curl("--inspect-document", "-", "--at", "document", input=bent)
        assert run.exit == 112


@pytest.mark.parametrize("kind", ["missing", "directory"])
def test_a_file_that_cannot_be_read_prints_no_json(attest_curl, tmp_path, kind):
    path = tmp_path / kind
    if kind == "directory":
        path.mkdir()
    assert str(path) in attest_curl("--inspect-document", path).refused(2).err


def test_a_file_without_end_is_refused(attest_curl):
    assert "larger" in attest_curl("--inspect-document", "/dev/zero").refused(2).err


# --at


def rfc3339(ms):
    moment = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def test_the_moment_can_be_given_in_each_form(attest_curl, vectors):
    entry = GOOD[0]
    ms = entry["timestamp_ms"]
    for at in (
        str(ms // 1000 + 1),
        rfc3339(ms + 1000) + "Z",
        rfc3339(ms) + f".{ms % 1000:03}Z",
        rfc3339(ms + 1000) + ".5Z",
    ):
        run = attest_curl("--inspect-document", path_of(entry), "--at", at)
        assert run.exit == 0, at
        assert run.json["judged_at"] == at


def test_the_moment_decides(attest_curl, vectors):
    entry = GOOD[0]
    seconds = entry["timestamp_ms"] // 1000
    for at, status in (
        (seconds - 3600, 114),
        (seconds + 3590, 0),
        (seconds + 3610, 114),
        (0, 114),
        (253402300799, 114),
    ):
        run = attest_curl("--inspect-document", path_of(entry), "--at", at)
        assert run.exit == status, at


@pytest.mark.parametrize("at", ["now", "document"])
def test_time_refuses_and_the_claims_stay_authentic(
    attest_curl, running, state, tmp_path, at
):
    """Made in 2096, when its own root has expired: good at no time at all, and
    still the word of whoever signed it."""
    path = tmp_path / "document"
    mint(state, timestamp_ms=4_000_000_000_000, format="raw", out=path)
    line = ["--insecure-nitro-root", running.nitro_root, "--inspect-document", path]
    run = attest_curl(*line, "--at", at)
    assert (run.exit, run.json["step"]) == (114, "time")
    assert run.json["debug"] is False
    assert run.json["document"]["pcrs"]["0"] == running.pcrs["0"]


@pytest.mark.parametrize(
    "at",
    [
        "",
        "yesterday",
        "Now",
        "-1",
        "1.5",
        "1e9",
        "253402300800",
        "9999999999999",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:00+00:00",
        "2024-01-01 00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00.0000Z",
        "2024-01-01T00:00:00ZZ",
        "1969-12-31T23:59:59Z",
    ],
)
def test_a_moment_that_is_none_is_refused(attest_curl, tmp_path, at):
    run = attest_curl("--inspect-document", tmp_path, "--at", at).refused(2)
    assert "--at" in run.err


# Policy


def pcr_options(entry, indices):
    for index in indices:
        value = entry["pcrs_nonzero"].get(str(index), ZERO)
        yield from ("--pcr", f"{index}={value}")


@each([entry for entry in GOOD if not entry["debug_mode"]])
def test_a_document_is_accepted_by_its_own_pcrs_and_no_others(attest_curl, entry):
    path = path_of(entry)
    own = list(pcr_options(entry, (0, 1, 2)))
    run = attest_curl("--verify-document", path, "--at", "document", *own)
    assert run.exit == 0
    found = run.json
    assert found["verdict"] == "accepted"
    assert (found["set_label"], found["set_index"]) == ("", 0)
    timestamp_ms = found["document"]["timestamp_ms"]
    assert found["age_ms"] == 0
    assert timestamp_ms < found["deadline_ms"] <= timestamp_ms + 3_600_000
    later = str(timestamp_ms // 1000 + 10)
    found = attest_curl("--verify-document", path, "--at", later, *own).json
    assert found["age_ms"] == int(later) * 1000 - timestamp_ms
    other = ["--pcr", "0=" + "ab" * 48]
    run = attest_curl("--verify-document", path, "--at", "document", *other)
    assert run.exit == 115
    found = run.json
    assert (found["verdict"], found["step"]) == ("refused", "policy")
    assert "deadline_ms" not in found and "set_index" not in found
    assert entry["pcrs_nonzero"]["0"] in found["message"]
    assert "only if you built it" in found["message"]
    claims_equal(found["document"], entry)


@each([entry for entry in GOOD if entry["debug_mode"]])
def test_a_debug_document_is_accepted_only_when_told(attest_curl, entry):
    path = path_of(entry)
    pcr4 = list(pcr_options(entry, (4,)))
    line = ["--verify-document", path, "--at", "document", *pcr4]
    run = attest_curl(*line)
    assert run.exit == 115
    assert run.json["status"] == "ENCLAVE_CLIENT_ERR_DEBUG"
    assert run.json["debug"] is True
    run = attest_curl(*line, "--insecure-allow-debug")
    assert run.exit == 0
    assert run.json["verdict"] == "accepted"
    assert "--insecure-allow-debug" in run.err


def test_time_comes_before_policy(attest_curl, vectors):
    run = attest_curl("--verify-document", path_of(GOOD[0]), "--pcr", "0=" + "ab" * 48)
    assert run.exit == 114


def test_a_mix_of_two_sets_is_accepted_by_none(attest_curl, vectors, tmp_path):
    entry = next(e for e in GOOD if not e["debug_mode"])
    pcrs = entry["pcrs_nonzero"]
    sets = [
        {"PCR0": pcrs["0"], "PCR1": "ab" * 48, "label": "one"},
        {"PCR0": "ab" * 48, "PCR1": pcrs["1"], "label": "two"},
    ]
    path = tmp_path / "pcrs.json"
    line = ["--verify-document", path_of(entry), "--at", "document", "--pcrs", path]
    path.write_text(json.dumps(sets))
    assert attest_curl(*line).exit == 115
    path.write_text(json.dumps([*sets, {"PCR0": pcrs["0"], "PCR1": pcrs["1"]}]))
    assert attest_curl(*line).exit == 0


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--verify-document", "x"], "needs --pcrs"),
        (["--verify-document", "x", "--enclaves", "y"], "--pcrs or --pcr"),
        (["--inspect-document", "x", "--enclaves", "y"], "--pcrs or --pcr"),
        (["--inspect-document", "x", "--pcr", "0=" + "ab" * 48], "no PCRs"),
        (["--inspect-document", "x", "--pcrs", "y"], "no PCRs"),
        (["--verify-document", "x", "--pcrs", "y", "--pcr", "0=a"], "at once"),
        (["--verify-document", "x", "--pcrs", "missing"], "missing"),
        (["--verify-document", "x", "--pcr", "0=ab"], "PCR0"),
    ],
)
def test_a_mistake_prints_no_json(attest_curl, arguments, sentence):
    assert sentence in attest_curl(*arguments).refused(2).err


def test_real_documents_are_not_the_local_enclaves(attest_curl, vectors, running):
    run = attest_curl(
        "--inspect-document",
        path_of(GOOD[0]),
        "--at",
        "document",
        "--insecure-nitro-root",
        running.nitro_root,
    )
    assert run.exit == 113
    assert run.json["status"] == "ENCLAVE_CLIENT_ERR_ROOT"
    assert "insecure" in run.err


def test_a_verdict_that_cannot_be_written_is_no_success(attest_curl, vectors):
    with open("/dev/full", "wb") as full:
        run = attest_curl(
            "--inspect-document",
            path_of(GOOD[0]),
            "--at",
            "document",
            stdout=full,
        )
    assert run.exit == 23
