"""The examples of bindings/python/examples: what they send, and to whom."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from conftest import OTHER_PCR, map_of, nothing_is_sent

SOURCE = os.environ.get("ENCLAVE_CLIENT_PYTHON_SOURCE")
if not SOURCE:
    pytest.skip("ENCLAVE_CLIENT_PYTHON_SOURCE is not set", allow_module_level=True)
EXAMPLES = pathlib.Path(SOURCE) / "examples"
# How many requests each sends.
REQUESTS = {
    "minimal": 1,
    "with_requests": 1,
    "with_httpx": 1,
    "with_asyncio": 3,
}


def run(name, enclave, map_file):
    if name in ("with_requests", "with_httpx"):
        pytest.importorskip(name.removeprefix("with_"))
    return subprocess.run(
        [sys.executable, "-B", EXAMPLES / f"{name}.py", map_file,
         enclave.url + "/hello", enclave.web_ca, enclave.nitro_root],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )


def test_no_example_is_left_out():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(REQUESTS)


@pytest.mark.parametrize("name", REQUESTS)
def test_an_attested_enclave_is_asked(name, enclave, tmp_path):
    (tmp_path / "enclaves.json").write_text(json.dumps(map_of(enclave)))
    answer = run(name, enclave, tmp_path / "enclaves.json")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count('"method"') == REQUESTS[name]
    assert len(enclave.log("request")) == REQUESTS[name]


@pytest.mark.parametrize("name", REQUESTS)
def test_another_build_is_told_nothing(name, enclave, tmp_path):
    (tmp_path / "enclaves.json").write_text(json.dumps(map_of(enclave, OTHER_PCR)))
    with nothing_is_sent(enclave):
        answer = run(name, enclave, tmp_path / "enclaves.json")
    assert answer.returncode == 1
    assert "PCR0" in answer.stderr
