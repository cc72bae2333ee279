#!/usr/bin/python3
"""Requests of the Python package beside plain requests, interleaved, each on a
connection that is kept: python_adapter_ratio and python_client_ratio, a line of
JSON each.

    PYTHONPATH               the package that was built
    LOCAL_ENCLAVE_BIN_DIR    as for tests/python
    PYTHON_BENCH_ROUNDS      40, of 100 requests each
"""

import json
import os
import pathlib
import statistics
import sys
import tempfile
import time
import warnings

import requests

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/local_enclave"))

import enclave_client  # noqa: E402
from enclave_client.requests import Session  # noqa: E402
from harness import LocalEnclave  # noqa: E402

ROUNDS = int(os.environ.get("PYTHON_BENCH_ROUNDS", "40"))
REQUESTS = 100


def spent(get, url):
    """Seconds of one request, the mean of a round."""
    start = time.perf_counter()
    for _ in range(REQUESTS):
        answer = get(url)
        assert answer.status_code == 200 and answer.content
    return (time.perf_counter() - start) / REQUESTS


def figure(name, value):
    print(json.dumps({"name": name, "value": round(value, 3), "unit": "ratio"}))


def compare(gets, url):
    """Each one's seconds, round by round, after a round to warm up."""
    times = [[] for _ in gets]
    for number in range(ROUNDS + 1):
        for get, mine in zip(gets, times):
            seconds = spent(get, url)
            if number:
                mine.append(seconds)
    return times


def ratio(ours, theirs):
    """Of neighbouring rounds, so that both met the same machine."""
    return statistics.median(a / b for a, b in zip(ours, theirs))


def main():
    warnings.simplefilter("ignore", enclave_client.InsecureWarning)
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalEnclave.start(pathlib.Path(folder) / "state") as enclave,
        enclave_client.Client(
            {f"localhost:{enclave.port}": {"PCR0": enclave.pcrs["0"]}},
            ca_file=enclave.web_ca,
            insecure_nitro_root=enclave.nitro_root,
        ) as client,
        Session(client) as attested,
        requests.Session() as plain,
    ):
        plain.verify = enclave.web_ca
        url = enclave.url + "/hello"
        times = compare((attested.get, client.get, plain.get), url)
        figure("python_adapter_ratio", ratio(times[0], times[2]))
        figure("python_client_ratio", ratio(times[1], times[2]))


main()
