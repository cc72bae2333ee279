"""Events of the C library on their way to ``logging``."""

import dataclasses
import datetime
import enum
import logging
import threading
from collections.abc import Callable
from typing import Any

from ._errors import Status, Step, known, text
from ._native import ffi, lib

logger = logging.getLogger("enclave_client")


class EventKind(enum.IntEnum):
    """What changed."""

    #: The package's own: the policy provider failed, the old policy stays.
    POLICY_REFRESH_FAILED = -1
    #: An event that a newer library knows.
    UNKNOWN = 0
    ATTESTED = 1
    REFUSED = 2
    MEASUREMENT_REFUSED = 3
    KEY_ADDED = 4
    EXPIRED = 5
    POLL_FAILED = 6
    RECOVERED = 7
    INSECURE = 8
    STORE = 9
    TRUST = 10


_LEVELS = {
    EventKind.ATTESTED: logging.INFO,
    EventKind.KEY_ADDED: logging.INFO,
    EventKind.RECOVERED: logging.INFO,
    EventKind.MEASUREMENT_REFUSED: logging.ERROR,
}


@dataclasses.dataclass(frozen=True)
class Event:
    """Told once per change. In log records it is the attribute ``event``."""

    kind: EventKind
    #: The enclave's name; "" where all are meant.
    enclave: str
    status: Status
    step: Step
    #: One line of printable ASCII.
    message: str
    #: When, aware, UTC.
    at: datetime.datetime


EventHandler = Callable[[Event], object]


def _read(queued: Any) -> Event:
    return Event(
        kind=known(EventKind, queued.kind, EventKind.UNKNOWN),
        enclave=text(queued.enclave),
        status=known(Status, queued.status, Status.INTERNAL),
        step=known(Step, queued.step, Step.NONE),
        message=text(queued.message),
        at=datetime.datetime.fromtimestamp(
            queued.at_ms / 1000, datetime.timezone.utc
        ),
    )


def _log(level: int, message: str, *arguments: object, **options: Any) -> None:
    # A handler of logging's, or a filter, is the caller's code: what it raises
    # is shown as the end of a thread is, and this thread goes on.
    try:
        logger.log(level, message, *arguments, **options)
    except BaseException as failure:
        threading.excepthook(
            threading.ExceptHookArgs(
                (
                    type(failure),
                    failure,
                    failure.__traceback__,
                    threading.current_thread(),
                )
            )
        )


def tell(event: Event, handler: EventHandler | None) -> None:
    """Logs an event and hands it on; a handler's failure is logged, no more."""
    _log(
        _LEVELS.get(event.kind, logging.WARNING),
        "%s%s%s",
        event.enclave,
        ": " if event.enclave else "",
        event.message,
        extra={"event": event},
    )
    if handler is None:
        return
    try:
        handler(event)
    except BaseException:
        _log(logging.ERROR, "the event handler failed", exc_info=True)


def _drain(queue: Any, handler: EventHandler | None) -> None:
    # Holds the queue and not the client, which must be free to go.
    queued = ffi.new("struct queued_event *")
    while lib.event_queue_pop(queue, queued):
        if queued.dropped:
            _log(logging.WARNING, "%d events found no room", queued.dropped)
        tell(_read(queued), handler)


class EventPump:
    """A queue that C fills and the thread that empties it."""

    def __init__(self, handler: EventHandler | None) -> None:
        queue = lib.event_queue_new()
        if not queue:
            raise MemoryError
        #: The context of the C callback.
        self.queue = ffi.gc(queue, lib.event_queue_free)
        self._handler = handler
        self.start()

    def start(self) -> None:
        """The thread; once, and again in a child that was forked."""
        self._thread = threading.Thread(
            target=_drain,
            args=(self.queue, self._handler),
            name="enclave_client-events",
            daemon=True,
        )
        self._thread.start()

    def after_fork(self) -> None:
        """In the child, where the thread is not."""
        lib.event_queue_after_fork(self.queue)

    def close(self, wait: bool = True) -> None:
        """What is in the queue is still told, then the thread ends."""
        lib.event_queue_close(self.queue)
        if wait and threading.current_thread() is not self._thread:
            # Bounded: a handler may hang, and exit must not.
            self._thread.join(timeout=1.0)
