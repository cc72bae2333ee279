"""A real web server as the enclave: nginx, with evidence as a static file.

nginx refuses port 0, but takes a listening socket that it inherits: its number
stands in the variable NGINX, and `listen` names the same address.
"""

import os
import pathlib
import socket
import subprocess
import time

READY_TIMEOUT_S = 10
STOP_TIMEOUT_S = 10

CONFIG = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        server_name enclave.test;
        ssl_certificate {certificate}.pem;
        ssl_certificate_key {certificate}.key;
        location = /.well-known/attestation {{
            default_type application/json;
            {evidence}
        }}
        location / {{ return 200 "from nginx\\n"; }}
    }}
}}
"""


class Nginx:
    """A running nginx; a context manager, which stops it."""

    def __init__(self, folder, certificate, evidence):
        self.folder = pathlib.Path(folder)
        self.listener = socket.create_server(("127.0.0.1", 0))
        # nginx takes it as it is, and would hang in its second accept.  It
        # listens there only with a master process.
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        config = self.folder / "nginx.conf"
        config.write_text(
            CONFIG.format(
                # The worker must read what the test wrote.
                user="user root;" if os.geteuid() == 0 else "",
                folder=self.folder,
                port=self.port,
                certificate=certificate,
                evidence=evidence,
            )
        )
        number = self.listener.fileno()
        self.process = subprocess.Popen(
            ["nginx", "-p", self.folder, "-c", config],
            pass_fds=[number],
            env={"NGINX": f"{number};", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not (self.folder / "nginx.pid").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                log = self.folder / "error.log"
                raise RuntimeError(log.read_text() if log.exists() else "nginx")
            time.sleep(0.02)

    def requests(self):
        """Request lines that are no evidence GETs, as nginx logged them."""
        log = (self.folder / "access.log").read_text()
        return [
            line for line in log.splitlines() if "/.well-known/" not in line
        ]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.terminate()
        self.process.wait(STOP_TIMEOUT_S)
        self.listener.close()
