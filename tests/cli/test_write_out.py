"""-w: the variables that say under which evidence a request was sent."""

import json
import os
import time

import pytest

NUMBERS = "%{attestation_timestamp_ms} %{attestation_age_ms} %{attestation_deadline_ms}"


def written(attest_curl, arguments, form, url):
    run = attest_curl("-sS", *arguments, "-o", os.devnull, "-w", form, url)
    assert run.exit == 0, run.err
    return run.out.decode()


@pytest.mark.parametrize("index", [0, 1, 2, 3, 8, 15])
def test_each_pcr_of_the_evidence(attest_curl, enclave, accepted, index):
    form = "%{attestation_pcr" + str(index) + "}"
    out = written(attest_curl, accepted, form, enclave.url)
    assert out == enclave.pcrs.get(str(index), "0" * 96)


@pytest.mark.parametrize("index", [16, 31])
def test_a_pcr_that_the_evidence_lacks_is_nothing(
    attest_curl, enclave, accepted, index
):
    form = "[%{attestation_pcr" + str(index) + "}]"
    assert written(attest_curl, accepted, form, enclave.url) == "[]"


@pytest.mark.parametrize("name", ["attestation_pcr32", "attestation_pcr", "attestation_pcr00"])
def test_no_such_pcr_is_an_unknown_variable(attest_curl, enclave, accepted, name):
    run = attest_curl("-sS", *accepted, "-o", os.devnull, "-w", "%{" + name + "}", enclave.url)
    assert (run.exit, run.out) == (0, b"")
    assert f"unknown --write-out variable: '{name}'" in run.err


def test_times_fit_each_other(attest_curl, enclave, accepted):
    before_ms = time.time_ns() // 1_000_000
    timestamp, age, deadline = map(
        int, written(attest_curl, accepted, NUMBERS, enclave.url).split()
    )
    assert abs(timestamp - before_ms) < 60_000
    assert -5_000 <= age < 60_000
    assert timestamp < deadline <= timestamp + 3_600_000


def test_names(attest_curl, enclave, accepted):
    form = "%{attestation_module_id} %{attestation_enclave} %{attestation_set}"
    module, name, place = written(attest_curl, accepted, form, enclave.url).split()
    assert module.startswith("i-0123456789abcdef0-enc")
    assert (name, place) == (f"localhost:{enclave.port}", "1")


def test_a_set_is_named_by_its_label(attest_curl, running, trust, tmp_path):
    path = tmp_path / "pcrs.json"
    path.write_text(
        json.dumps(
            [{"PCR0": "ab" * 48}, {"label": "v1.4", "PCR0": running.pcrs["0"]}]
        )
    )
    out = written(
        attest_curl, [*trust, "--pcrs", path], "%{attestation_set}", running.url
    )
    assert out == "v1.4"


def test_nothing_is_said_of_evidence_that_was_refused(attest_curl, enclave, trust):
    run = attest_curl(
        "-s",
        *trust,
        "--pcr",
        "0=" + "ab" * 48,
        "-w",
        "[%{attestation_pcr0}%{attestation_set}%{attestation_enclave}"
        + NUMBERS.replace(" ", "")
        + "]%{onattested}sent under %{attestation_pcr0}",
        enclave.url,
    )
    assert (run.exit, run.out) == (115, b"[]")


def test_onattested_shows_the_rest_of_what_was_sent(attest_curl, enclave, accepted):
    form = "a%{onattested}b%{onerror}c"
    assert written(attest_curl, accepted, form, enclave.url) == "ab"


@pytest.mark.parametrize("name", ["json", "header_json", "certs", "url.host"])
def test_a_variable_of_curls_alone_is_no_slip(attest_curl, enclave, accepted, name):
    form = "[%{" + name + "}]"
    run = attest_curl("-sS", *accepted, "-o", os.devnull, "-w", form, enclave.url)
    assert (run.exit, run.out) == (0, b"[]")
    assert f"variable '{name}' is curl's and not here" in run.err


def test_ports_are_those_of_the_connection(attest_curl, enclave, accepted):
    out = written(attest_curl, accepted, "%{remote_port} %{local_port}", enclave.url)
    remote, local = map(int, out.split())
    assert remote == enclave.port and 0 < local < 65536 and local != remote


def test_the_time_of_redirects(attest_curl, enclave, accepted):
    line = ["-L", *accepted]
    url = enclave.url + "/redirect?to=/x"
    assert float(written(attest_curl, line, "%{time_redirect}", url)) > 0
