"""Request bodies: what Python programs send, as bytes or as a C callback."""

import io
import json as json_module
import os
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, Union

from ._errors import Status, UsageError
from ._native import ffi, lib

#: bytes, str (as UTF-8), a binary file, or an iterable of bytes.
Content = Union[bytes, bytearray, memoryview, str, IO[bytes], Iterable[bytes]]
#: A form: a dict (values may be lists), pairs; or the body itself.
Data = Union[Mapping[str, Any], Sequence[tuple[str, Any]], bytes, str]

Buffer = (bytes, bytearray, memoryview)


def _length_of(file: Any, start: int) -> int:
    end: int = file.seek(0, os.SEEK_END)
    file.seek(start)
    return max(end - start, 0)


class Source:
    """A body that is pulled while it is sent."""

    #: Bytes; -1: unknown, sent chunked.
    length = -1
    #: What made it fail, to be raised again by whoever sends.
    failure: BaseException | None = None

    def read(self, size: int) -> Any:
        """At most size bytes; empty at the end."""
        raise NotImplementedError

    def rewind(self) -> bool:
        """To the start; False where that cannot be."""
        return False

    def begin(self, timeout: float | None) -> None:
        """The request begins, and ends after so many seconds."""

    def cancel(self) -> None:
        """A read that waits fails at once, and so does each later one. From
        any thread."""


class FileSource(Source):
    """From where the file stands to its end."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._start: int | None = None
        try:
            if file.seekable():
                self._start = file.tell()
                self.length = _length_of(file, self._start)
        except (AttributeError, OSError, io.UnsupportedOperation):
            self._start = None

    def read(self, size: int) -> Any:
        data = self._file.read(size)
        if isinstance(data, str):
            raise TypeError("the file gives str: open it in binary mode")
        return data or b""

    def rewind(self) -> bool:
        if self._start is None:
            return False
        self._file.seek(self._start)
        return True


_END = object()


class IterableSource(Source):
    """Pieces of any size. A generator can be sent once, a list again."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self._iterator: Iterator[bytes] = iter(pieces)
        self._again = self._iterator is not pieces
        self._begun = False
        self._rest = memoryview(b"")

    def read(self, size: int) -> Any:
        self._begun = True
        while not self._rest:
            piece: Any = next(self._iterator, _END)
            if piece is _END:
                return b""
            if isinstance(piece, str):
                raise TypeError("the body's pieces are str: encode them")
            self._rest = memoryview(piece).cast("B")
        given, self._rest = self._rest[:size], self._rest[size:]
        return given

    def rewind(self) -> bool:
        if not self._begun:
            return True
        if not self._again:
            return False
        self._iterator = iter(self._pieces)
        self._rest = memoryview(b"")
        self._begun = False
        return True


def _only(values: dict[str, Any]) -> None:
    given = [name for name, value in values.items() if value is not None]
    if len(given) > 1:
        raise UsageError(
            f"a body comes from one of {' and '.join(given)}, not from both",
            status=Status.USAGE,
        )


def encode_pairs(given: Any) -> str:
    """A query or form. None leaves its name out, alone or in a list, as
    requests has it."""
    pairs = given.items() if isinstance(given, Mapping) else given
    kept = []
    for name, value in pairs:
        if isinstance(value, (list, tuple)):
            value = [each for each in value if each is not None]
        if value is not None:
            kept.append((name, value))
    return urllib.parse.urlencode(kept, doseq=True)


def make_body(
    content: Content | None, data: Data | None, json: Any
) -> tuple[bytes | Source | None, str | None]:
    """The body and the Content-Type it implies."""
    _only({"content": content, "data": data, "json": json})
    if json is not None:
        text = json_module.dumps(json, allow_nan=False, separators=(",", ":"))
        return text.encode(), "application/json"
    if data is not None and not isinstance(data, (str, *Buffer)):
        if isinstance(data, (Mapping, list, tuple)):
            return encode_pairs(data).encode(), "application/x-www-form-urlencoded"
    given = content if content is not None else data
    if given is None:
        return None, None
    if isinstance(given, str):
        return given.encode(), None
    if isinstance(given, Buffer):
        return bytes(given), None
    if isinstance(given, Source):
        return given, None
    if hasattr(given, "read"):
        return FileSource(given), None
    if isinstance(given, Iterable):
        return IterableSource(given), None  # type: ignore[arg-type]
    raise UsageError(
        f"a {type(given).__name__} is no body: bytes, str, a binary file or an "
        "iterable of bytes",
        status=Status.USAGE,
    )


@ffi.def_extern(error=-1)  # type: ignore
def enclave_client_python_read(buffer: Any, size: int, context: Any) -> int:
    """Called on the thread that sends, the interpreter's lock taken again."""
    source: Source = ffi.from_handle(context)
    try:
        data = source.read(size)
        length = len(data)
        if length > size:
            raise ValueError("read() gave more than was asked for")
        ffi.memmove(buffer, data, length)
    except BaseException as failure:
        source.failure = failure
        return -1
    return length


@ffi.def_extern(error=False)  # type: ignore
def enclave_client_python_rewind(context: Any) -> bool:
    """Likewise."""
    source: Source = ffi.from_handle(context)
    try:
        return source.rewind()
    except BaseException as failure:
        source.failure = failure
        return False


def set_body(request: Any, body: bytes | Source | None) -> Any:
    """Gives the body to a C request. What it returns must live as long as the
    request."""
    if body is None:
        return None
    if isinstance(body, bytes):
        lib.enclave_client_request_set_body(request, body, len(body))
        return None
    handle = ffi.new_handle(body)
    callback = ffi.new("struct enclave_client_body *")
    callback.read = lib.enclave_client_python_read
    callback.rewind = lib.enclave_client_python_rewind
    callback.len = body.length
    callback.context = handle
    lib.enclave_client_request_set_body_callback(request, callback)
    return handle
