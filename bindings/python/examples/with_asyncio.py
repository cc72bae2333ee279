"""asyncio: several requests at once; one that is refused stops none of them.

    python with_asyncio.py MAP.json URL [CA-FILE NITRO-ROOT]

The last two are for trying it without Nitro hardware.
"""

import asyncio
import sys

import enclave_client

REQUESTS = 3


async def ask() -> int:
    """Sends them all, and waits for all."""
    ca_file, nitro_root = sys.argv[3:] or (None, None)
    async with enclave_client.AsyncClient(
        sys.argv[1], ca_file=ca_file, insecure_nitro_root=nitro_root
    ) as client:
        answers = await asyncio.gather(
            *(client.get(f"{sys.argv[2]}?n={n}") for n in range(REQUESTS)),
            return_exceptions=True,
        )
    failed = 0
    for answer in answers:
        if isinstance(answer, enclave_client.EnclaveClientError):
            print(f"{answer.status.name}: {answer}", file=sys.stderr)
            failed = 1
        elif isinstance(answer, BaseException):
            raise answer
        else:
            print(answer.text)
    return failed


if __name__ == "__main__":
    sys.exit(asyncio.run(ask()))
