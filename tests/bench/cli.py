#!/usr/bin/python3
"""Whole processes, attest-curl beside curl, interleaved: cli_overhead_ratio and
cli_small_ca_ms, a line of JSON each.

    ATTEST_CURL, LOCAL_ENCLAVE_BIN_DIR as for tests/cli
    CLI_BENCH_RUNS   of each program, 200
"""

import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/local_enclave"))

from harness import LocalEnclave  # noqa: E402

BUNDLE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
RUNS = int(os.environ.get("CLI_BENCH_RUNS", "200"))


def spent(command):
    """Seconds of one run, which must go well. Without a timeout: to keep one,
    subprocess looks at 0.5, 1.5, 3.5, 7.5, 15.5 ms... whether it has ended."""
    signal.alarm(60)
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    signal.alarm(0)
    return seconds


def compare(ours, theirs):
    """Medians of interleaved runs, after one of each to warm up."""
    times = ([], [])
    for number in range(RUNS + 1):
        pair = (spent(ours), spent(theirs))
        if number:
            times[0].append(pair[0])
            times[1].append(pair[1])
    return statistics.median(times[0]), statistics.median(times[1])


def figure(name, value, unit):
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit}))


def main():
    program = os.environ["ATTEST_CURL"]
    with tempfile.TemporaryDirectory() as folder:
        state = pathlib.Path(folder) / "state"
        with LocalEnclave.start(state, keep_key=True) as enclave:
            bundle = pathlib.Path(folder) / "bundle.pem"
            ca = pathlib.Path(enclave.web_ca).read_bytes()
            bundle.write_bytes(BUNDLE.read_bytes() + ca)
            ours = [program, "-q", "-s", "--pcr", "0=" + enclave.pcrs["0"]]
            ours += ["--insecure-nitro-root", enclave.nitro_root]
            # Warm after the first run: no evidence GET.
            ours += ["--evidence-store", folder + "/store"]
            theirs = ["curl", "-q", "-s"]
            both = ["-o", "/dev/null", "--cacert", str(bundle), enclave.url]
            mine, curls = compare(ours + both, theirs + both)
            figure("cli_overhead_ratio", mine / curls, "ratio")
            small = ["-o", "/dev/null", "--cacert", enclave.web_ca, enclave.url]
            mine, curls = compare(ours + small, theirs + small)
            figure("cli_small_ca_ms", (mine - curls) * 1000, "ms")


main()
