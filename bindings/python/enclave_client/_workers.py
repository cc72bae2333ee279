"""Daemon threads for blocking calls, kept for the next one.

Two users. The main thread: signals reach Python only between two of its own
instructions, so a call that blocks in C would hold Ctrl-C up. An event loop,
which must not block at all. The executors of concurrent.futures will not do:
the interpreter waits for their threads when it ends.
"""

import contextvars
import os
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# Seconds after which an idle thread ends, and how many wait at most.
_IDLE_S = 30.0
_IDLE_MAX = 16


class Task(Generic[T]):
    """A call on its way, and then its outcome."""

    __slots__ = ("_call", "_context", "_done", "_notify", "_result", "_failure")

    def __init__(
        self, call: Callable[[], T], notify: Callable[[], object] | None
    ) -> None:
        self._call: Callable[[], T] | None = call
        self._context: contextvars.Context | None = contextvars.copy_context()
        self._done = threading.Lock()
        self._done.acquire()
        self._notify = notify
        self._result: Any = None
        self._failure: BaseException | None = None

    def run(self) -> None:
        """On the worker."""
        assert self._call is not None and self._context is not None
        try:
            self._result = self._context.run(self._call)
        except BaseException as failure:
            self._failure = failure
        # What the caller gave up must not live on in an idle thread.
        self._call = None
        self._context = None
        self._done.release()
        if self._notify is not None:
            self._notify()

    def wait(self, timeout: float = -1) -> bool:
        """Whether it ended in that many seconds; -1 is for ever."""
        if not self._done.acquire(timeout=timeout):
            return False
        self._done.release()
        return True

    def result(self) -> T:
        """After it ended: what it returned or raised."""
        if self._failure is not None:
            try:
                raise self._failure
            finally:
                # Else the traceback's frames hold this, and this them.
                self._failure = None
        result: T = self._result
        return result


class _Worker(threading.Thread):
    def __init__(self, pool: "_Pool") -> None:
        super().__init__(name="enclave_client-worker", daemon=True)
        self._pool = pool
        self.tasks: queue.SimpleQueue[Task[Any]] = queue.SimpleQueue()

    def run(self) -> None:
        while True:
            try:
                task = self.tasks.get(timeout=_IDLE_S)
            except queue.Empty:
                if self._pool.retire(self):
                    return
                continue
            # Idle before whoever waits goes on: his next call finds it.
            keep = self._pool.put_after(self, task)
            del task
            if not keep:
                return


class _Pool:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []

    def submit(self, task: Task[Any]) -> None:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
            if worker is not None:
                worker.tasks.put(task)
                return
        worker = _Worker(self)
        worker.tasks.put(task)
        worker.start()

    def put_after(self, worker: _Worker, task: Task[Any]) -> bool:
        task.run()
        with self._lock:
            if len(self._idle) >= _IDLE_MAX:
                return False
            self._idle.append(worker)
            return True

    def retire(self, worker: _Worker) -> bool:
        with self._lock:
            if worker not in self._idle:
                return False
            self._idle.remove(worker)
            return True


_pool = _Pool()


def _forget_threads() -> None:
    # After a fork only the forking thread lives.
    global _pool
    _pool = _Pool()


os.register_at_fork(after_in_child=_forget_threads)


def submit(
    call: Callable[[], T], notify: Callable[[], object] | None = None
) -> Task[T]:
    """Runs the call on a worker; notify is called there afterwards."""
    task = Task(call, notify)
    _pool.submit(task)
    return task


def nothing() -> None:
    """Cancels what only its own timeout ends."""


# Seconds that a cancelled call has to end: the library promises 0.1.
_CANCEL_S = 1.0


def run(call: Callable[[], T], cancel: Callable[[], object]) -> T:
    """The call, on this thread or, where signals must be heard, on another."""
    if threading.current_thread() is not threading.main_thread():
        return call()
    task = submit(call)
    try:
        task.wait()
    except BaseException:
        cancel()
        task.wait(_CANCEL_S)
        raise
    return task.result()
