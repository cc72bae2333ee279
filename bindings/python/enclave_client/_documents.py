"""Attestation documents as data, and judging one without any network."""

import dataclasses
import datetime
import json
import os
from typing import Any

from ._config import Map, Settings
from ._errors import ErrorSlot, Status, UsageError, c_text, text
from ._native import ffi, lib

# The hypervisor signs PCR0 to 31 at most (AWS Nitro Enclaves, 2.2).
_PCRS_MAX = 32

_UTC = datetime.timezone.utc


def _moment(milliseconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(milliseconds / 1000, _UTC)


@dataclasses.dataclass(frozen=True)
class Attestation:
    """What the hypervisor signed, as it was judged. A plain value: it holds
    nothing of the client's."""

    #: The enclave's name in the map; "" where none was asked.
    enclave: str
    #: The enclave's own id, as "i-...-enc...".
    module_id: str
    #: PCR index to 96 hexadecimal digits.
    pcrs: dict[int, str]
    #: When the document was made; aware, UTC.
    timestamp: datetime.datetime
    #: When it stops counting: certificates, age, the accepted set's own end.
    deadline: datetime.datetime
    #: Label of the accepted PCR set that matched: "" when it has none, None
    #: when no policy was asked.
    set_label: str | None
    #: That set's place in the list, from 0; None when no policy was asked.
    set_index: int | None
    #: Judged under a switch that has "insecure" in its name.
    insecure: bool
    #: PCR0, 1 and 2 are zero: the operator can read the enclave's memory.
    debug: bool


@dataclasses.dataclass(frozen=True)
class Document(Attestation):
    """A document that was judged by itself, with everything it holds."""

    #: Chain and signature hold.
    authentic: bool
    #: None: absent. b"": there and empty.
    public_key: bytes | None
    user_data: bytes | None
    nonce: bytes | None
    #: The library's JSON of it, certificates included.
    fields: dict[str, Any]


def _pcrs(document: Any) -> dict[int, str]:
    found = {}
    for index in range(_PCRS_MAX):
        value = lib.enclave_client_document_pcr(document, index)
        if value:
            found[index] = text(value)
    return found


def _values(document: Any, enclave: str) -> dict[str, Any]:
    label = lib.enclave_client_document_set_label(document)
    index = lib.enclave_client_document_set_index(document)
    return {
        "enclave": enclave,
        "module_id": text(lib.enclave_client_document_module_id(document)),
        "pcrs": _pcrs(document),
        "timestamp": _moment(lib.enclave_client_document_timestamp_ms(document)),
        "deadline": _moment(lib.enclave_client_document_deadline_ms(document)),
        "set_label": text(label) if label else None,
        "set_index": index if index >= 0 else None,
        "insecure": lib.enclave_client_document_insecure(document),
        "debug": lib.enclave_client_document_debug(document),
    }


def read_attestation(document: Any, enclave: str) -> Attestation:
    """Copies what a borrowed C document says."""
    return Attestation(**_values(document, enclave))


def _bytes(fields: dict[str, Any], name: str) -> bytes | None:
    value = fields.get(name)
    return None if value is None else bytes.fromhex(value)


def read_document(document: Any, enclave: str) -> Document:
    """The same with everything else."""
    rendered = lib.enclave_client_document_json(document)
    if not rendered:
        raise MemoryError
    fields = json.loads(text(ffi.gc(rendered, lib.free)))
    return Document(
        **_values(document, enclave),
        authentic=lib.enclave_client_document_authentic(document),
        public_key=_bytes(fields, "public_key"),
        user_data=_bytes(fields, "user_data"),
        nonce=_bytes(fields, "nonce"),
        fields=fields,
    )


At = datetime.datetime | float | str

# Seconds whose milliseconds C's int64_t holds, with room to spare.
_AT_MAX_S = 1e15


def _judged_at_ms(at: At) -> int:
    if isinstance(at, datetime.datetime):
        if at.tzinfo is None:
            raise UsageError("at: a datetime needs a time zone", status=Status.USAGE)
        return int(at.timestamp() * 1000)
    if isinstance(at, str):
        words = {
            "now": lib.ENCLAVE_CLIENT_AT_NOW,
            "document": lib.ENCLAVE_CLIENT_AT_DOCUMENT,
        }
        if at not in words:
            raise UsageError(
                'at: "now", "document", seconds or a datetime', status=Status.USAGE
            )
        number: int = words[at]
        return number
    # Neither what C has no number for, nor the two that are words to it.
    if not abs(at) < _AT_MAX_S:
        raise UsageError(f"at: {at} is no moment", status=Status.USAGE)
    return int(at * 1000)


class _Evidence:
    """The C struct and what it borrows."""

    def __init__(self, evidence: bytes | str, at: At) -> None:
        data = evidence.encode() if isinstance(evidence, str) else evidence
        self._buffer = ffi.from_buffer(data)
        self.pointer = ffi.new("struct enclave_client_evidence *")
        self.pointer.data = self._buffer
        self.pointer.len = len(data)
        self.pointer.judged_at_ms = _judged_at_ms(at)


# What PCR sets alone are called, where a document is judged against them.
_NAME = "document"


def verify_document(
    evidence: bytes | str,
    *,
    pcrs: Any = None,
    map: Map | None = None,
    enclave: str | None = None,
    at: At = "now",
    nitro_root: str | None = None,
    insecure_allowed: bool = False,
    insecure_allow_debug: bool = False,
    insecure_nitro_root: str | os.PathLike[str] | bytes | None = None,
) -> Document:
    """Judges a document without any network: structure, chain, signature,
    time; and the measurements, where ``pcrs`` (sets alone, also a file's path
    or what nitro-cli printed) or ``map`` with ``enclave`` say which.

    ``evidence``: COSE_Sign1, base64 or hex of it, or an endpoint's JSON.
    ``at``: "now", "document" (its own timestamp), seconds since 1970 or an
    aware datetime; any but "now" is a replay.  Without measurements a debug
    document passes: look at ``.debug``.

    Raises the exception of the first step that refused.
    """
    if pcrs is not None and map is not None:
        raise UsageError("pcrs or map, not both", status=Status.USAGE)
    if (map is None) != (enclave is None):
        raise UsageError("map and enclave go together", status=Status.USAGE)
    settings = Settings(
        nitro_root=nitro_root,
        insecure_allowed=insecure_allowed,
        insecure_allow_debug=insecure_allow_debug,
        insecure_nitro_root=insecure_nitro_root,
    )
    settings.warn()
    if pcrs is not None:
        enclave = _NAME
        config = settings.config(pcrs, url=f"https://{_NAME}.invalid", name=_NAME)
    else:
        config = settings.config(map)
    given = _Evidence(evidence, at)
    error = ErrorSlot()
    ret_document = ffi.new("struct enclave_client_document **")
    error.check(
        lib.enclave_client_document_verify(
            config,
            c_text(enclave, "enclave") if enclave is not None else ffi.NULL,
            given.pointer,
            ret_document,
            error.pointer,
        )
    )
    document = ffi.gc(ret_document[0], lib.enclave_client_document_free)
    return read_document(document, enclave or "")


def read_unverified_document(
    evidence: bytes | str,
    *,
    nitro_root: str | None = None,
    insecure_nitro_root: str | os.PathLike[str] | bytes | None = None,
) -> Document:
    """What evidence says, for display: no ``.deadline`` of it counts.  Time and policy are not judged; where
    ``.authentic`` is False it is a claim of nobody's."""
    settings = Settings(
        nitro_root=nitro_root, insecure_nitro_root=insecure_nitro_root
    )
    settings.warn()
    given = _Evidence(evidence, "document")
    error = ErrorSlot()
    ret_document = ffi.new("struct enclave_client_document **")
    error.check(
        lib.enclave_client_document_read(
            settings.config(None), given.pointer, ret_document, error.pointer
        )
    )
    document = ffi.gc(ret_document[0], lib.enclave_client_document_free)
    return read_document(document, "")
