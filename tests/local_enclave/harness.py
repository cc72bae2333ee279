"""For tests in Python: a local enclave as a process of its own."""

import json
import os
import pathlib
import select
import subprocess
import time
import urllib.request

READY_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10


def binary(name):
    """The path of local-enclave or mint-document; KeyError when unknown."""
    return pathlib.Path(os.environ["LOCAL_ENCLAVE_BIN_DIR"]) / name


def _arguments(options):
    """host=["a", "b"], debug=True, pcr={8: "..."} as command line options."""
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            yield option
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from (option, f"{key}={item}")
        elif isinstance(value, (list, tuple)):
            for item in value:
                yield from (option, str(item))
        elif value is not None and value is not False:
            yield from (option, str(value))


def mint(state, **options):
    """Runs mint-document and returns what it wrote on standard output."""
    command = [binary("mint-document"), "--state", state, *_arguments(options)]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, timeout=30
    ).stdout


class LocalEnclave:
    """A running local-enclave. Also a context manager, which stops it."""

    def __init__(self, process, ready):
        self.process = process
        self.ready = ready
        self.port = ready["port"]
        self.pid = ready["pid"]
        self.url = f"https://localhost:{self.port}"
        self.web_ca = ready["web_ca"]
        self.nitro_root = ready["nitro_root"]
        self.pcrs = ready["pcrs"]

    @classmethod
    def start(cls, state, **options):
        """state: a folder; options: those of local-enclave, - written _."""
        process = subprocess.Popen(
            [
                binary("local-enclave"),
                "--exit-with-parent",
                "--state",
                str(state),
                *_arguments(options),
            ],
            stdout=subprocess.PIPE,
        )
        readable, _, _ = select.select([process.stdout], [], [], READY_TIMEOUT_S)
        line = process.stdout.readline() if readable else b""
        process.stdout.close()
        if not line:
            process.kill()
            process.wait()
            raise RuntimeError("the local enclave did not start")
        return cls(process, json.loads(line))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _control(self, method, path, settings=None):
        body = json.dumps(settings).encode() if settings is not None else b""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ready['control_port']}{path}",
            data=None if method == "GET" else body,
            method=method,
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return answer.read()

    def set(self, **behaviour):
        """Merges settings into the behaviour and returns the whole of it."""
        return json.loads(self._control("PUT", "/behaviour", behaviour))

    def behaviour(self):
        return json.loads(self._control("GET", "/behaviour"))

    def rotate_key(self):
        """A new key for new connections; returns its SPKI's SHA-256."""
        return json.loads(self._control("POST", "/rotate-key"))["spki_sha256"]

    def renegotiate(self):
        """How many TLS 1.2 connections were asked to."""
        return json.loads(self._control("POST", "/renegotiate"))["asked"]

    def log(self, event=None):
        """The ground truth so far, or its events of one name."""
        lines = pathlib.Path(self.ready["log"]).read_bytes().splitlines(True)
        events = [json.loads(line) for line in lines if line.endswith(b"\n")]
        return [item for item in events if event in (None, item["event"])]

    def clear_log(self):
        """Forgets the ground truth so far."""
        self._control("DELETE", "/log")

    def wait_for(self, event, count=1, timeout_s=10):
        """Waits for so many events of that name and returns them."""
        end = time.monotonic() + timeout_s
        while len(self.log(event)) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{event}: {len(self.log(event))} of {count}")
            time.sleep(0.005)
        return self.log(event)

    def stop(self):
        """Ends the process and returns its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode
