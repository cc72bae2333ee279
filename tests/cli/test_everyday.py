"""What the everyday options must not do: send a secret too early, leave a file
behind, follow out of the origin; and what errors look like to a machine."""

import json
import subprocess
import time

import pytest

from conftest import Run, clean_environment
from harness import LocalEnclave, mint

MARK = "m4rker"


@pytest.fixture(scope="module")
def impostor(state, running):
    with LocalEnclave.start(state, instance="impostor", relay=running.url) as one:
        yield one


@pytest.fixture
def client_certificate(state, tmp_path):
    prefix = tmp_path / "client"
    mint(state, web_certificate="client.test", out_prefix=prefix)
    return [
        "--cert",
        str(prefix) + ".pem",
        "--key",
        str(prefix) + ".key",
    ]


SECRETS = [
    ["-u", f"{MARK}:{MARK}"],
    ["-b", f"{MARK}={MARK}"],
    ["-A", MARK],
    ["-e", f"https://{MARK}.example/"],
    ["-r", "0-12345"],
    ["-H", f"X-{MARK}: {MARK}"],
    ["-d", MARK],
    ["--json", json.dumps(MARK)],
    ["-F", f"{MARK}={MARK}"],
    ["-G", "-d", MARK],
    ["-I", "-H", f"X: {MARK}"],
    ["-T", "secret"],
    ["-b", "jar"],
    ["--netrc-file", "netrc"],
]


@pytest.mark.parametrize("arguments", SECRETS, ids=" ".join)
def test_an_impostor_gets_nothing_of_any_option(
    attest_curl, impostor, accepted, tmp_path, arguments
):
    (tmp_path / "secret").write_text(MARK)
    (tmp_path / "jar").write_text(f"localhost\tFALSE\t/\tTRUE\t0\t{MARK}\t{MARK}\n")
    (tmp_path / "netrc").write_text(f"machine localhost login {MARK} password x\n")
    impostor.clear_log()
    run = attest_curl("-sS", *accepted, *arguments, impostor.url, cwd=tmp_path)
    run.refused(116)
    received = json.dumps(impostor.log())
    assert MARK not in received
    assert "12345" not in received
    assert not impostor.log("request")


@pytest.mark.parametrize("arguments", SECRETS, ids=" ".join)
def test_evidence_is_asked_for_with_nothing(
    attest_curl, enclave, accepted, tmp_path, arguments
):
    (tmp_path / "secret").write_text(MARK)
    (tmp_path / "jar").write_text(f"localhost\tFALSE\t/\tTRUE\t0\t{MARK}\t{MARK}\n")
    (tmp_path / "netrc").write_text(f"machine localhost login {MARK} password x\n")
    enclave.clear_log()
    run = attest_curl("-sS", *accepted, *arguments, enclave.url, cwd=tmp_path)
    assert run.exit == 0, run.err
    evidence = enclave.log("evidence")
    assert len(evidence) == 1 and MARK not in json.dumps(evidence)
    assert len(enclave.log("request")) == 1


def test_a_client_certificate_is_shown_to_what_is_attested_alone(
    attest_curl, enclave, accepted, client_certificate
):
    enclave.set(ask_client_certificate=True)
    enclave.clear_log()
    run = attest_curl("-sS", *accepted, *client_certificate, enclave.url + "/x")
    assert run.exit == 0, run.err
    shown = {
        item["connection"]: item["client_certificate"]
        for item in enclave.log("handshake")
    }
    evidence = enclave.log("evidence")[0]["connection"]
    request = enclave.log("request")[0]["connection"]
    assert evidence != request
    assert shown[evidence] is None
    assert shown[request]


def test_an_impostor_is_shown_no_client_certificate(
    attest_curl, impostor, accepted, client_certificate
):
    before = impostor.behaviour()
    impostor.set(ask_client_certificate=True)
    impostor.clear_log()
    attest_curl("-sS", *accepted, *client_certificate, impostor.url).refused(116)
    assert all(
        item["client_certificate"] is None for item in impostor.log("handshake")
    )
    impostor.set(**before)


def test_a_key_without_its_certificate_is_refused(
    attest_curl, accepted, client_certificate, enclave
):
    attest_curl(*accepted, *client_certificate[2:], enclave.url).refused(2)


REFUSALS = [
    ({"evidence": "status"}, 111),
    ({"evidence": "truncated"}, 112),
    ({"evidence": "broken-signature"}, 113),
    ({"evidence": "expired"}, 114),
    ({"pcrs": {"0": "bb" * 48}}, 115),
    ({"evidence": "other-key"}, 116),
]


@pytest.mark.parametrize("behaviour, status", REFUSALS, ids=lambda v: str(v))
def test_a_refusal_leaves_no_file(
    attest_curl, enclave, accepted, tmp_path, behaviour, status
):
    enclave.set(**behaviour)
    run = attest_curl(
        "-sS",
        *accepted,
        *("-o", "out", "-D", "heads", "-c", "jar"),
        enclave.url,
        cwd=tmp_path,
    )
    run.refused(status)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "heads").exists()


@pytest.mark.parametrize("behaviour, status", REFUSALS, ids=lambda v: str(v))
def test_an_error_for_machines(attest_curl, enclave, accepted, behaviour, status):
    enclave.set(**behaviour)
    run = attest_curl("-sS", "--json-errors", *accepted, enclave.url)
    assert (run.exit, run.out) == (status, b"")
    found = json.loads(run.err.splitlines()[-1])
    assert found["exit"] == status
    assert found["status"].startswith("ENCLAVE_CLIENT_ERR_")
    assert found["enclave"] == f"localhost:{enclave.port}"
    assert found["message"]
    assert (found["pcr"] is not None) == (status == 115)
    # No age where no authentic document was refused.
    assert (found["age_ms"] is not None) == (status in (114, 115))
    assert (found["deadline_ms"] is not None) == (status == 114)


def test_a_machine_is_told_the_registers(attest_curl, enclave, trust):
    pcrs = ["--pcr", "0=" + "ab" * 48, "--pcr", "8=" + "cd" * 48]
    run = attest_curl("-sS", "--json-errors", *trust, *pcrs, enclave.url)
    found = json.loads(run.err.splitlines()[-1])
    assert found["pcr"] == {
        "index": 0,
        "shown": enclave.pcrs["0"],
        "accepted": ["ab" * 48],
        "accepted_more": False,
    }
    assert abs(found["age_ms"]) < 60_000


def test_a_machine_is_told_no_more_registers_than_fit(
    attest_curl, enclave, trust, tmp_path
):
    values = [f"{i:02x}" * 48 for i in range(1, 10)]
    (tmp_path / "pcrs").write_text(json.dumps([{"PCR0": v} for v in values]))
    line = ["-sS", "--json-errors", *trust, "--pcrs", tmp_path / "pcrs"]
    found = json.loads(attest_curl(*line, enclave.url).err.splitlines()[-1])
    assert found["pcr"]["accepted"] == values[:8]
    assert found["pcr"]["accepted_more"]


def test_a_machine_is_told_when_evidence_ended(attest_curl, enclave, accepted):
    enclave.set(evidence={"mode": "old", "age_ms": 4_000_000})
    run = attest_curl("-sS", "--json-errors", *accepted, enclave.url)
    found = json.loads(run.err.splitlines()[-1])
    assert 4_000_000 <= found["age_ms"] < 4_060_000
    since_ms = time.time() * 1000 - found["deadline_ms"]
    # max_age is an hour.
    assert 390_000 <= since_ms < 460_000


def test_an_error_of_the_line_for_machines(attest_curl):
    run = attest_curl("--json-errors", "--frobnicate")
    found = json.loads(run.err)
    assert (run.exit, found["exit"], found["status"]) == (2, 2, None)


WRONG_BEFORE = [
    (["--frobnicate", "--json-errors"], True),
    (["-W", "--json-errors"], True),
    (["--max-redirs", "99", "-sS", "--json-errors"], True),
    (["-sH", "a: b", "--frobnicate", "--json-errors"], True),
    (["-sHa: b", "--frobnicate", "--json-errors"], True),
    (["--watch", "--json", "--json-errors", "--frobnicate"], True),
    (["--frobnicate", "--json-errors", "--no-json-errors"], False),
    (["--frobnicate", "--", "--json-errors"], False),
    (["--frobnicate", "--header", "--json-errors"], False),
    (["--frobnicate", "-sH", "--json-errors"], False),
    (["--frobnicate", "--json", "--json-errors"], False),
    (["--frobnicate", "-", "json-errors"], False),
]


@pytest.mark.parametrize("line, machine", WRONG_BEFORE, ids=str)
def test_it_counts_wherever_it_stands(attest_curl, line, machine):
    run = attest_curl("-q", *line)
    assert run.exit == 2
    assert run.err.startswith("{") == machine, run.err


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://127.0.0.1:1/",
        "http://localhost/",
        "https://secret.evil.invalid/",
        # What needs no look-up is not connected to either: that would be a 7.
        "https://known.invalid:1/",
    ],
)
def test_a_redirect_elsewhere_is_not_followed(
    attest_curl, enclave, accepted, elsewhere
):
    run = attest_curl(
        "-sSL",
        *accepted,
        *("-u", "me:secret"),
        *("--resolve", "known.invalid:1:127.0.0.1"),
        enclave.url + "/redirect?to=" + elsewhere,
    )
    run.refused(47)
    assert "redirect" in run.err


def test_minus_k_names_the_way_for_those_that_sign_themselves(attest_curl):
    run = attest_curl("-k", "https://127.0.0.1:1/").refused(2)
    assert "--trust attested_key" in run.err and "--cacert" in run.err


def test_retry_tries_so_often(attest_curl, enclave, accepted):
    enclave.clear_log()
    run = attest_curl(
        *accepted,
        *("--retry", "2", "--retry-delay", "0.05", "-f"),
        enclave.url + "/status/503",
    )
    assert run.exit == 22
    assert len(enclave.log("request")) == 3
    assert run.err.count("Will retry") == 2


def test_retry_is_not_for_a_refusal(attest_curl, enclave, trust):
    enclave.clear_log()
    run = attest_curl(
        "-sS", *trust, "--pcr", "0=" + "ab" * 48, "--retry", "3", enclave.url
    )
    run.refused(115)
    assert len(enclave.log("evidence")) == 1


def test_a_retried_file_holds_the_last_answer_alone(
    attest_curl, enclave, accepted, tmp_path
):
    attest_curl(
        "-sS",
        *accepted,
        *("--retry", "1", "--retry-delay", "0.05", "-o", "out"),
        enclave.url + "/status/503",
        cwd=tmp_path,
    )
    text = (tmp_path / "out").read_text()
    assert text.count('"method"') == 1


def test_a_long_transfer_shows_how_far_it_is(attest_curl, enclave, accepted, tmp_path):
    run = attest_curl(
        *accepted,
        *("-o", "out", "--limit-rate", "60k"),
        enclave.url + "/length/150000",
        cwd=tmp_path,
    )
    assert run.exit == 0
    assert "Received" in run.err and "100 " in run.err
    bar = attest_curl(
        *accepted,
        *("-#", "-o", "out", "--limit-rate", "60k"),
        enclave.url + "/length/150000",
        cwd=tmp_path,
    )
    assert "100.0%" in bar.err
    silent = attest_curl(
        "-s",
        *accepted,
        *("-o", "out", "--limit-rate", "60k"),
        enclave.url + "/length/150000",
        cwd=tmp_path,
    )
    assert "Received" not in silent.err


@pytest.mark.parametrize(
    "profile, status", [("evervault", 0), ("nitriding", None), ("nonsense", 2)]
)
def test_a_profile_for_the_line(attest_curl, enclave, accepted, profile, status):
    run = attest_curl("-sS", *accepted, "--profile", profile, enclave.url)
    assert run.exit == status if status is not None else run.exit != 0, run.err


@pytest.mark.parametrize("kind", ["self-signed", "foreign", "wrong-name", "expired"])
def test_the_attested_key_alone_for_the_line(attest_curl, enclave, running, kind):
    enclave.set(web_ca=kind)
    line = ["--insecure-nitro-root", running.nitro_root]
    line += ["--pcr", "0=" + running.pcrs["0"], enclave.url]
    attest_curl(*line).refused(60)
    attest_curl("--trust", "web_pki+attested_key", *line).refused(60)
    run = attest_curl("-sS", "--trust", "attested_key", *line)
    assert run.exit == 0, run.err
    # It is the key that decides, and not nobody.
    enclave.set(evidence={"mode": "other-key"})
    enclave.clear_log()
    attest_curl("--trust", "attested_key", *line).refused(116)
    assert not enclave.log("request")


def test_trust_is_one_of_two_and_a_maps_own(attest_curl, accepted, tmp_path):
    url = "https://127.0.0.1:1/"
    run = attest_curl("--trust", "none", *accepted, url).refused(2)
    assert "web_pki+attested_key" in run.err
    (tmp_path / "map.json").write_text("{}")
    line = ["--enclaves", tmp_path / "map.json", "--trust", "attested_key", url]
    run = attest_curl(*line).refused(2)
    assert "--trust goes with" in run.err and "member trust" in run.err


def test_a_profile_that_is_none_lists_those_that_are(attest_curl, accepted):
    url = "https://127.0.0.1:1/"
    run = attest_curl(*accepted, "--profile", "foo", url).refused(2)
    assert "option --profile: no profile of that name; there are" in run.err
    assert "evervault, nitriding, oyster" in run.err and "enclaves[" not in run.err


def test_a_composed_profile_for_the_line(attest_curl, enclave, accepted):
    composed = '{"name": "evervault", "member": "attestation_doc"}'
    run = attest_curl("-sS", *accepted, "--profile", composed, enclave.url)
    assert run.exit == 0, run.err
    # As the refusal of a bare oyster says.
    oyster = '{"name": "oyster", "key": "p256"}'
    run = attest_curl(*accepted, "--profile", oyster, "https://127.0.0.1:1/")
    assert run.exit != 2, run.err
    run = attest_curl(*accepted, "--profile", '{"name": "x"}', enclave.url).refused(2)
    assert "option --profile.name: " in run.err


@pytest.mark.parametrize("age, status", [("59.9", 2), ("60", 7), ("10803", 7), ("10804", 2)])
def test_the_range_of_max_age(attest_curl, accepted, age, status):
    run = attest_curl("--max-age", age, *accepted, "https://127.0.0.1:1/")
    run.refused(status)
    said = f"option --max-age: expected 60 to 10803 seconds, got {age}"
    assert (said in run.err) == (status == 2)


def test_an_insecure_member_of_a_map_leads_to_the_option(
    attest_curl, enclave, trust, tmp_path
):
    (tmp_path / "map.json").write_text(
        f'{{"enclaves": {{"x": {{"url": "{enclave.url}", "pcrs": {{"PCR0":'
        f' "{enclave.pcrs["0"]}"}}, "insecure_allow_debug": true}}}}}}'
    )
    line = ["--enclaves", tmp_path / "map.json", *trust, enclave.url]
    run = attest_curl(*line).refused(2)
    assert "the line can say --insecure-allow-debug" in run.err
    assert "enclave_client_config" not in run.err


def test_a_store_that_is_a_link_is_said_to_be_one(
    attest_curl, enclave, accepted, tmp_path
):
    (tmp_path / "store").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "store")
    run = attest_curl(*accepted, "--evidence-store", tmp_path / "link", enclave.url)
    assert "link: it is a symbolic link" in run.refused(2).err


def test_errors_for_machines_are_the_lines_that_begin_with_a_brace(
    attest_curl, enclave, trust
):
    line = [*trust, "--pcr", "0=" + "ab" * 48, enclave.url]
    run = attest_curl("--json-errors", *line)
    plain = [x for x in run.err.splitlines() if not x.startswith("{")]
    (error,) = [json.loads(x) for x in run.err.splitlines() if x.startswith("{")]
    assert (run.exit, error["exit"]) == (115, 115)
    assert [x.startswith("attest-curl: insecure: ") for x in plain] == [True]


def test_evidence_that_is_too_old_for_the_line(attest_curl, enclave, accepted):
    enclave.set(evidence={"mode": "old", "age_ms": 120_000})
    good = attest_curl("-sS", *accepted, "--max-age", "600", enclave.url)
    assert good.exit == 0, good.err
    attest_curl("-sS", *accepted, "--max-age", "60", enclave.url).refused(114)


def test_profile_without_pcrs_is_refused(attest_curl, tmp_path):
    (tmp_path / "map.json").write_text("{}")
    run = attest_curl(
        *("--enclaves", tmp_path / "map.json", "--profile", "oyster"),
        "https://127.0.0.1:1/",
    )
    assert run.exit == 2 and "--profile goes with" in run.err


def test_a_warm_store_needs_no_evidence_get(attest_curl, enclave, accepted, tmp_path):
    store = ["--evidence-store", tmp_path / "store"]
    enclave.clear_log()
    for _ in range(2):
        run = attest_curl("-sS", *accepted, *store, enclave.url)
        assert run.exit == 0, run.err
    assert len(enclave.log("evidence")) == 1
    assert len(enclave.log("request")) == 2


def test_what_a_store_holds_is_judged_by_the_policy_of_now(
    attest_curl, enclave, accepted, trust, tmp_path
):
    store = ["--evidence-store", tmp_path / "store"]
    assert attest_curl("-sS", *accepted, *store, enclave.url).exit == 0
    attest_curl(
        "-sS", *trust, "--pcr", "0=" + "ab" * 48, *store, enclave.url
    ).refused(115)


def test_a_store_that_others_can_write_is_refused(
    attest_curl, enclave, accepted, tmp_path
):
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(0o777)
    attest_curl(
        "-sS", *accepted, "--evidence-store", tmp_path / "store", enclave.url
    ).refused(2)


STEPS = ["structure", "chain", "signature", "time", "policy", "binding"]


@pytest.mark.parametrize("verb", [[], ["--show-attestation"]], ids=" ".join)
def test_verbose_shows_each_step(attest_curl, enclave, accepted, verb):
    run = attest_curl("-sv", *accepted, *verb, enclave.url)
    assert run.exit == 0, run.err
    steps = [
        line.split()[3].rstrip(":")
        for line in run.err.splitlines()
        if line.startswith("* attestation: step ")
    ]
    assert steps == STEPS
    assert f"PCR0 {enclave.pcrs['0']}" in run.err
    assert "counts until 20" in run.err


def test_verbose_says_which_step_refused(attest_curl, enclave, accepted):
    enclave.set(evidence="broken-signature")
    run = attest_curl("-sv", *accepted, enclave.url)
    assert run.exit == 113
    assert "* attestation: step structure: passed" in run.err
    assert "* attestation: step signature: refused" in run.err
    assert "step time" not in run.err and "step policy" not in run.err


def test_verbose_says_what_passed_and_how_old_it_is(attest_curl, enclave, accepted):
    enclave.set(evidence={"mode": "old", "age_ms": 4_000_000})
    run = attest_curl("-sSv", *accepted, enclave.url).refused(114)
    (time_line,) = [x for x in run.err.splitlines() if "step time: " in x]
    assert "step signature: passed" in run.err
    assert "step time: refused; made 20" in time_line and "66m ago" in time_line
    assert "step policy" not in run.err


def test_verbose_shows_the_register_that_is_refused(attest_curl, enclave, trust):
    line = ["--pcr", "0=" + "ab" * 48, enclave.url]
    run = attest_curl("-sSv", *trust, *line).refused(115)
    assert "step time: passed; made 20" in run.err
    assert "step policy: refused" in run.err
    assert f"* attestation:   PCR0 {enclave.pcrs['0']}" in run.err
    assert "step binding" not in run.err


def test_verbose_of_a_refused_key_says_nothing_of_other_steps(
    attest_curl, enclave, accepted
):
    enclave.set(evidence={"mode": "other-key"})
    run = attest_curl("-sSv", *accepted, enclave.url).refused(116)
    assert [x.split()[3] for x in run.err.splitlines() if ": step " in x] == [
        "binding:"
    ]


@pytest.mark.parametrize("evidence, status", [("good", 0), ("empty", 111)])
def test_verbose_shows_the_first_connection(
    attest_curl, enclave, accepted, evidence, status
):
    enclave.set(evidence=evidence)
    run = attest_curl("-sv", *accepted, enclave.url)
    assert run.exit == status
    for line in ("* Connected to ", "* SSL connection using TLSv1.3", "*  subject:"):
        assert line in run.err
    # Headers are those of the request alone.
    assert "GET /.well-known/attestation" not in run.err


def test_verbose_says_that_evidence_was_at_hand(
    attest_curl, enclave, accepted, tmp_path
):
    line = ["-sv", *accepted, "--evidence-store", tmp_path / "store", enclave.url]
    assert "evidence is at hand, from the store" not in attest_curl(*line).err
    assert "evidence is at hand, from the store" in attest_curl(*line).err
