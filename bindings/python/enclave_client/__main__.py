"""``python -m enclave_client verify FILE``: judges an attestation document and
prints one JSON object, as ``attest-curl --verify-document`` does."""

import argparse
import datetime
import json
import os
import pathlib
import sys
from typing import Any

from . import (
    Category,
    Document,
    EnclaveClientError,
    Status,
    __version__,
    read_unverified_document,
    verify_document,
)

# Exit statuses are attest-curl's.
_EXITS = {
    Category.NONE: 0,
    Category.USAGE: 2,
    Category.MEMORY: 27,
    Category.MALFORMED: 112,
    Category.UNTRUSTED: 113,
    Category.TIME: 114,
    Category.MEASUREMENT: 115,
    Category.KEY: 116,
}
_EXIT_WRITE = 23
_EXIT_INTERNAL = 43


def _moment(text: str) -> Any:
    if text in ("now", "document"):
        return text
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(
            "expected now, document, seconds since 1970 or an RFC 3339 time"
        )
    return moment


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m enclave_client", description="AWS Nitro Enclaves, attested."
    )
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verify = verbs.add_parser(
        "verify",
        help="judge an attestation document",
        epilog="exit status: 0 verified; 2 usage; 23 standard output; 112 malformed; "
        "113 not authentic; 114 time; 115 measurement",
    )
    verify.add_argument("file", metavar="FILE", help="the document; - for stdin")
    verify.add_argument(
        "--pcrs", metavar="FILE", help="accepted PCR sets, or nitro-cli's output"
    )
    verify.add_argument(
        "--at", type=_moment, default="now", help="now, document, seconds, RFC 3339"
    )
    verify.add_argument(
        "--nitro-root", metavar="NAME", help="aws (default) or aws-us-gov"
    )
    verify.add_argument(
        "--insecure-nitro-root", metavar="FILE", help="PEM instead of AWS's root"
    )
    return parser.parse_args(arguments)


def _shown(document: Document | None) -> dict[str, Any]:
    """Claims stand under "document" only where chain and signature hold."""
    if document is None:
        return {"debug": None, "unverified": {}}
    if document.authentic:
        return {"debug": document.debug, "document": document.fields}
    return {"debug": None, "unverified": document.fields}


def _read(evidence: bytes, options: argparse.Namespace) -> Document | None:
    try:
        return read_unverified_document(
            evidence,
            nitro_root=options.nitro_root,
            insecure_nitro_root=options.insecure_nitro_root,
        )
    except EnclaveClientError:
        return None


def _judge(evidence: bytes, options: argparse.Namespace) -> dict[str, Any]:
    try:
        document = verify_document(
            evidence,
            pcrs=options.pcrs,
            at=options.at,
            nitro_root=options.nitro_root,
            insecure_nitro_root=options.insecure_nitro_root,
        )
    except EnclaveClientError as refusal:
        if refusal.category is Category.USAGE:
            raise
        return {
            "verdict": "refused",
            "status": f"ENCLAVE_CLIENT_ERR_{refusal.status.name}",
            "step": refusal.step.name.lower() if refusal.step else None,
            "message": refusal.message,
            "exit": _EXITS.get(refusal.category, _EXIT_INTERNAL),
            "judged_at": str(options.at),
            **_shown(_read(evidence, options)),
        }
    return {
        "verdict": "authentic" if options.pcrs is None else "accepted",
        "status": f"ENCLAVE_CLIENT_{Status.OK.name}",
        "step": None,
        "message": "success",
        "exit": 0,
        "judged_at": str(options.at),
        **_shown(document),
    }


def _print(verdict: dict[str, Any]) -> int:
    """A verdict that could not be written is no success."""
    status: int = verdict["exit"]
    try:
        print(json.dumps(verdict, indent="\t"), flush=True)
    except OSError as failure:
        # At its end the interpreter flushes what is left, and would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(
            "python -m enclave_client: writing to standard output failed: "
            f"{failure.strerror}",
            file=sys.stderr,
        )
        status = _EXIT_WRITE
    return status


def main(arguments: list[str]) -> int:
    """The exit status."""
    options = _parse(arguments)
    try:
        if options.file == "-":
            evidence = sys.stdin.buffer.read()
        else:
            evidence = pathlib.Path(options.file).read_bytes()
        verdict = _judge(evidence, options)
    except (OSError, EnclaveClientError) as failure:
        print(f"python -m enclave_client: {failure}", file=sys.stderr)
        return _EXITS[Category.USAGE]
    return _print(verdict)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
