#!/usr/bin/python3
"""Runs attach_multi and openssl_line: what reaches whom."""

import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

BIN = Path(os.environ["LOCAL_ENCLAVE_BIN_DIR"])
TIMEOUT_S = 60
GOOD = "a0" * 48
OTHER = "bb" * 48


class LineServer:
    """Evidence to whoever asks in HTTP, lines in capitals to everyone else."""

    def __init__(self, state):
        prefix = state / "line"
        run = [BIN / "mint-document", "--state", state]
        subprocess.run(
            [*run, "--web-certificate", "localhost", "--out-prefix", prefix],
            check=True,
        )
        self.evidence = subprocess.run(
            [*run, "--spki-of", f"{prefix}.pem", "--format", "json"],
            check=True,
            capture_output=True,
        ).stdout
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{prefix}.pem", f"{prefix}.key")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lines = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        """A thread for each connection, until the listener is closed."""
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=[plain], daemon=True).start()

    def talk(self, plain):
        """One connection to its end."""
        plain.settimeout(TIMEOUT_S)
        try:
            with self.context.wrap_socket(plain, server_side=True) as tls:
                with tls.makefile("rwb") as stream:
                    self.answer(stream)
        except OSError:
            pass

    def answer(self, stream):
        """Until the client has said everything."""
        for line in stream:
            if line.startswith(b"GET "):
                while stream.readline().strip():
                    pass
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self.evidence)}\r\n"
                stream.write(head.encode() + b"Connection: close\r\n\r\n")
                stream.write(self.evidence)
                stream.flush()
                return
            self.lines.append(line)
            stream.write(line.upper())
            stream.flush()


def write_map(state, name, port, pcr0):
    """A map of one enclave."""
    entry = {"url": f"https://localhost:{port}", "pcrs": {"PCR0": pcr0}}
    path = state / f"{name}-{pcr0[:2]}.json"
    path.write_text(json.dumps({"enclaves": {name: entry}}), encoding="utf-8")
    return path


def say(state, server, pcr0):
    """openssl_line's answer and status."""
    done = subprocess.run(
        [sys.argv[2], write_map(state, "line", server.port, pcr0), "line"]
        + ["localhost", str(server.port), state / "web-ca.pem"]
        + [state / "nitro-root.pem"],
        input="one\ntwo\n",
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    return done.stdout, done.returncode


def fetch(state, port, paths):
    """attach_multi's status."""
    return subprocess.run(
        [sys.argv[1], write_map(state, "http", port, GOOD), state / "web-ca.pem"]
        + [state / "nitro-root.pem"]
        + [f"https://{host}:{port}{path}" for host, path in paths],
        capture_output=True,
        timeout=TIMEOUT_S,
    ).returncode


def check_line(state):
    """Lines reach the attested enclave alone."""
    server = LineServer(state)
    yield say(state, server, GOOD) == ("ONE\nTWO\n", 0), "lines are answered"
    server.lines.clear()
    output, status = say(state, server, OTHER)
    good = not output and status == 1 and not server.lines
    yield good, "another build gets no line"
    server.listener.close()


def check_multi(state):
    """Requests reach the attested enclave alone."""
    with subprocess.Popen(
        [BIN / "local-enclave", "--state", state, "--instance", "http"]
        + ["--exit-with-parent"],
        stdout=subprocess.PIPE,
        text=True,
    ) as enclave:
        ready = json.loads(enclave.stdout.readline())
        log = Path(ready["log"])
        paths = [("localhost", "/a"), ("localhost", "/b")]
        status = fetch(state, ready["port"], paths)
        text = log.read_text(encoding="utf-8")
        good = status == 0 and '"/a"' in text and '"/b"' in text
        yield good, "two transfers at once are attested"
        paths = [("localhost", "/c"), ("127.0.0.1", "/d")]
        status = fetch(state, ready["port"], paths)
        text = log.read_text(encoding="utf-8")
        good = status == 1 and '"/c"' in text and '"/d"' not in text
        yield good, "an origin without a policy gets nothing"
        enclave.terminate()


def main():
    """TAP: a line for each check."""
    failed = 0
    number = 0
    with tempfile.TemporaryDirectory(prefix="own-transports-") as folder:
        for checks in (check_line, check_multi):
            for good, name in checks(Path(folder)):
                number += 1
                failed += not good
                print(f"{'ok' if good else 'not ok'} {number} - {name}")
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
