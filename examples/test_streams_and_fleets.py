#!/usr/bin/python3
"""Runs streaming_events and many_enclaves: what reaches whom."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "local_enclave"))
from harness import LocalEnclave  # noqa: E402

TIMEOUT_S = 60
OTHER = "bb" * 48
QUESTION = '{"stream": true, "prompt": "why?"}'
EVENTS = "".join(f"event {n}\n" for n in range(1, 6))


def write_map(state, name, enclaves, pcr0=None):
    """A map of these enclaves by their names, as the first one measures."""
    first = next(iter(enclaves.values()))
    entries = {
        key: {"url": enclave.url, "pcrs": {"PCR0": pcr0 or first.pcrs["0"]}}
        for key, enclave in enclaves.items()
    }
    path = state / f"{name}.json"
    path.write_text(json.dumps({"enclaves": entries}), encoding="utf-8")
    return path


def run(program, words, enclave, text=""):
    """What the program says, and how it ends."""
    return subprocess.run(
        [program, *words, enclave.web_ca, enclave.nitro_root],
        input=text,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def paths(enclave):
    """What was asked of an enclave, beside its evidence."""
    return [event["path"] for event in enclave.log("request")]


def check_events(state, good, _other):
    """Events are shown; another build hears no question."""
    accepted = write_map(state, "events", {"model": good})
    done = run(sys.argv[1], [accepted, "model", "/sse"], good, QUESTION)
    yield (done.stdout, done.returncode) == (EVENTS, 0), "events are shown"
    bodies = [event["body"] for event in good.log("request")]
    yield bodies == [QUESTION], "the question arrives"
    done = run(sys.argv[1], [accepted, "model", "/status/503"], good, QUESTION)
    yield done.returncode == 1 and "503" in done.stderr, "a refusal is told"
    done = run(sys.argv[1], [accepted, "model", "/cut"], good, QUESTION)
    yield done.returncode == 1, "a stream that is cut off is a failure"
    good.clear_log()
    refused = write_map(state, "refused", {"model": good}, OTHER)
    done = run(sys.argv[1], [refused, "model", "/sse"], good, QUESTION)
    silent = not done.stdout and done.returncode == 1 and not paths(good)
    yield silent, "another build hears no question"


def check_fleet(state, good, other):
    """Each attested enclave is asked; the rest are named."""
    alone = write_map(state, "alone", {"one": good})
    done = run(sys.argv[2], [alone, "/all"], good)
    yield done.returncode == 0, "a fleet that is attested is a success"
    both = write_map(state, "both", {"one": good, "two": other})
    done = run(sys.argv[2], [both, "/fleet"], good)
    lines = done.stdout.splitlines()
    yield done.returncode == 1, "one that is not attested is a failure"
    good_line = lines[0].startswith("one attested until ")
    yield good_line and lines[0].endswith("HTTP 200"), "the attested one answers"
    yield lines[1].startswith("two refused: "), "the other is named, with why"
    yield "/fleet" in paths(good) and not paths(other), "and gets nothing"
    metric = 'enclave_client_attested{enclave="two"} 0'
    yield metric in lines, "the metrics say the same"


def main():
    """TAP: a line for each check."""
    failed = 0
    number = 0
    with contextlib.ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        enclaves = [
            stack.enter_context(LocalEnclave.start(state, **options))
            for options in (
                {"instance": "good"},
                {"instance": "other", "pcr": {0: OTHER}},
            )
        ]
        for checks in (check_events, check_fleet):
            for enclave in enclaves:
                enclave.clear_log()
            for good, name in checks(state, *enclaves):
                number += 1
                failed += not good
                print(f"{'ok' if good else 'not ok'} {number} - {name}")
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
