"""Documents judged without any network; python -m enclave_client."""

import base64
import datetime
import json
import subprocess
import sys

import pytest

import enclave_client
from conftest import OTHER_PCR
from enclave_client import read_unverified_document, verify_document
from harness import mint


@pytest.fixture(scope="module")
def root(running):
    return running.nitro_root


@pytest.fixture(scope="module")
def evidence(state, running):
    return mint(state, user_data="0102", public_key="", nonce="null", pcr=running.pcrs)


def test_what_a_document_says(evidence, root, running):
    document = verify_document(evidence, insecure_nitro_root=root)
    assert document.authentic and document.insecure and not document.debug
    assert document.pcrs == {int(n): value for n, value in running.pcrs.items()}
    assert (document.user_data, document.public_key) == (b"\1\2", b"")
    assert document.nonce is None
    assert (document.enclave, document.set_label, document.set_index) == ("", None, None)
    assert document.fields["chain"][0]["subject"]
    assert document.timestamp < document.deadline


def test_the_root_is_named(evidence):
    with pytest.raises(enclave_client.UntrustedEvidence, match="root"):
        verify_document(evidence, nitro_root="aws-us-gov")
    for call in (verify_document, read_unverified_document):
        with pytest.raises(enclave_client.ConfigError, match="aws-us-gov"):
            call(evidence, nitro_root="mars")
    with pytest.raises(enclave_client.ConfigError, match="aws-us-gov"):
        enclave_client.Client({"h.example": {"PCR0": OTHER_PCR}}, nitro_root="mars")


def forms(evidence):
    text = base64.b64encode(evidence)
    return [
        evidence,
        text,
        text.decode(),
        evidence.hex(),
        json.dumps({"attestation_doc": text.decode()}),
    ]


@pytest.mark.parametrize("form", range(5))
def test_each_form_of_evidence(evidence, root, form):
    assert verify_document(forms(evidence)[form], insecure_nitro_root=root).authentic


NITRO_CLI = {"HashAlgorithm": "Sha384 { ... }"}


def test_measurements(evidence, root, running, tmp_path):
    good = {"PCR0": running.pcrs["0"]}
    path = tmp_path / "pcrs.json"
    path.write_text(json.dumps({"Measurements": {**NITRO_CLI, **good}}))
    for pcrs in (good, [{"PCR0": OTHER_PCR}, good], path, str(path)):
        document = verify_document(evidence, pcrs=pcrs, insecure_nitro_root=root)
        assert document.set_index is not None
    map = {"shop.example": good}
    document = verify_document(
        evidence, map=map, enclave="shop.example", insecure_nitro_root=root
    )
    assert document.enclave == "shop.example"
    with pytest.raises(enclave_client.MeasurementRefused, match="PCR0") as caught:
        verify_document(evidence, pcrs={"PCR0": OTHER_PCR}, insecure_nitro_root=root)
    assert caught.value.step is enclave_client.Step.POLICY


FAULTS = [
    ("broken-signature", enclave_client.UntrustedEvidence, "SIGNATURE"),
    ("foreign-root", enclave_client.UntrustedEvidence, "CHAIN"),
    ("expired", enclave_client.EvidenceTimeError, "TIME"),
    ("future", enclave_client.EvidenceTimeError, "TIME"),
    ("truncated", enclave_client.MalformedEvidence, "STRUCTURE"),
]


@pytest.mark.parametrize("fault, kind, step", FAULTS)
def test_faults(state, root, fault, kind, step):
    evidence = mint(state, fault=fault)
    with pytest.raises(kind) as caught:
        verify_document(evidence, insecure_nitro_root=root)
    assert caught.value.step.name == step


@pytest.mark.parametrize("evidence", [b"", b"\0", "not evidence", b"{}", b"\xff" * 99999])
def test_what_is_no_evidence(evidence):
    with pytest.raises(enclave_client.MalformedEvidence):
        verify_document(evidence)


def test_aws_root_refuses_the_local_enclave(evidence):
    with pytest.raises(enclave_client.UntrustedEvidence):
        verify_document(evidence)
    document = read_unverified_document(evidence)
    assert not document.authentic and document.pcrs


def test_moments(state, root):
    evidence = mint(state, timestamp_ms=1_700_000_000_000)
    with pytest.raises(enclave_client.EvidenceTimeError):
        verify_document(evidence, insecure_nitro_root=root)
    moment = datetime.datetime.fromtimestamp(1_700_000_010, datetime.timezone.utc)
    for at in ("document", 1_700_000_010, moment):
        assert verify_document(evidence, at=at, insecure_nitro_root=root).authentic
    for at in ("yesterday", datetime.datetime(2023, 11, 14)):
        with pytest.raises(enclave_client.UsageError):
            verify_document(evidence, at=at, insecure_nitro_root=root)


def test_arguments_that_contradict(evidence):
    for options in ({"pcrs": {}, "map": {}}, {"map": {}}, {"enclave": "name"}):
        with pytest.raises(enclave_client.UsageError):
            verify_document(evidence, **options)


def test_a_debug_document_says_so(state, root):
    evidence = mint(state, debug=True)
    assert verify_document(evidence, insecure_nitro_root=root).debug
    with pytest.raises(enclave_client.MeasurementRefused):
        verify_document(evidence, pcrs={"PCR4": OTHER_PCR}, insecure_nitro_root=root)


def run(*arguments, given=None):
    process = subprocess.run(
        [sys.executable, "-B", "-m", "enclave_client", *map(str, arguments)],
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    return process.returncode, process.stdout, process.stderr


@pytest.fixture
def file(evidence, tmp_path):
    path = tmp_path / "document"
    path.write_bytes(evidence)
    return path


def test_the_command_verifies(file, evidence, root, running, tmp_path):
    pcrs = tmp_path / "pcrs.json"
    trust = ["--insecure-nitro-root", root]
    code, out, err = run("verify", file, *trust)
    assert (code, json.loads(out)["verdict"]) == (0, "authentic")
    assert b"InsecureWarning" in err
    code, out, _ = run("verify", "-", *trust, given=evidence)
    assert json.loads(out)["document"]["user_data"] == "0102"
    pcrs.write_text(json.dumps({"PCR0": running.pcrs["0"]}))
    code, out, _ = run("verify", file, "--pcrs", pcrs, *trust)
    assert (code, json.loads(out)["verdict"]) == (0, "accepted")
    pcrs.write_text(json.dumps({"PCR0": OTHER_PCR}))
    code, out, _ = run("verify", file, "--pcrs", pcrs, *trust)
    verdict = json.loads(out)
    assert (code, verdict["verdict"], verdict["step"]) == (115, "refused", "policy")
    assert verdict["status"] == "ENCLAVE_CLIENT_ERR_MEASUREMENT"


def test_the_command_shows_no_claims_as_facts(file):
    code, out, _ = run("verify", file)
    verdict = json.loads(out)
    assert code == verdict["exit"] == 113
    assert "document" not in verdict and verdict["unverified"]["pcrs"]


USAGE = [
    (),
    ("verify",),
    ("verify", "no-such-file"),
    ("verify", "/dev/null", "--at", "yesterday"),
    ("verify", "/dev/null", "--at", "nan"),
    ("verify", "/dev/null", "--at", "inf"),
    ("verify", "/dev/null", "--at", "1e30"),
    # INT64_MIN milliseconds: to C that is now.
    ("verify", "/dev/null", "--at=-9223372036854775.808"),
    ("verify", "/dev/null", "--pcrs", "no-such-file"),
]


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_the_commands_usage(arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, b"") and err


def test_a_verdict_that_cannot_be_written_is_no_success(file, root):
    command = f"{sys.executable} -B -W ignore -m enclave_client verify "
    command += f"{file} --insecure-nitro-root {root}"
    for ending in (" | true; exit ${PIPESTATUS[0]}", " >/dev/full"):
        answer = subprocess.run(
            ["bash", "-c", command + ending],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )
        assert answer.returncode == 23
        said = "python -m enclave_client: writing to standard output failed: "
        (line,) = answer.stderr.splitlines()
        assert line.startswith(said)


def test_the_command_on_bytes_that_are_nothing(tmp_path):
    path = tmp_path / "document"
    path.write_bytes(b"\0\1")
    code, out, _ = run("verify", path)
    assert (code, json.loads(out)["unverified"]) == (112, {})
