"""nginx as an enclave that speaks HTTP/2, with a document minted for its key."""

import json
import os
import signal
import socket
import subprocess
import time

from harness import mint

READY_TIMEOUT_S = 20

CONFIG = """
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    log_format lines '$request_method $request_uri $server_protocol';
    access_log {folder}/access.log lines;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {folder}/web.pem;
        ssl_certificate_key {folder}/web.key;
        location = /.well-known/attestation {{ alias {folder}/evidence.json; }}
        location / {{ return 200 "hello"; }}
    }}
}}
"""


class Nginx:
    """Inherits its listener: it can't pick a port by itself."""

    def __init__(self, state, enclave, folder):
        self.folder = folder
        mint(state, web_certificate="localhost", out_prefix=folder / "web")
        evidence = mint(
            state, spki_of=folder / "web.pem", pcr=enclave.pcrs, format="json"
        )
        json.loads(evidence)
        (folder / "evidence.json").write_bytes(evidence)
        self._listener = socket.create_server(("127.0.0.1", 0))
        # nginx takes it as it is, and would hang in its second accept. It
        # listens there only with a master process.
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self.url = f"https://localhost:{self.port}"
        text = CONFIG.format(
            folder=folder,
            port=self.port,
            # The worker must read what the test wrote.
            user="user root;" if os.geteuid() == 0 else "",
        )
        (folder / "nginx.conf").write_text(text)

    def __enter__(self):
        descriptor = self._listener.fileno()
        self._process = subprocess.Popen(
            [
                "/usr/sbin/nginx",
                *("-p", self.folder, "-c", self.folder / "nginx.conf"),
                *("-e", self.folder / "error.log"),
            ],
            env={**os.environ, "NGINX": f"{descriptor};"},
            pass_fds=[descriptor],
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + READY_TIMEOUT_S
        while not (self.folder / "pid").exists():
            assert self._process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self._listener.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def requests(self):
        """Lines of the access log so far."""
        path = self.folder / "access.log"
        return path.read_text().splitlines(True) if path.exists() else []
