"""The client for asyncio."""

import asyncio
import concurrent.futures
import threading
import time
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, Self, TypeVar, Unpack

from . import _workers
from ._body import Content, Data, IterableSource
from ._call import HeadersIn, Params
from ._client import BaseClient
from ._config import Map
from ._core import TIMEOUT_S, UNSET, Unset
from ._documents import Attestation
from ._errors import Cancelled, Status, TimeoutError, UsageError
from ._options import AsyncRequestOptions, ClientOptions
from ._response import AsyncResponse

T = TypeVar("T")

# Seconds that a cancelled call has to end: the library promises 0.1.
_CANCEL_S = 1.0


async def _run(call: Callable[[], T], cancel: Callable[[], object]) -> T:
    """A blocking call on another thread; cancelling the task cancels it."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def notify() -> None:
        try:
            loop.call_soon_threadsafe(ended.set)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            pass

    task = _workers.submit(call, notify)
    try:
        await ended.wait()
    except BaseException:
        cancel()
        # The C call still uses what its caller would now free or send again.
        await _settle(ended)
        raise
    return task.result()


async def _settle(ended: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(ended.wait(), _CANCEL_S)
    except (asyncio.TimeoutError, asyncio.CancelledError):
        pass


class _Pulled:
    """An async iterable as an iterator for the worker that sends. It waits
    inside C's read callback, where C's clock and cancelling do not reach: so
    both are here as well."""

    def __init__(
        self, pieces: AsyncIterable[bytes], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._iterator: AsyncIterator[bytes] = pieces.__aiter__()
        self._loop = loop
        self._lock = threading.Lock()
        self._future: concurrent.futures.Future[bytes | None] | None = None
        self._cancelled = False
        #: On the monotonic clock.
        self.end: float | None = None

    async def _next_piece(self) -> bytes | None:
        async for piece in self._iterator:
            return piece
        return None

    def _ask(self) -> "concurrent.futures.Future[bytes | None]":
        with self._lock:
            if self._cancelled:
                raise _cancelled()
            future = asyncio.run_coroutine_threadsafe(self._next_piece(), self._loop)
            self._future = future
        return future

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        future = self._ask()
        left = None if self.end is None else max(0.0, self.end - time.monotonic())
        try:
            piece = future.result(left)
        except concurrent.futures.CancelledError:
            raise _cancelled() from None
        except concurrent.futures.TimeoutError:
            if future.cancel():
                raise TimeoutError(
                    "the body's source gave nothing before the deadline",
                    status=Status.TIMEOUT,
                ) from None
            # It has an outcome: the source's own TimeoutError, or a piece.
            piece = future.result()
        if piece is None:
            raise StopIteration
        return piece

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            future = self._future
        if future is not None:
            future.cancel()


def _cancelled() -> Cancelled:
    return Cancelled("the request was cancelled", status=Status.CANCELLED)


class _AsyncSource(IterableSource):
    """A body that the event loop makes."""

    def __init__(
        self, pieces: AsyncIterable[bytes], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._pulled = _Pulled(pieces, loop)
        super().__init__(self._pulled)

    def begin(self, timeout: float | None) -> None:
        self._pulled.end = None if timeout is None else time.monotonic() + timeout

    def cancel(self) -> None:
        self._pulled.cancel()


class AsyncClient(BaseClient):
    __doc__ = f"""``Client`` for asyncio: nothing blocks the event loop.

    Each request occupies a thread while it waits, at most ``max_concurrency``
    of them in an event loop; more wait for their turn. Streams are read without
    one. Cancelling the task ends the request within 100 ms.

    {BaseClient.__doc__}"""

    def __init__(
        self,
        map: Map,
        *,
        max_concurrency: int = 64,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(map, **options)
        if max_concurrency < 1:
            raise UsageError("max_concurrency is below 1", status=Status.USAGE)
        self._max_concurrency = max_concurrency
        self._turns: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}
        self._bodies: weakref.WeakSet[_AsyncSource] = weakref.WeakSet()

    def _turn(self) -> asyncio.Semaphore:
        # One for each loop: it belongs to the loop in which somebody waited.
        loop = asyncio.get_running_loop()
        turns = self._turns.get(loop)
        if turns is None:
            for old in list(self._turns):
                if old.is_closed():
                    self._turns.pop(old, None)
            turns = self._turns[loop] = asyncio.Semaphore(self._max_concurrency)
        return turns

    async def _run(self, call: Callable[[], T], cancel: Callable[[], object]) -> T:
        async with self._turn():
            return await _run(call, cancel)

    async def aclose(self) -> None:
        """As ``Client.close``."""
        for body in list(self._bodies):
            body.cancel()
        await _run(self._core.close, _workers.nothing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def refresh(self) -> None:
        """As ``Client.refresh``; the provider runs on another thread."""
        await self._run(self._core.refresh, _workers.nothing)

    async def wait(
        self, enclave: str | None = None, timeout: float | None = None
    ) -> None:
        """As ``Client.wait``."""
        name = None if enclave is None else self._core.name_of(enclave)
        stopped: list[bool] = []
        await self._run(
            lambda: self._core.wait(name, timeout, stopped),
            lambda: stopped.append(True),
        )

    async def attest(
        self, enclave: str, timeout: float | None = TIMEOUT_S
    ) -> Attestation:
        """As ``Client.attest``."""
        name = self._core.name_of(enclave)
        return await self._run(
            partial(self._core.attest, name, timeout), _workers.nothing
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        enclave: str | None = None,
        params: Params | None = None,
        headers: HeadersIn | None = None,
        content: Content | AsyncIterable[bytes] | None = None,
        data: Data | None = None,
        json: Any = None,
        timeout: float | None | Unset = UNSET,
        connect_timeout: float | None | Unset = UNSET,
        follow_redirects: bool | Unset = UNSET,
        body_max_bytes: int | Unset = UNSET,
        stream: bool = False,
    ) -> AsyncResponse:
        """As ``Client.request``; ``content`` may be an async iterable. Ordinary
        iterables and files are read on another thread."""
        body: Any = content
        if isinstance(content, AsyncIterable):
            body = _AsyncSource(content, asyncio.get_running_loop())
            self._bodies.add(body)
        call = self._core.call(
            method,
            url,
            self._defaults,
            {
                "enclave": enclave,
                "params": params,
                "headers": headers,
                "content": body,
                "data": data,
                "json": json,
                "timeout": timeout,
                "connect_timeout": connect_timeout,
                "follow_redirects": follow_redirects,
                "body_max_bytes": body_max_bytes,
            },
        )
        client = self._core.pointer
        response = await self._run(partial(call.send, client, stream), call.cancel)
        # Without turns: a request may send what it reads of another's answer.
        return AsyncResponse(response, call, stream, _run)

    async def get(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> AsyncResponse:
        """``request("GET", ...)``."""
        return await self.request("GET", url, **options)

    async def head(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> AsyncResponse:
        """``request("HEAD", ...)``."""
        return await self.request("HEAD", url, **options)

    async def options(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> AsyncResponse:
        """``request("OPTIONS", ...)``."""
        return await self.request("OPTIONS", url, **options)

    async def post(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> AsyncResponse:
        """``request("POST", ...)``."""
        return await self.request("POST", url, **options)

    async def put(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> AsyncResponse:
        """``request("PUT", ...)``."""
        return await self.request("PUT", url, **options)

    async def patch(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> AsyncResponse:
        """``request("PATCH", ...)``."""
        return await self.request("PATCH", url, **options)

    async def delete(
        self, url: str, **options: Unpack[AsyncRequestOptions]
    ) -> AsyncResponse:
        """``request("DELETE", ...)``."""
        return await self.request("DELETE", url, **options)
