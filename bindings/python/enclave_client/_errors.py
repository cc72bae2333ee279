"""Statuses, steps, and one exception for each way in which a call can fail."""

import builtins
import datetime
import enum
from typing import Any

from ._native import ffi, lib


class Category(enum.IntEnum):
    """The hundreds of a status."""

    NONE = 0
    USAGE = 1
    MEMORY = 2
    NETWORK = 3
    TIMEOUT = 4
    MALFORMED = 5
    UNTRUSTED = 6
    TIME = 7
    MEASUREMENT = 8
    KEY = 9
    INTERNAL = 10


class Step(enum.IntEnum):
    """The step of the appraisal that refused, in the order in which they run."""

    NONE = 0
    FETCH = 1
    DECODE = 2
    STRUCTURE = 3
    CHAIN = 4
    SIGNATURE = 5
    TIME = 6
    POLICY = 7
    BINDING = 8


class Foreign(enum.IntEnum):
    """Whose number ``foreign_code`` is."""

    NONE = 0
    CURL = 1
    X509 = 2
    ERRNO = 3
    HTTP = 4


class Status(enum.IntEnum):
    """What a call ended with. The numbers are fixed for ever."""

    OK = 0
    USAGE = 100
    CONFIG = 101
    UNKNOWN_ENCLAVE = 102
    CANCELLED = 103
    BODY_TOO_LARGE = 104
    BODY_CALLBACK = 105
    MEMORY = 200
    NETWORK = 300
    EVIDENCE_NOT_SERVED = 301
    LEARNING_LIMITED = 302
    REDIRECT = 303
    TIMEOUT = 400
    ENCODING = 500
    DOCUMENT_SIZE = 501
    COSE = 502
    CBOR = 503
    FIELD = 504
    CERTIFICATE = 505
    ROOT = 600
    CHAIN = 601
    SIGNATURE = 602
    EXPIRED = 700
    NOT_YET_VALID = 701
    TOO_OLD = 702
    FROM_FUTURE = 703
    MEASUREMENT = 800
    DEBUG = 801
    KEY_NOT_ATTESTED = 900
    BINDING = 901
    INTERNAL = 1000
    SELF_TEST = 1001
    UNSUPPORTED = 1002

    @property
    def category(self) -> Category:
        """The hundreds."""
        return Category(self.value // 100)


class EnclaveClientError(Exception):
    """A call failed, and nothing was sent that should not have been.

    ``str()`` of it is one line that names the enclave and the fact.

    message: str
        The same line.
    status: Status
        What happened, as a number that never changes its meaning.
    step: Step
        The step of the appraisal that refused; NONE where none ran.
    enclave: str
        The enclave's name in the map; "" where none is concerned.
    foreign_code: int
        The number of another library (a CURLcode, an X509_V_ERR, an errno, the
        HTTP status of the evidence), or 0.
    foreign: Foreign
        Whose number that is.
    pcr: int | None
        The register (PCR) that was refused; None where none is concerned.
    shown: str | None
        What the document shows there, in hex; None where it has no such register.
    accepted: tuple[str, ...]
        What would have been accepted there, in the order of the map's PCR sets.
    accepted_more: bool
        More values are accepted than are given.
    age: datetime.timedelta | None
        How old the refused document was when it was judged; negative when it is
        from the future, None where there is no authentic document.
    deadline: datetime.datetime | None
        When the evidence stopped counting, in UTC; None where that is not the
        reason.
    """

    message: str
    status: Status
    step: Step
    enclave: str
    foreign_code: int
    foreign: Foreign
    pcr: int | None
    shown: str | None
    accepted: tuple[str, ...]
    accepted_more: bool
    age: datetime.timedelta | None
    deadline: datetime.datetime | None

    def __init__(
        self,
        message: str = "",
        *,
        status: Status = Status.INTERNAL,
        step: Step = Step.NONE,
        enclave: str = "",
        foreign: Foreign = Foreign.NONE,
        foreign_code: int = 0,
        pcr: int | None = None,
        shown: str | None = None,
        accepted: tuple[str, ...] = (),
        accepted_more: bool = False,
        age: datetime.timedelta | None = None,
        deadline: datetime.datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.step = step
        self.enclave = enclave
        self.foreign = foreign
        self.foreign_code = foreign_code
        self.pcr = pcr
        self.shown = shown
        self.accepted = accepted
        self.accepted_more = accepted_more
        self.age = age
        self.deadline = deadline

    def __str__(self) -> str:
        return self.message

    @property
    def category(self) -> Category:
        """The category of the status."""
        return self.status.category

    def _fields(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "step": self.step,
            "enclave": self.enclave,
            "foreign": self.foreign,
            "foreign_code": self.foreign_code,
            "pcr": self.pcr,
            "shown": self.shown,
            "accepted": self.accepted,
            "accepted_more": self.accepted_more,
            "age": self.age,
            "deadline": self.deadline,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        # Through multiprocessing it arrives as what it was.
        return (_rebuild, (type(self), self.message, self._fields()))


def _rebuild(
    kind: type[EnclaveClientError], message: str, fields: dict[str, Any]
) -> EnclaveClientError:
    return kind(message, **fields)


class UsageError(EnclaveClientError):
    """The caller can put it right: an argument, or the order of calls."""


class ConfigError(UsageError):
    """The map of enclaves or another setting was refused."""


class UnknownEnclave(UsageError):
    """No policy for that name or origin; nothing was sent."""


class Cancelled(UsageError):
    """The call was cancelled, or the client closed."""


class BodyTooLarge(UsageError):
    """The answer exceeds ``body_max_bytes``: raise it, or stream."""


class BodyFailed(UsageError):
    """The source of the request's body failed."""


class OutOfMemory(EnclaveClientError, MemoryError):
    """Memory is short."""


class NetworkError(EnclaveClientError, ConnectionError):
    """Resolving, connecting, TLS or HTTP failed."""


class EvidenceNotServed(NetworkError):
    """The evidence came with another status, too long, or not at all."""


class LearningLimited(NetworkError):
    """Too many failed attempts to learn the key; the message says until when."""


class RedirectRefused(NetworkError):
    """A redirect leads out of the enclave's origin."""


class TimeoutError(EnclaveClientError, builtins.TimeoutError):
    """The deadline passed."""


class MalformedEvidence(EnclaveClientError):
    """The bytes are not what the specification says."""


class UntrustedEvidence(EnclaveClientError):
    """Well formed, and not authentic: root, chain or signature."""


class EvidenceTimeError(EnclaveClientError):
    """Authentic, and not now: expired, too old, not yet valid, from the future.
    Where many enclaves are refused so, look at this machine's clock."""


class MeasurementRefused(EnclaveClientError):
    """Authentic, and not what was accepted: no PCR set matches."""


class DebugEnclave(MeasurementRefused):
    """The enclave runs in debug mode: its operator can read its memory."""


class KeyNotAttested(EnclaveClientError):
    """The connection's key is in no accepted evidence: not the enclave."""


class KeyNotBound(KeyNotAttested):
    """The evidence names no key."""


class InternalError(EnclaveClientError):
    """OpenSSL or libcurl failed."""


class SelfTestFailed(InternalError):
    """The gate does not hold with these builds of libcurl and OpenSSL."""


class Unsupported(InternalError):
    """This build of libcurl or of a Python library can't be used."""


class HTTPStatusError(EnclaveClientError):
    """``raise_for_status()``: the attested enclave answered 4xx or 5xx.

    code: int
        The HTTP status.
    """

    code: int

    def __init__(self, message: str = "", *, code: int = 0, **fields: Any) -> None:
        fields.setdefault("status", Status.OK)
        super().__init__(message, **fields)
        self.code = code

    def _fields(self) -> dict[str, Any]:
        return {**super()._fields(), "code": self.code}


_BY_CATEGORY: dict[Category, type[EnclaveClientError]] = {
    Category.USAGE: UsageError,
    Category.MEMORY: OutOfMemory,
    Category.NETWORK: NetworkError,
    Category.TIMEOUT: TimeoutError,
    Category.MALFORMED: MalformedEvidence,
    Category.UNTRUSTED: UntrustedEvidence,
    Category.TIME: EvidenceTimeError,
    Category.MEASUREMENT: MeasurementRefused,
    Category.KEY: KeyNotAttested,
    Category.INTERNAL: InternalError,
}

_BY_STATUS: dict[Status, type[EnclaveClientError]] = {
    Status.CONFIG: ConfigError,
    Status.UNKNOWN_ENCLAVE: UnknownEnclave,
    Status.CANCELLED: Cancelled,
    Status.BODY_TOO_LARGE: BodyTooLarge,
    Status.BODY_CALLBACK: BodyFailed,
    Status.EVIDENCE_NOT_SERVED: EvidenceNotServed,
    Status.LEARNING_LIMITED: LearningLimited,
    Status.REDIRECT: RedirectRefused,
    Status.DEBUG: DebugEnclave,
    Status.BINDING: KeyNotBound,
    Status.SELF_TEST: SelfTestFailed,
    Status.UNSUPPORTED: Unsupported,
}


def exception_for(status: Status) -> type[EnclaveClientError]:
    """The class that stands for a status."""
    return _BY_STATUS.get(status) or _BY_CATEGORY[status.category]


def text(pointer: Any) -> str:
    """A string of the library's; "" for NULL."""
    if not pointer:
        return ""
    data: bytes = ffi.string(pointer)
    return data.decode("utf-8", "replace")


def c_text(value: str, what: str, encoding: str = "utf-8") -> bytes:
    """A str for C, which would end it at a NUL."""
    if not isinstance(value, str):
        raise UsageError(
            f"{what} is a {type(value).__name__}, expected str", status=Status.USAGE
        )
    if "\0" in value:
        raise UsageError(f"{what} holds a NUL", status=Status.USAGE)
    try:
        return value.encode(encoding)
    except UnicodeEncodeError as error:
        raise UsageError(f"{what}: {error}", status=Status.USAGE) from error


def known(kind: Any, number: int, otherwise: Any) -> Any:
    """A member of an enum: an installed library may be newer than this."""
    try:
        return kind(number)
    except ValueError:
        return otherwise


def _accepted(error: Any) -> tuple[str, ...]:
    values = (
        lib.enclave_client_error_pcr_accepted(error, index)
        for index in range(lib.ENCLAVE_CLIENT_ERROR_ACCEPTED_MAX)
    )
    return tuple(text(value) for value in values if value)


_EPOCH = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)


def _span(ms: int) -> datetime.timedelta | None:
    if ms == lib.ENCLAVE_CLIENT_MS_UNKNOWN:
        return None
    try:
        return datetime.timedelta(milliseconds=ms)
    except OverflowError:
        # A document may claim any 63 bits.
        return datetime.timedelta.max if ms > 0 else datetime.timedelta.min


def _moment(ms: int) -> datetime.datetime | None:
    since = _span(ms)
    if since is None:
        return None
    try:
        return _EPOCH + since
    except OverflowError:
        return datetime.datetime.max.replace(tzinfo=datetime.timezone.utc)


def _facts(error: Any) -> dict[str, Any]:
    """What the C error knows beside its message."""
    pcr = lib.enclave_client_error_pcr(error)
    return {
        "pcr": pcr if pcr >= 0 else None,
        "shown": text(lib.enclave_client_error_pcr_shown(error)) or None,
        "accepted": _accepted(error),
        "accepted_more": lib.enclave_client_error_pcr_accepted_more(error),
        "age": _span(lib.enclave_client_error_age_ms(error)),
        "deadline": _moment(lib.enclave_client_error_deadline_ms(error)),
    }


class ErrorSlot:
    """The C error object of one call."""

    __slots__ = ("pointer",)

    def __init__(self) -> None:
        # NULL when memory is short, which every call tolerates.
        self.pointer = ffi.gc(
            lib.enclave_client_error_new(), lib.enclave_client_error_free
        )

    def exception(self, number: int) -> EnclaveClientError:
        """What stands for a call that returned this status."""
        error = self.pointer
        status = known(Status, number, Status.INTERNAL)
        if lib.enclave_client_error_status(error) != number:
            # A verb without an error object, or no memory for one.
            phrase = text(lib.enclave_client_status_text(number))
            return exception_for(status)(phrase, status=status)
        return exception_for(status)(
            text(lib.enclave_client_error_message(error)),
            status=status,
            step=known(Step, lib.enclave_client_error_step(error), Step.NONE),
            enclave=text(lib.enclave_client_error_enclave(error)),
            foreign=known(
                Foreign, lib.enclave_client_error_foreign(error), Foreign.NONE
            ),
            foreign_code=lib.enclave_client_error_foreign_code(error),
            **_facts(error),
        )

    def check(self, number: int) -> None:
        """Raises unless the status is OK."""
        if number:
            raise self.exception(number)
