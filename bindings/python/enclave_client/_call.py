"""One request on its way to C."""

import math
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, Union

from ._body import Content, Data, Source, encode_pairs, make_body, set_body
from ._errors import ErrorSlot, OutOfMemory, Status, UsageError, c_text
from ._native import ffi, lib

Params = Union[Mapping[str, Any], Sequence[tuple[str, Any]]]
#: None as a value leaves out a header that would be sent otherwise.
HeadersIn = Union[Mapping[str, str | None], Iterable[tuple[str, str | None]]]

# What stands in URLs as it is: RFC 3986's reserved and unreserved, and "%".
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"


def milliseconds(seconds: float | None, what: str) -> int:
    """For C, where 0 is for ever: so None becomes 0, and 0 is refused."""
    if seconds is None:
        return 0
    if not seconds > 0 or math.isinf(seconds):
        raise UsageError(
            f"{what} is {seconds}: expected seconds above 0, or None for none",
            status=Status.USAGE,
        )
    return math.ceil(seconds * 1000)


def make_target(url: str, params: Params | None) -> str:
    """A path or URL with params behind its query."""
    url, _, _ = url.partition("#")
    query = encode_pairs(params) if params else ""
    if query:
        url += ("&" if "?" in url else "?") + query
    return urllib.parse.quote(url, safe=_URL_SAFE)


def merge_headers(
    defaults: list[tuple[str, str | None]], given: HeadersIn | None
) -> list[tuple[str, str | None]]:
    """The request's own replace the client's of the same name."""
    own = header_pairs(given)
    names = {name.lower() for name, _ in own}
    return [pair for pair in defaults if pair[0].lower() not in names] + own


def header_pairs(headers: HeadersIn | None) -> list[tuple[str, str | None]]:
    """Names and values; of a generator, once."""
    if headers is None:
        return []
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return [(name, value) for name, value in pairs]


class Call:
    """A C request and what it borrows."""

    def __init__(
        self,
        method: str,
        url: str,
        *,
        enclave: str | None,
        params: Params | None,
        headers: list[tuple[str, str | None]],
        content: Content | None,
        data: Data | None,
        json: Any,
    ) -> None:
        self.name = ffi.NULL if enclave is None else c_text(enclave, "the name")
        self.body_max_bytes = 0
        ret_request = ffi.new("struct enclave_client_request **")
        status = lib.enclave_client_request_new(
            c_text(method, "the method").upper(),
            c_text(make_target(url, params), "the URL"),
            ret_request,
        )
        if status:
            raise OutOfMemory("out of memory", status=Status.MEMORY)
        self.request = ffi.gc(ret_request[0], lib.enclave_client_request_free)
        body, content_type = make_body(content, data, json)
        self._set_headers(headers, content_type)
        self._source = body if isinstance(body, Source) else None
        self._keep = set_body(self.request, body)

    def _set_headers(
        self, headers: list[tuple[str, str | None]], content_type: str | None
    ) -> None:
        if content_type and not any(
            name.lower() == "content-type" for name, _ in headers
        ):
            headers = [*headers, ("Content-Type", content_type)]
        for name, value in headers:
            lib.enclave_client_request_add_header(
                self.request,
                c_text(name, "a header's name", "latin-1"),
                ffi.NULL
                if value is None
                else c_text(value, f"the header {name}", "latin-1"),
            )

    def limit(
        self,
        timeout: float | None,
        connect_timeout: float | None,
        redirects_max: int,
        body_max_bytes: int,
    ) -> None:
        """Seconds, hops, bytes."""
        request = self.request
        lib.enclave_client_request_set_timeout_ms(
            request, milliseconds(timeout, "timeout")
        )
        lib.enclave_client_request_set_connect_timeout_ms(
            request, milliseconds(connect_timeout, "connect_timeout")
        )
        lib.enclave_client_request_set_redirects_max(request, redirects_max)
        lib.enclave_client_request_set_body_max_bytes(request, body_max_bytes)
        self.body_max_bytes = body_max_bytes
        self._timeout = timeout

    def send(self, client: Any, stream: bool) -> Any:
        """The C response. Blocks."""
        verb = lib.enclave_client_open if stream else lib.enclave_client_request
        error = ErrorSlot()
        ret_response = ffi.new("struct enclave_client_response **")
        if self._source is not None:
            self._source.begin(self._timeout)
        status = verb(client, self.name, self.request, ret_response, error.pointer)
        if status:
            self.raise_failure(error, status)
        # The lambda holds what the response reaches into while it is freed.
        return ffi.gc(
            ret_response[0],
            lambda response, _=(client, self): (
                lib.enclave_client_response_free(response)
            ),
        )

    def raise_failure(self, error: ErrorSlot, status: int) -> NoReturn:
        """What C says; or what the body's own source raised, which is why."""
        failure = error.exception(status)
        if self._source is not None and self._source.failure is not None:
            cause, self._source.failure = self._source.failure, None
            raise cause from failure
        raise failure

    def cancel(self) -> None:
        """From any thread: the call ends within 100 ms."""
        lib.enclave_client_request_cancel(self.request)
        if self._source is not None:
            self._source.cancel()
