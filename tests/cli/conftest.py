"""What the tests of attest-curl share.

    ATTEST_CURL             the program
    LOCAL_ENCLAVE_BIN_DIR   local-enclave and mint-document
    ENCLAVE_CLIENT_VECTORS  real documents, with their index.json

A test whose variable is not set is skipped, and says which.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "local_enclave"))

from harness import LocalEnclave  # noqa: E402

TIMEOUT_S = 60
# Whoever runs the tests may have a proxy or a store of his own.
FOREIGN = ("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "SSLKEYLOGFILE")


def clean_environment():
    return {
        name: value
        for name, value in os.environ.items()
        if name not in FOREIGN and not name.lower().endswith("_proxy")
    }


class Run:
    """One finished run: exit status and what it wrote."""

    def __init__(self, process):
        self.exit = process.returncode
        self.out = process.stdout
        self.err = process.stderr.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.out)

    def refused(self, status):
        """Ended with that status and left nothing on standard output."""
        assert (self.exit, self.out) == (status, b""), self.err
        assert f"attest-curl: ({status}) " in self.err
        return self


@pytest.fixture(scope="session")
def program():
    if "ATTEST_CURL" not in os.environ:
        pytest.skip("ATTEST_CURL is not set")
    return os.environ["ATTEST_CURL"]


@pytest.fixture(scope="session")
def attest_curl(program):
    def run(*arguments, program=program, environment=None, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        if "input" in options:
            del options["stdin"]
        return Run(
            subprocess.run(
                [program, *map(str, arguments)],
                stdout=options.pop("stdout", subprocess.PIPE),
                stderr=subprocess.PIPE,
                env={**clean_environment(), **(environment or {})},
                timeout=TIMEOUT_S,
                **options,
            )
        )

    return run


@pytest.fixture(scope="session")
def curl():
    path = shutil.which("curl")
    if not path:
        pytest.skip("there is no curl to compare with")

    def run(*arguments, **options):
        return Run(
            subprocess.run(
                # -q: whoever runs the tests may have a .curlrc.
                [path, "-q", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=clean_environment(),
                timeout=TIMEOUT_S,
                **options,
            )
        )

    return run


# Lines that curl 8.14, Debian 13's, takes otherwise than 7.88, Debian 12's, whose
# way attest-curl keeps.
CURL_8 = {
    ("/a/", "-O"): "takes the name of the folder",
    ("/", "-0"): "wants the end of TLS behind an answer without length",
    ("/", "-d", "", "-d", "x"): "joins nothing and x without an ampersand",
    ("/", "-H", "@headers"): "keeps the CR at the end of a line",
    (
        "/",
        "-x",
        "http://127.0.0.1:1",
        "-w",
        "%{scheme}%{num_headers}%{remote_port}",
    ): "tells a scheme and a port of a connection that never was",
}


def skip_what_curl_8_does_otherwise(curl, path, arguments):
    reason = CURL_8.get((path, *arguments))
    if reason and curl("--version").out.split()[1] >= b"8":
        pytest.skip(f"curl 8 {reason}")


@pytest.fixture(scope="session")
def vectors():
    folder = os.environ.get("ENCLAVE_CLIENT_VECTORS")
    if not folder:
        pytest.skip("ENCLAVE_CLIENT_VECTORS is not set")
    return pathlib.Path(folder)


@pytest.fixture(scope="session")
def state(tmp_path_factory):
    if "LOCAL_ENCLAVE_BIN_DIR" not in os.environ:
        pytest.skip("LOCAL_ENCLAVE_BIN_DIR is not set")
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def running(state):
    with LocalEnclave.start(state) as enclave:
        yield enclave


@pytest.fixture
def enclave(running):
    """The enclave as it behaves when nobody told it otherwise."""
    before = running.behaviour()
    yield running
    running.set(**before)


@pytest.fixture
def trust(running):
    """Options that make the local enclave's roots good."""
    return [
        "--cacert",
        running.web_ca,
        "--insecure-nitro-root",
        running.nitro_root,
    ]


@pytest.fixture
def accepted(running, trust):
    return [*trust, "--pcr", "0=" + running.pcrs["0"]]
