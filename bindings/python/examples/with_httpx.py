"""httpx, with the gate as its transport: what it raises is httpx's own as well.

    python with_httpx.py MAP.json URL [CA-FILE NITRO-ROOT]

The last two are for trying it without Nitro hardware.
"""

import sys

import httpx

import enclave_client
from enclave_client.httpx import Transport


def main() -> int:
    """See the module's text."""
    ca_file, nitro_root = sys.argv[3:] or (None, None)
    with enclave_client.Client(
        sys.argv[1], ca_file=ca_file, insecure_nitro_root=nitro_root
    ) as client, httpx.Client(transport=Transport(client)) as session:
        try:
            answer = session.post(sys.argv[2], json={"amount": 42})
        except httpx.HTTPError as refusal:
            print(f"{type(refusal).__name__}: {refusal}", file=sys.stderr)
            return 1
    print(answer.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
