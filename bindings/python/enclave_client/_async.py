"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from . import _workers
from ._body import Content, Data
from ._call import HeadersIn, Params
from ._client import BaseClient
from ._core import TIMEOUT_S, UNSET, Unset
from ._documents import Attestation
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


def _pull_from(
    pieces: AsyncIterable[bytes], loop: asyncio.AbstractEventLoop
) -> Iterator[bytes]:
    """An async iterable as an iterator for the worker that sends."""
    iterator: AsyncIterator[bytes] = pieces.__aiter__()

    async def next_piece() -> bytes | None:
        async for piece in iterator:
            return piece
        return None

    while True:
        future = asyncio.run_coroutine_threadsafe(next_piece(), loop)
        piece = future.result()
        if piece is None:
            return
        yield piece


class AsyncClient(BaseClient):
    __doc__ = f"""``Client`` for asyncio: nothing blocks the event loop.

    Each request occupies a thread while it waits, at most ``max_concurrency``
    of them; more wait for their turn. Cancelling the task ends the request
    within 100 ms.

    {BaseClient.__doc__}"""

    def __init__(self, *arguments: Any, max_concurrency: int = 64, **options: Any):
        super().__init__(*arguments, **options)
        self._turns = asyncio.Semaphore(max_concurrency)

    async def _run(self, call: Callable[[], T], cancel: Callable[[], object]) -> T:
        async with self._turns:
            return await _run(call, cancel)

    async def aclose(self) -> None:
        """As ``Client.close``."""
        await _run(self._core.close, _workers.nothing)

    async def __aenter__(self) -> "AsyncClient":
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
        if isinstance(content, AsyncIterable):
            content = _pull_from(content, asyncio.get_running_loop())
        call = self._core.call(
            method,
            url,
            self._defaults,
            {
                "enclave": enclave,
                "params": params,
                "headers": headers,
                "content": content,
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
        return AsyncResponse(response, call, stream, self._run)

    async def get(self, url: str, **options: Any) -> AsyncResponse:
        """``request("GET", ...)``."""
        return await self.request("GET", url, **options)

    async def head(self, url: str, **options: Any) -> AsyncResponse:
        """``request("HEAD", ...)``."""
        return await self.request("HEAD", url, **options)

    async def options(self, url: str, **options: Any) -> AsyncResponse:
        """``request("OPTIONS", ...)``."""
        return await self.request("OPTIONS", url, **options)

    async def post(self, url: str, **options: Any) -> AsyncResponse:
        """``request("POST", ...)``."""
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Any) -> AsyncResponse:
        """``request("PUT", ...)``."""
        return await self.request("PUT", url, **options)

    async def patch(self, url: str, **options: Any) -> AsyncResponse:
        """``request("PATCH", ...)``."""
        return await self.request("PATCH", url, **options)

    async def delete(self, url: str, **options: Any) -> AsyncResponse:
        """``request("DELETE", ...)``."""
        return await self.request("DELETE", url, **options)
