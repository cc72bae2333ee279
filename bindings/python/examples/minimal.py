"""The least program: one request to one enclave, or the reason why not.

    python minimal.py MAP.json URL [CA-FILE NITRO-ROOT]

The last two are for trying it without Nitro hardware.
"""

import sys

import enclave_client


def main() -> int:
    """See the module's text."""
    ca_file, nitro_root = sys.argv[3:] or (None, None)
    with enclave_client.Client(
        sys.argv[1], ca_file=ca_file, insecure_nitro_root=nitro_root
    ) as client:
        try:
            answer = client.get(sys.argv[2])
        except enclave_client.EnclaveClientError as refusal:
            print(f"{refusal.status.name}: {refusal}", file=sys.stderr)
            return 1
    print(answer.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
