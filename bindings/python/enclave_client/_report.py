"""How things stand at one moment."""

import dataclasses
import datetime
import enum
from typing import Any

from ._errors import ErrorSlot, Status, Step, c_text, known, text
from ._native import ffi, lib


class State(enum.IntEnum):
    """Of one enclave."""

    COLD = 0
    ATTESTED = 1
    EXPIRED = 2
    REFUSED = 3
    UNREACHABLE = 4
    #: One that a newer library knows.
    UNKNOWN = -1


@dataclasses.dataclass(frozen=True)
class KeyReport:
    """A key that is live."""

    #: Of the key as it is bound; hexadecimal.
    sha256: str
    module_id: str
    #: Of the document that vouches for it.
    timestamp: datetime.datetime
    #: When it stops counting.
    deadline: datetime.datetime
    set_label: str
    set_index: int


@dataclasses.dataclass(frozen=True)
class Counters:
    """Since the enclave was configured in this process."""

    polls: int
    polls_failed: int
    documents_accepted: int
    documents_refused: int
    #: That the gate let through; not those of the adapters.
    requests: int
    refusals: int
    learnings: int


@dataclasses.dataclass(frozen=True)
class EnclaveReport:
    """One enclave."""

    name: str
    #: Its origin.
    url: str
    state: State
    insecure: bool
    #: Changes with whatever changes its keys.
    generation: int
    keys: tuple[KeyReport, ...]
    #: None: never.
    last_poll: datetime.datetime | None
    next_poll: datetime.datetime | None
    #: The last failure since the last success; OK, NONE and "" if none.
    last_status: Status
    last_step: Step
    last_message: str
    counters: Counters


def _moment(milliseconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(
        milliseconds / 1000, datetime.timezone.utc
    )


def _key(key: Any) -> KeyReport:
    return KeyReport(
        sha256=text(key.sha256),
        module_id=text(key.module_id),
        timestamp=_moment(key.timestamp_ms),
        deadline=_moment(key.deadline_ms),
        set_label=text(key.set_label),
        set_index=key.set_index,
    )


def _enclave(one: Any) -> EnclaveReport:
    return EnclaveReport(
        name=text(one.name),
        url=text(one.url),
        state=known(State, one.state, State.UNKNOWN),
        insecure=one.insecure,
        generation=one.generation,
        keys=tuple(_key(one.keys[n]) for n in range(one.key_count)),
        last_poll=_moment(one.last_poll_ms) if one.last_poll_ms else None,
        next_poll=_moment(one.next_poll_ms) if one.next_poll_ms else None,
        last_status=known(Status, one.last_status, Status.INTERNAL),
        last_step=known(Step, one.last_step, Step.NONE),
        last_message=text(one.last_message),
        counters=Counters(
            **{
                field.name: getattr(one.counters, field.name)
                for field in dataclasses.fields(Counters)
            }
        ),
    )


def _take(client: Any, name: str | None) -> Any:
    error = ErrorSlot()
    ret_report = ffi.new("struct enclave_client_report **")
    error.check(
        lib.enclave_client_report(
            client,
            ffi.NULL if name is None else c_text(name, "the name"),
            ret_report,
            error.pointer,
        )
    )
    return ffi.gc(ret_report[0], lib.enclave_client_report_free)


def read_report(client: Any) -> list[EnclaveReport]:
    """Of every enclave, in the order of the map."""
    report = _take(client, None)
    count = lib.enclave_client_report_count(report)
    return [_enclave(lib.enclave_client_report_at(report, n)) for n in range(count)]


def read_prometheus(client: Any) -> str:
    """The same in Prometheus's text format."""
    rendered = lib.enclave_client_report_prometheus(_take(client, None))
    if not rendered:
        raise MemoryError
    return text(ffi.gc(rendered, lib.free))
