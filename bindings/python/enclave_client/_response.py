"""Answers."""

import codecs
import datetime
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from . import _workers
from ._documents import Attestation, read_attestation
from ._errors import (
    BodyTooLarge,
    ErrorSlot,
    HTTPStatusError,
    Status,
    UsageError,
    text,
)
from ._native import ffi, lib

if TYPE_CHECKING:
    from ._call import Call

CHUNK_BYTES = 65536


class Headers(Mapping[str, str]):
    """The final answer's headers; names in any case. Several of one name are
    joined by ", ", as RFC 9110 5.3 has it; ``get_list`` gives them apart."""

    def __init__(self, items: list[tuple[str, str]]) -> None:
        self._items = items
        self._by_name: dict[str, list[str]] = {}
        for name, value in items:
            self._by_name.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._by_name[name.lower()])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def get_list(self, name: str) -> list[str]:
        """Every value of that name, in order."""
        return list(self._by_name.get(name.lower(), ()))

    def multi_items(self) -> list[tuple[str, str]]:
        """Every header as it came."""
        return list(self._items)

    def __repr__(self) -> str:
        return f"Headers({self._items!r})"


def _final_block(blocks: bytes) -> list[bytes]:
    """Lines of the last header block: before it stand redirects and 1xx."""
    lines = blocks.replace(b"\r\n", b"\n").split(b"\n")
    starts = [n for n, line in enumerate(lines) if line.startswith(b"HTTP/")]
    return lines[starts[-1] :] if starts else []


def _parse_headers(response: Any, lines: list[bytes]) -> list[tuple[str, str]]:
    """Names out of the text, values as the library parsed them."""
    seen: dict[str, int] = {}
    items = []
    for line in lines[1:]:
        raw, colon, _ = line.partition(b":")
        if not colon or raw[:1] in b" \t":
            continue
        name = raw.strip().decode("latin-1")
        index = seen.setdefault(name.lower(), 0)
        seen[name.lower()] = index + 1
        value = lib.enclave_client_response_header(
            response, name.encode("latin-1"), index
        )
        if value:
            items.append((name, ffi.string(value).decode("latin-1")))
    return items


def _decodes(encoding: str) -> bool:
    """Whether Python has it, for text, and it takes any byte: hex is no text,
    idna knows no replacing, and undefined fails always."""
    try:
        b"a\xff".decode(encoding, "replace")
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError):
        return False
    return True


class BaseResponse:
    """What is known when the headers are there."""

    #: HTTP status of the final answer.
    status_code: int
    #: The text after it, "" over HTTP/2.
    reason: str
    #: "1.1" or "2".
    http_version: str
    #: The URL that was fetched last.
    url: str
    #: Name of the enclave that answered.
    enclave: str
    headers: Headers
    #: The evidence that the request was sent under.
    attestation: Attestation
    #: Learning included; of a stream, until the headers.
    elapsed: datetime.timedelta
    #: Redirects that were followed.
    redirects: int
    #: TLS connections made for it: 0 where one was there.
    connections: int

    def __init__(self, response: Any, call: "Call", stream: bool) -> None:
        self._call = call
        self._body_max_bytes = call.body_max_bytes
        self._lock = threading.Lock()
        self._content: bytes | None = None
        self._response: Any = None
        self._closed_early = False
        self._read_headers(response)
        if stream:
            self._response = response
            self._buffer = ffi.new("char[]", CHUNK_BYTES)
        else:
            length = ffi.new("size_t *")
            body = lib.enclave_client_response_body(response, length)
            self._content = bytes(ffi.buffer(body, length[0]))

    def _read_headers(self, response: Any) -> None:
        def info(name: str) -> int:
            number = getattr(lib, f"ENCLAVE_CLIENT_INFO_{name}")
            value: int = lib.enclave_client_response_info(response, number)
            return value

        length = ffi.new("size_t *")
        blocks = lib.enclave_client_response_header_text(response, length)
        lines = _final_block(bytes(ffi.buffer(blocks, length[0])))
        first = lines[0].decode("latin-1").split(" ", 2) if lines else []
        self.status_code = lib.enclave_client_response_status(response)
        self.reason = first[2].strip() if len(first) > 2 else ""
        self.http_version = text(lib.enclave_client_response_http_version(response))
        self.url = text(lib.enclave_client_response_url(response))
        self.enclave = text(lib.enclave_client_response_enclave(response))
        self.headers = Headers(_parse_headers(response, lines))
        self.attestation = read_attestation(
            lib.enclave_client_response_document(response), self.enclave
        )
        self.elapsed = datetime.timedelta(microseconds=info("TIME_TOTAL_US"))
        self.redirects = info("NUM_REDIRECTS")
        self.connections = info("NUM_CONNECTS")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} [{self.status_code}] {self.enclave}>"

    @property
    def ok(self) -> bool:
        """Below 400."""
        return self.status_code < 400

    def raise_for_status(self) -> None:
        """HTTPStatusError for 4xx and 5xx."""
        if self.ok:
            return
        raise HTTPStatusError(
            f"{self.enclave}: {self.status_code} {self.reason}".rstrip()
            + f" for {self.url}",
            code=self.status_code,
            enclave=self.enclave,
        )

    @property
    def encoding(self) -> str:
        """What Content-Type names, else UTF-8."""
        for part in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = part.partition("=")
            if name.strip().lower() == "charset":
                name = value.strip(" \t\"'")
                if _decodes(name):
                    return codecs.lookup(name).name
                break
        return "utf-8"

    @property
    def is_closed(self) -> bool:
        """Nothing more is to come."""
        return self._response is None

    def _pull(self) -> bytes:
        """Next bytes of a stream; b"" at its end. Blocks."""
        if not self._lock.acquire(blocking=False):
            raise UsageError("another thread reads this response", status=Status.USAGE)
        try:
            if self._closed_early:
                # Not b"": that would be its end.
                raise UsageError(
                    "the response was closed before its end", status=Status.USAGE
                )
            if self._response is None:
                return b""
            error = ErrorSlot()
            length = ffi.new("size_t *")
            status = lib.enclave_client_response_read(
                self._response, self._buffer, CHUNK_BYTES, length, error.pointer
            )
            if status:
                self._response = None
                self._call.raise_failure(error, status)
            if not length[0]:
                self._response = None
            return bytes(ffi.buffer(self._buffer, length[0]))
        finally:
            self._lock.release()

    def _drop(self) -> None:
        if self._response is None:
            return
        self._call.cancel()
        # A read that is under way ends within 100 ms.
        with self._lock:
            if self._response is not None:
                self._response, self._closed_early = None, True

    def _take(self, collected: bytearray, piece: bytes) -> None:
        collected += piece
        if len(collected) > self._body_max_bytes:
            self._drop()
            raise BodyTooLarge(
                f"{self.enclave}: the answer is larger than "
                f"{self._body_max_bytes} bytes",
                status=Status.BODY_TOO_LARGE,
                enclave=self.enclave,
            )

    def _whole(self) -> bytes:
        if self._content is None:
            raise UsageError(
                "the stream was read in part, or not yet", status=Status.USAGE
            )
        return self._content


class Response(BaseResponse):
    """An answer. Of a stream the body comes while it is read; ``content``
    reads the rest of it. Close it, or use it as a context manager."""

    def __init__(self, response: Any, call: "Call", stream: bool) -> None:
        super().__init__(response, call, stream)
        self._begun = False

    def _next(self) -> bytes:
        return _workers.run(self._pull, self._call.cancel)

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The body in pieces: as they come, or of chunk_size bytes."""
        if chunk_size is not None and chunk_size < 1:
            raise UsageError("chunk_size is below 1", status=Status.USAGE)
        pieces = self._pieces()
        return pieces if chunk_size is None else _rechunk(pieces, chunk_size)

    def _pieces(self) -> Iterator[bytes]:
        if self._content is not None:
            if self._content:
                yield self._content
            return
        if self._begun:
            raise UsageError("the stream was read before", status=Status.USAGE)
        self._begun = True
        while piece := self._next():
            yield piece

    def iter_text(self) -> Iterator[str]:
        """The body as text, in pieces."""
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        for piece in self.iter_bytes():
            if decoded := decoder.decode(piece):
                yield decoded
        if decoded := decoder.decode(b"", True):
            yield decoded

    def iter_lines(self) -> Iterator[str]:
        """The body's lines, without what ends them."""
        rest = ""
        for piece in self.iter_text():
            *lines, rest = (rest + piece).split("\n")
            for line in lines:
                yield line.removesuffix("\r")
        if rest:
            yield rest

    @property
    def content(self) -> bytes:
        """The whole body; BodyTooLarge past ``body_max_bytes``."""
        if self._content is None and not self._begun:
            collected = bytearray()
            for piece in self._pieces():
                self._take(collected, piece)
            self._content = bytes(collected)
        return self._whole()

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode(self.encoding, "replace")

    def json(self) -> Any:
        """The body as JSON; ValueError where it is none."""
        return json.loads(self.content)

    def close(self) -> None:
        """Ends a stream; its connection too, unless it was read to its end."""
        self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _rechunk(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    rest = bytearray()
    for piece in pieces:
        rest += piece
        while len(rest) >= size:
            yield bytes(rest[:size])
            del rest[:size]
    if rest:
        yield bytes(rest)


class AsyncResponse(BaseResponse):
    """The same for an event loop: what waits is awaited."""

    def __init__(
        self,
        response: Any,
        call: "Call",
        stream: bool,
        run: Callable[..., Any],
    ) -> None:
        super().__init__(response, call, stream)
        self._run = run
        self._begun = False

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body in pieces, as they come."""
        if self._content is not None:
            if self._content:
                yield self._content
            return
        if self._begun:
            raise UsageError("the stream was read before", status=Status.USAGE)
        self._begun = True
        while piece := await self._run(self._pull, self._call.cancel):
            yield piece

    async def aiter_lines(self) -> AsyncIterator[str]:
        """The body's lines, without what ends them."""
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        rest = ""
        async for piece in self.aiter_bytes():
            *lines, rest = (rest + decoder.decode(piece)).split("\n")
            for line in lines:
                yield line.removesuffix("\r")
        rest += decoder.decode(b"", True)
        if rest:
            yield rest

    async def aread(self) -> bytes:
        """The rest of a stream; BodyTooLarge past ``body_max_bytes``."""
        if self._content is None and not self._begun:
            collected = bytearray()
            async for piece in self.aiter_bytes():
                self._take(collected, piece)
            self._content = bytes(collected)
        return self._whole()

    @property
    def content(self) -> bytes:
        """The whole body; of a stream, after ``aread()``."""
        return self._whole()

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode(self.encoding, "replace")

    def json(self) -> Any:
        """The body as JSON; ValueError where it is none."""
        return json.loads(self.content)

    async def aclose(self) -> None:
        """Ends a stream."""
        if self._response is not None:
            await self._run(self._drop, _workers.nothing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
