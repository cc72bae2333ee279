"""The client for programs that block."""

from functools import partial
from typing import Any, Self, Unpack

from . import _workers
from ._body import Content, Data
from ._call import HeadersIn, Params
from ._config import Map, Path, Settings
from ._core import (
    BODY_MAX_BYTES,
    CONNECT_TIMEOUT_S,
    REFRESH_S,
    TIMEOUT_S,
    UNSET,
    Core,
    Defaults,
    Unset,
)
from ._documents import Attestation
from ._events import EventHandler
from ._options import RequestOptions
from ._report import EnclaveReport, read_prometheus, read_report
from ._response import Response


class BaseClient:
    """What both clients are made with.

    ``map``: which enclaves are accepted: a dict, the path of a JSON file, or,
    with ``url``, PCR sets alone (also what nitro-cli printed).  Callables in it
    are asked again every ``refresh_interval`` seconds, on a thread of this
    package's and in ``update`` and ``refresh``, perhaps at the same time; where
    one fails, the old policy stays and an event tells.

    ``url``, ``name``: one enclave instead of a map: its origin, and what it is
    called (its host where nothing is said).

    ``ca_file``, ``ca_directory``: replace the system's store for ordinary
    certificate verification.  ``resolve``, ``connect_to``: as curl's options.
    ``proxy``: None takes the environment's, "" none.

    ``polling``: a background thread keeps evidence live; without it requests
    alone learn it.  ``evidence_store``: a folder for documents, so that the
    next start begins with what this one learned.  ``nitro_root``: "aws-us-gov"
    for GovCloud, whose root is another than "aws", the default.

    ``headers``, ``timeout``, ``connect_timeout`` (seconds; None: none),
    ``follow_redirects`` (at most 10, within the enclave's origin) and
    ``body_max_bytes`` are what requests have where they say nothing.

    Events go to ``logging`` ("enclave_client") and to ``on_event``, which is
    called on a thread of this package's.

    Switches with ``insecure`` in their name weaken what an attestation means;
    each warns, and marks every ``attestation``.

    Internally locked: any number of threads may share one.
    """

    def __init__(
        self,
        map: Map,
        *,
        url: str | None = None,
        name: str | None = None,
        ca_file: Path | None = None,
        ca_directory: Path | None = None,
        resolve: tuple[str, ...] | list[str] = (),
        connect_to: tuple[str, ...] | list[str] = (),
        proxy: str | None = None,
        user_agent: str | None = None,
        polling: bool = True,
        evidence_store: Path | None = None,
        nitro_root: str | None = None,
        headers: HeadersIn | None = None,
        timeout: float | None = TIMEOUT_S,
        connect_timeout: float | None = CONNECT_TIMEOUT_S,
        follow_redirects: bool = False,
        body_max_bytes: int = BODY_MAX_BYTES,
        on_event: EventHandler | None = None,
        refresh_interval: float = REFRESH_S,
        insecure_allowed: bool = False,
        insecure_allow_debug: bool = False,
        insecure_nitro_root: Path | bytes | None = None,
        insecure_key_log: bool = False,
    ) -> None:
        settings = Settings(
            ca_file=ca_file,
            ca_directory=ca_directory,
            resolve=tuple(resolve),
            connect_to=tuple(connect_to),
            proxy=proxy,
            user_agent=user_agent,
            polling=polling,
            evidence_store=evidence_store,
            nitro_root=nitro_root,
            insecure_allowed=insecure_allowed,
            insecure_allow_debug=insecure_allow_debug,
            insecure_nitro_root=insecure_nitro_root,
            insecure_key_log=insecure_key_log,
        )
        settings.warn()
        self._defaults = Defaults(
            headers, timeout, connect_timeout, follow_redirects, body_max_bytes
        )
        self._core = Core(
            map,
            settings,
            url=url,
            name=name,
            on_event=on_event,
            refresh_interval=refresh_interval,
        )

    @property
    def is_closed(self) -> bool:
        """It was closed: every call raises Cancelled."""
        return self._core.closed

    def find(self, url: str) -> str:
        """Name of the enclave whose origin the URL has; UnknownEnclave."""
        return self._core.find(url)

    def report(self) -> list[EnclaveReport]:
        """How each enclave stands at this moment. Waits for nothing."""
        return read_report(self._core.pointer)

    def prometheus(self) -> str:
        """The report in Prometheus's text format."""
        return read_prometheus(self._core.pointer)

    def update(self, map: Map) -> None:
        """Replaces the whole map, atomically; on failure nothing changes. What
        a provider of the old map is still to answer no longer counts.
        Evidence is matched again, nothing is fetched; connections that are
        open honour it before their next request."""
        self._core.update(map)


class Client(BaseClient):
    __doc__ = f"""Sends requests to attested enclaves, and to nothing else.

    {BaseClient.__doc__}"""

    def close(self) -> None:
        """Ends everything within 100 ms: calls in other threads raise
        Cancelled, and so does every later one. Any number of times."""
        self._core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh(self) -> None:
        """Asks the policy provider now; raises what it raises, and then the
        old policy stays."""
        self._core.refresh()

    def wait(self, enclave: str | None = None, timeout: float | None = None) -> None:
        """Until the enclave (a name or URL; None: every one) has a live
        attested key. TimeoutError names who is not ready and why. Seconds; 0
        asks without waiting, None waits for ever."""
        name = None if enclave is None else self._core.name_of(enclave)
        self._core.wait(name, timeout)

    def attest(self, enclave: str, timeout: float | None = TIMEOUT_S) -> Attestation:
        """Fetches and judges the evidence of an enclave (a name or URL) on a
        connection of its own, and sends nothing else. Seconds."""
        name = self._core.name_of(enclave)
        return _workers.run(partial(self._core.attest, name, timeout), _workers.nothing)

    def request(
        self,
        method: str,
        url: str,
        *,
        enclave: str | None = None,
        params: Params | None = None,
        headers: HeadersIn | None = None,
        content: Content | None = None,
        data: Data | None = None,
        json: Any = None,
        timeout: float | None | Unset = UNSET,
        connect_timeout: float | None | Unset = UNSET,
        follow_redirects: bool | Unset = UNSET,
        body_max_bytes: int | Unset = UNSET,
        stream: bool = False,
    ) -> Response:
        """Sends a request and gives the answer, whatever its HTTP status.

        ``url``: an https URL of an enclave's origin; or, with ``enclave``, a
        path that begins with "/".  A body comes from one of ``content``
        (bytes, str, a binary file, an iterable of bytes), ``data`` (a form, or
        the body itself) and ``json``.  ``timeout``: seconds for all of it,
        learning and reading included.  ``stream``: the answer comes at its
        headers, and the body while it is read.

        Raises an EnclaveClientError; where the body's own source raised, that.
        """
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
        response = _workers.run(partial(call.send, client, stream), call.cancel)
        return Response(response, call, stream)

    def get(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """``request("GET", ...)``."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """``request("HEAD", ...)``."""
        return self.request("HEAD", url, **options)

    def options(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """``request("OPTIONS", ...)``."""
        return self.request("OPTIONS", url, **options)

    def post(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """``request("POST", ...)``."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """``request("PUT", ...)``."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """``request("PATCH", ...)``."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """``request("DELETE", ...)``."""
        return self.request("DELETE", url, **options)
