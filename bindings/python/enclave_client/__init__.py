"""Talk to services inside AWS Nitro Enclaves, and to nothing else.

    from enclave_client import Client
    with Client({"payments.example.com": {"PCR0": "<96 hex digits>"}}) as client:
        print(client.get("https://payments.example.com/hello").text)

No byte of a request leaves before the TLS key of this very connection was found
in a verified, unexpired attestation document whose measurements the map
accepts.  ``enclave_client.requests`` and ``enclave_client.httpx`` put the same
gate under those libraries.
"""

from ._async import AsyncClient
from ._client import Client
from ._config import InsecureWarning, Map
from ._documents import (
    Attestation,
    Document,
    read_unverified_document,
    verify_document,
)
from ._errors import (
    BodyFailed,
    BodyTooLarge,
    Cancelled,
    Category,
    ConfigError,
    DebugEnclave,
    EnclaveClientError,
    EvidenceNotServed,
    EvidenceTimeError,
    Foreign,
    HTTPStatusError,
    InternalError,
    KeyNotAttested,
    KeyNotBound,
    LearningLimited,
    MalformedEvidence,
    MeasurementRefused,
    NetworkError,
    OutOfMemory,
    RedirectRefused,
    SelfTestFailed,
    Status,
    Step,
    TimeoutError,
    UnknownEnclave,
    Unsupported,
    UntrustedEvidence,
    UsageError,
    text,
)
from ._events import Event, EventKind
from ._native import lib as _lib
from ._report import Counters, EnclaveReport, KeyReport, State
from ._response import AsyncResponse, Headers, Response

#: Of the C library that runs.
__version__ = text(_lib.enclave_client_version())
del text

__all__ = [
    "AsyncClient",
    "AsyncResponse",
    "Attestation",
    "BodyFailed",
    "BodyTooLarge",
    "Cancelled",
    "Category",
    "Client",
    "ConfigError",
    "Counters",
    "DebugEnclave",
    "Document",
    "EnclaveClientError",
    "EnclaveReport",
    "Event",
    "EventKind",
    "EvidenceNotServed",
    "EvidenceTimeError",
    "Foreign",
    "HTTPStatusError",
    "Headers",
    "InsecureWarning",
    "InternalError",
    "KeyNotAttested",
    "KeyNotBound",
    "KeyReport",
    "LearningLimited",
    "MalformedEvidence",
    "Map",
    "MeasurementRefused",
    "NetworkError",
    "OutOfMemory",
    "RedirectRefused",
    "Response",
    "SelfTestFailed",
    "State",
    "Status",
    "Step",
    "TimeoutError",
    "UnknownEnclave",
    "Unsupported",
    "UntrustedEvidence",
    "UsageError",
    "read_unverified_document",
    "verify_document",
]
