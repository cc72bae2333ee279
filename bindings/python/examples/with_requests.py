"""requests, with the gate under it: what it raises is requests' own as well.

    python with_requests.py MAP.json URL [CA-FILE NITRO-ROOT]

The last two are for trying it without Nitro hardware.
"""

import sys

import requests

import enclave_client
from enclave_client.requests import Session


def main() -> int:
    """See the module's text."""
    ca_file, nitro_root = sys.argv[3:] or (None, None)
    with enclave_client.Client(
        sys.argv[1], ca_file=ca_file, insecure_nitro_root=nitro_root
    ) as client, Session(client) as session:
        try:
            answer = session.post(sys.argv[2], json={"amount": 42}, timeout=30)
        except requests.RequestException as refusal:
            print(f"{type(refusal).__name__}: {refusal}", file=sys.stderr)
            return 1
    print(answer.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
