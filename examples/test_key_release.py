#!/usr/bin/python3
"""Runs key_release: who gets the secret, and who does not."""

import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

MINT = Path(os.environ["LOCAL_ENCLAVE_BIN_DIR"]) / "mint-document"
SECRET = b"correct horse battery staple\n"
TIMEOUT_S = 20

# Who asks, with what certificate, and what the vault says of it.
CLIENTS = (
    ("an attested client", ["--service", "cmw"], "released to i-"),
    ("a client without a certificate", None, "refused: "),
    ("a client without a document", [], "carries no attestation document"),
    ("a debug client", ["--service", "cmw", "--debug"], "debug mode"),
    (
        "another build",
        ["--service", "cmw", "--pcr", "0=" + "bb" * 48],
        "event measurement_refused",
    ),
    (
        "a client with expired evidence",
        ["--service", "cmw", "--fault", "expired"],
        "expired",
    ),
    ("an attested client, after all those", ["--service", "cmw"], "released to i-"),
)


def mint(state, name, options):
    """PATHs of a certificate and its key."""
    prefix = state / name
    subprocess.run(
        [MINT, "--state", state, "--web-certificate", "localhost"]
        + ["--out-prefix", prefix, *options],
        check=True,
    )
    return f"{prefix}.pem", f"{prefix}.key"


def ask(port, identity):
    """What the vault hands out, b"" when nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if identity:
        context.load_cert_chain(*identity)
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as plain:
            with context.wrap_socket(plain) as tls:
                return tls.recv(4096)
    except OSError:
        return b""


def write_map(state):
    """A map with one entry, for the builds that the local enclave mints."""
    entry = {
        "url": "https://signer.invalid",
        "profile": "nitro-ra-tls",
        "trust": "attested_key",
        "pcrs": {"PCR0": "a0" * 48},
    }
    path = state / "map.json"
    path.write_text(json.dumps({"enclaves": {"signer": entry}}), encoding="utf-8")
    return path


def main():
    """TAP: a line for each client."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="key-release-") as folder:
        state = Path(folder)
        certificate, key = mint(state, "server", [])
        identities = [
            None if options is None else mint(state, f"client-{number}", options)
            for number, (_, options, _) in enumerate(CLIENTS)
        ]
        vault = subprocess.Popen(
            [sys.argv[1], write_map(state), "signer", certificate, key]
            + [state / "nitro-root.pem"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        port = int(vault.stdout.readline())
        got = [ask(port, identity) for identity in identities]
        _, said = vault.communicate("", timeout=TIMEOUT_S)
    print(f"1..{len(CLIENTS) + 1}")
    for number, (who, _, text) in enumerate(CLIENTS, 1):
        released = text.startswith("released")
        good = got[number - 1] == (SECRET if released else b"") and text in said
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {who}")
    count = said.count("released to i-")
    failed += count != 2 or vault.returncode != 0
    good = count == 2 and vault.returncode == 0
    print(f"{'ok' if good else 'not ok'} {len(CLIENTS) + 1} - two got the secret")
    if failed:
        print("".join(f"# {line}\n" for line in said.splitlines()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
