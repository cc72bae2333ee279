"""What Client and AsyncClient share: the C client and its surroundings."""

import datetime
import itertools
import os
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Any

from ._call import Call, HeadersIn, header_pairs, merge_headers, milliseconds
from ._config import Map, Settings, asks_again
from ._documents import Attestation, read_attestation
from ._errors import (
    Cancelled,
    EnclaveClientError,
    ErrorSlot,
    Status,
    Step,
    TimeoutError,
    UsageError,
    c_text,
    text,
)
from ._events import Event, EventHandler, EventKind, EventPump, tell
from ._native import ffi, lib

# As seconds: what the C library has where nothing is said.
TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 30.0
BODY_MAX_BYTES = 16 * 1024 * 1024
REDIRECTS_MAX = 10
REFRESH_S = 300.0

# Waiting is done in slices, so that Ctrl-C is heard between them.
_WAIT_SLICE_MS = 250


class _Stop:
    """An Event that can be made anew in a forked child."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def set(self) -> None:
        self.event.set()


def _shut(pointer: Any, pump: EventPump, stop: _Stop, wait: bool) -> None:
    stop.set()
    lib.enclave_client_stop(pointer)
    pump.close(wait)


class Core:
    """Owns a C client. Internally locked, as that is."""

    def __init__(
        self,
        map: Map,
        settings: Settings,
        *,
        url: str | None,
        name: str | None,
        on_event: EventHandler | None,
        refresh_interval: float,
    ) -> None:
        self.settings = settings
        self._url = url
        self._name = name
        if not refresh_interval > 0:
            raise UsageError(
                f"refresh_interval is {refresh_interval}: expected seconds above 0",
                status=Status.USAGE,
            )
        # Waiting takes no more; infinity is so long, too.
        self._refresh_interval = min(refresh_interval, threading.TIMEOUT_MAX)
        self._map = map
        # Which update() the map is of, and which question its answer is of.
        self._map_number = 0
        self._answer_number = 0
        self._numbers = itertools.count(1)
        self._refreshing = False
        self._make_locks()
        self._on_event = on_event
        config = settings.config(map, url=url, name=name)
        pump = EventPump(on_event)
        try:
            pointer = self._new(config, pump)
        except BaseException:
            pump.close()
            raise
        stop = _Stop()
        self._stop = stop
        self._forked = False
        self._pointer: Any = pointer
        # Also when the interpreter ends: what is in C returns, and no thread
        # of ours comes back into an interpreter that is gone.
        self._finalizer = weakref.finalize(self, _shut, pointer, pump, stop, False)
        self._pump = pump
        with self._map_lock:
            self._keep_refreshing(at_once=False)
        _cores.add(self)

    def _make_locks(self) -> None:
        # For the map and what belongs to it; never held while a provider runs,
        # which may hang, or come back to update().
        self._map_lock = threading.Lock()
        # Apart, because whoever holds the other may be the first use.
        self._fork_lock = threading.Lock()

    def after_fork(self) -> None:
        """In the child: locks that a thread of the parent may have held."""
        self._make_locks()
        self._refreshing = False
        if not self.closed:
            self._stop.event = threading.Event()
        self._pump.after_fork()
        self._forked = True

    def _start_threads(self) -> None:
        # At the first use, not at the fork: most children call exec.
        with self._fork_lock:
            forked, self._forked = self._forked, False
        if not forked:
            return
        self._pump.start()
        with self._map_lock:
            self._keep_refreshing(at_once=True)

    def _keep_refreshing(self, at_once: bool) -> None:
        """One thread, and only while a provider stands in the map. Under the
        map's lock."""
        if self._refreshing or not asks_again(self._map):
            return
        self._refreshing = True
        threading.Thread(
            target=_keep_fresh,
            args=(
                weakref.ref(self),
                self._stop.event,
                self._refresh_interval,
                at_once,
            ),
            name="enclave_client-policy",
            daemon=True,
        ).start()

    @staticmethod
    def _new(config: Any, pump: EventPump) -> Any:
        lib.enclave_client_config_set_event_callback(
            config, ffi.addressof(lib, "event_queue_push"), pump.queue
        )
        error = ErrorSlot()
        ret_client = ffi.new("struct enclave_client **")
        error.check(lib.enclave_client_new(config, ret_client, error.pointer))
        # Holds the queue until the last event was pushed.
        return ffi.gc(
            ret_client[0],
            lambda client, _=pump.queue: lib.enclave_client_free(client),
        )

    @property
    def pointer(self) -> Any:
        """The C client; Cancelled once this is closed. Whoever calls C with it
        holds it meanwhile, and so close() frees nothing under him."""
        pointer = self._pointer
        if pointer is None:
            raise Cancelled("the client is closed", status=Status.CANCELLED)
        if self._forked:
            self._start_threads()
        return pointer

    @property
    def closed(self) -> bool:
        """close() was called."""
        return self._pointer is None

    def close(self) -> None:
        """Calls in other threads end with Cancelled within 100 ms."""
        if not self._finalizer.detach():
            return
        pointer, self._pointer = self._pointer, None
        _shut(pointer, self._pump, self._stop, True)

    def update(self, map: Map) -> None:
        """Replaces the whole map, atomically, or raises and changes nothing.
        Of two at once the one that was called last stays."""
        pointer, number = self.pointer, next(self._numbers)
        config = self.settings.config(map, url=self._url, name=self._name)
        with self._map_lock:
            if number < self._map_number:
                return
            _apply(pointer, config)
            self._map, self._map_number = map, number
            self._keep_refreshing(at_once=False)

    def refresh(self) -> None:
        """Asks the provider now; what it raises, this raises. Its answer is
        dropped where the map was replaced meanwhile, or a later answer is in
        force."""
        pointer, number = self.pointer, next(self._numbers)
        with self._map_lock:
            map, map_number = self._map, self._map_number
        config = self.settings.config(map, url=self._url, name=self._name)
        with self._map_lock:
            if self._map_number != map_number or number < self._answer_number:
                return
            _apply(pointer, config)
            self._answer_number = number

    def refresh_in_background(self) -> bool:
        """The same, told as an event when it fails; False: no more of it."""
        with self._map_lock:
            if self.closed or not asks_again(self._map):
                self._refreshing = False
                return False
        try:
            self.refresh()
        except BaseException as failure:
            # SystemExit, too, would end this thread and nothing else.
            if not self.closed:
                tell(_refresh_failed(failure), self._on_event)
        return True

    def wait(
        self,
        enclave: str | None,
        timeout: float | None,
        given_up: Sequence[object] = (),
    ) -> None:
        """In slices, until given_up holds something; the last one's refusal
        says who is not ready, and why."""
        name = ffi.NULL if enclave is None else c_text(enclave, "the name")
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            slice_ms = _WAIT_SLICE_MS
            if end is not None:
                left_ms = int((end - time.monotonic()) * 1000)
                slice_ms = max(0, min(slice_ms, left_ms))
            error = ErrorSlot()
            try:
                error.check(
                    lib.enclave_client_wait(
                        self.pointer, name, slice_ms, error.pointer
                    )
                )
                return
            except TimeoutError:
                if given_up or (end is not None and time.monotonic() >= end):
                    raise

    def find(self, url: str) -> str:
        """Name of the enclave whose origin the URL has."""
        error = ErrorSlot()
        ret_name = ffi.new("char **")
        error.check(
            lib.enclave_client_find(
                self.pointer, c_text(url, "the URL"), ret_name, error.pointer
            )
        )
        return text(ffi.gc(ret_name[0], lib.free))

    def name_of(self, enclave: str) -> str:
        """A name, or the name of the enclave that a URL belongs to."""
        if "://" in enclave:
            return self.find(enclave)
        return enclave

    def evidence_url(self, name: str) -> str:
        """Where the enclave's evidence is fetched from."""
        error = ErrorSlot()
        ret_url = ffi.new("char **")
        error.check(
            lib.enclave_client_evidence_url(
                self.pointer, c_text(name, "the name"), ret_url, error.pointer
            )
        )
        return text(ffi.gc(ret_url[0], lib.free))

    def attest(self, name: str, timeout: float | None) -> Attestation:
        """Fetches and judges evidence on a connection of its own. Blocks."""
        error = ErrorSlot()
        ret_document = ffi.new("struct enclave_client_document **")
        error.check(
            lib.enclave_client_attest(
                self.pointer,
                c_text(name, "the name"),
                milliseconds(timeout, "timeout"),
                ret_document,
                error.pointer,
            )
        )
        document = ffi.gc(ret_document[0], lib.enclave_client_document_free)
        return read_attestation(document, name)

    def judge(self, name: bytes, leaf: "Bytes") -> Any:
        """The C document that vouches for the certificate's key at this
        moment, or raises."""
        judge = lib.enclave_client_check_certificate
        ret_document = ffi.new("struct enclave_client_document **")
        pointer, certificate = self.pointer, leaf.pointer[0]
        # Before each request, and nearly always the answer is yes: an error
        # object is made for the second question, whose answer counts.
        if judge(pointer, name, certificate, ret_document, ffi.NULL):
            error = ErrorSlot()
            error.check(judge(pointer, name, certificate, ret_document, error.pointer))
        return ffi.gc(ret_document[0], lib.enclave_client_document_free)

    def offer(self, name: bytes, body: bytes, leaf: "Bytes") -> Any:
        """The same, after evidence was appraised that came over the connection
        with that leaf."""
        error = ErrorSlot()
        given = Bytes(body)
        offer = ffi.new("struct enclave_client_offer *")
        offer.body = given.pointer[0]
        offer.leaf = leaf.pointer[0]
        ret_document = ffi.new("struct enclave_client_document **")
        error.check(
            lib.enclave_client_evidence_offer(
                self.pointer, name, offer, ret_document, error.pointer
            )
        )
        return ffi.gc(ret_document[0], lib.enclave_client_document_free)

    def call(
        self, method: str, url: str, defaults: "Defaults", options: dict[str, Any]
    ) -> Call:
        """A request out of what request() was given."""
        take = options.pop
        call = Call(
            method,
            url,
            enclave=take("enclave"),
            params=take("params"),
            headers=merge_headers(defaults.headers, take("headers")),
            content=take("content"),
            data=take("data"),
            json=take("json"),
        )
        defaults.limit(call, options)
        return call


class Bytes:
    """Bytes that C borrows as long as this lives."""

    __slots__ = ("data", "pointer", "_borrowed")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._borrowed = ffi.from_buffer(data)
        self.pointer = ffi.new("struct enclave_client_bytes *")
        self.pointer.data = self._borrowed
        self.pointer.len = len(data)


class Unset:
    """Stands where the client's own value counts; None has a meaning."""

    def __repr__(self) -> str:
        return "<the client's>"


UNSET = Unset()


class Defaults:
    """What requests of a client have in common."""

    def __init__(
        self,
        headers: HeadersIn | None,
        timeout: float | None,
        connect_timeout: float | None,
        follow_redirects: bool,
        body_max_bytes: int,
    ) -> None:
        # Once: it may be a generator.
        self.headers = header_pairs(headers)
        self._values: dict[str, Any] = {
            "timeout": timeout,
            "connect_timeout": connect_timeout,
            "follow_redirects": follow_redirects,
            "body_max_bytes": body_max_bytes,
        }
        milliseconds(timeout, "timeout")
        milliseconds(connect_timeout, "connect_timeout")

    def limit(self, call: Call, given: dict[str, Any]) -> None:
        """The request's own values before the client's."""
        values = dict(self._values)
        values.update(
            (name, value)
            for name, value in given.items()
            if not isinstance(value, Unset)
        )
        call.limit(
            values["timeout"],
            values["connect_timeout"],
            REDIRECTS_MAX if values["follow_redirects"] else 0,
            values["body_max_bytes"],
        )


def _apply(pointer: Any, config: Any) -> None:
    error = ErrorSlot()
    error.check(lib.enclave_client_update(pointer, config, error.pointer))


def _refresh_failed(failure: BaseException) -> Event:
    status = Status.CONFIG
    if isinstance(failure, EnclaveClientError):
        status = failure.status
    return Event(
        kind=EventKind.POLICY_REFRESH_FAILED,
        enclave="",
        status=status,
        step=Step.NONE,
        message=f"the old policy stays: {type(failure).__name__}: {failure}",
        at=datetime.datetime.now(datetime.timezone.utc),
    )


def _keep_fresh(
    reference: "weakref.ref[Core]",
    stop: threading.Event,
    interval: float,
    at_once: bool,
) -> None:
    # Only a weak reference while it sleeps: the client must be free to go.
    while not stop.wait(0 if at_once else interval):
        at_once = False
        core = reference()
        if core is None or not core.refresh_in_background():
            return
        del core


_cores: "weakref.WeakSet[Core]" = weakref.WeakSet()


def _after_fork() -> None:
    for core in list(_cores):
        core.after_fork()


os.register_at_fork(after_in_child=_after_fork)
