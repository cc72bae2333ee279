"""``httpx`` with the gate under it.

    import httpx
    from enclave_client import Client
    from enclave_client.httpx import Transport
    with Client(map) as client, httpx.Client(transport=Transport(client)) as http:
        http.get("https://payments.example.com/hello")

``AsyncTransport`` is the same for ``httpx.AsyncClient``. A transport sends to the
client's enclaves and to nothing else; mount plain ones where plain connections
are meant.

The connections and their pools are httpcore's, one pool an enclave. The gate
stands in the network stream: after each handshake, and before each write, HTTP/1.1
and HTTP/2 alike.
"""

import contextlib
import contextvars
import importlib
import inspect
import os
import ssl
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from typing import Any, NoReturn

import anyio
import anyio.to_thread
import h11
import httpcore
import httpx

from ._client import BaseClient
from ._documents import Attestation, read_attestation
from ._errors import (
    EnclaveClientError,
    InternalError,
    Status,
    UnknownEnclave,
    Unsupported,
    UsageError,
)
from ._gate import (
    EVIDENCE_MAX_BYTES,
    PIECE_BYTES,
    PROBES_MAX,
    ForkLock,
    Gate,
    Peer,
    agent,
    evidence_request,
    harden,
    learning_time,
    origin_of,
    pin,
)

# The evidence's Host header and path.
Target = tuple[str, str] | None
Trust = bool | str | os.PathLike[str]
Certificate = str | tuple[str, str] | tuple[str, str, str]

READ_BYTES = 65536


def _backends() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """What opens TCP connections for httpcore, blocking and not."""
    # Public since httpcore 0.18.
    public: Any = httpcore
    if hasattr(public, "SyncBackend") and hasattr(public, "AnyIOBackend"):
        return public.SyncBackend, public.AnyIOBackend
    # By name: where they are public, these modules have gone.
    try:
        return (
            importlib.import_module("httpcore.backends.sync").SyncBackend,
            importlib.import_module("httpcore.backends.auto").AutoBackend,
        )
    except (ImportError, AttributeError):
        _unknown("httpcore.backends")


def _unknown(what: str) -> NoReturn:
    raise Unsupported(
        f"enclave_client.httpx does not know httpx {httpx.__version__} with httpcore "
        f"{httpcore.__version__}: there is no {what}",
        status=Status.UNSUPPORTED,
    )


def _check_libraries() -> None:
    for pool in (
        httpcore.ConnectionPool,
        httpcore.AsyncConnectionPool,
        httpcore.HTTPProxy,
        httpcore.AsyncHTTPProxy,
    ):
        if "network_backend" not in inspect.signature(pool).parameters:
            _unknown(f"network_backend of httpcore.{pool.__name__}")
    owners: tuple[tuple[Any, str], ...] = (
        (httpx, "create_ssl_context"),
        (httpx.Response, "has_redirect_location"),
        (httpx, "SyncByteStream"),
        (httpx, "AsyncByteStream"),
    )
    for owner, name in owners:
        if not hasattr(owner, name):
            _unknown(name)


def _abandoned() -> dict[str, Any]:
    """A thread whose task is cancelled goes on alone: in anyio 3 and since."""
    known = inspect.signature(anyio.to_thread.run_sync).parameters
    for name in ("abandon_on_cancel", "cancellable"):
        if name in known:
            return {name: True}
    _unknown("abandon_on_cancel of anyio.to_thread.run_sync")


_check_libraries()
_ABANDONED = _abandoned()
_SyncBackend, _AsyncBackend = _backends()


class _Refused(Exception):
    """Carries a refusal through httpcore."""

    def __init__(
        self, failure: EnclaveClientError, written: float | None = None
    ) -> None:
        super().__init__(str(failure))
        self.failure = failure
        #: Where a new connection may do, for this one had been accepted before:
        #: when it last carried bytes that may be any of its requests'.
        self.written = written


class _Exchange:
    """What one request has come to."""

    def __init__(self, probe: bool) -> None:
        #: A new connection shows no client certificate.
        self.probe = probe
        self.began = time.monotonic()
        #: Something was written since the request began.
        self.sent = False
        self.peer: Peer | None = None

    def may_begin_again(self, failure: Exception) -> bool:
        """Nothing of it was sent. Over HTTP/2 one request's write carries what the
        others have ready, and httpcore raises one refusal to all of them: what the
        connection carried since this request began may be this request."""
        return (
            isinstance(failure, _Refused)
            and failure.written is not None
            and failure.written < self.began
            and not self.sent
        )


_exchange: contextvars.ContextVar[_Exchange] = contextvars.ContextVar("exchange")


@contextlib.contextmanager
def _carried() -> Iterator[None]:
    try:
        yield
    except EnclaveClientError as failure:
        raise _Refused(failure) from failure


class _Evidence:
    """The evidence GET over a connection that nobody has judged yet: bytes out,
    bytes in (h11 knows HTTP, this knows what is accepted)."""

    def __init__(self, peer: Peer, host: str, path: str) -> None:
        self._peer = peer
        self._http = h11.Connection(h11.CLIENT)
        self._body = bytearray()
        self._begun = False
        self.whole = False
        self.request = evidence_request(host, path, agent())
        # h11 must have sent something to read an answer; ours goes out.
        self._http.send(
            h11.Request(method="GET", target=path, headers=[("Host", host)])
        )
        self._http.send(h11.EndOfMessage())

    def feed(self, data: bytes) -> None:
        """Bytes that came; b"" when the connection ended."""
        try:
            self._http.receive_data(data)
            while not self.whole:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    return
                self._take(event)
        except h11.RemoteProtocolError as failure:
            self._peer.not_served(f"{failure}")

    def _take(self, event: Any) -> None:
        if isinstance(event, h11.Response):
            if event.status_code != 200:
                code = event.status_code
                self._peer.not_served(f"HTTP status {code}", code)
            self._begun = True
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > EVIDENCE_MAX_BYTES:
                self._peer.not_served(f"more than {EVIDENCE_MAX_BYTES} bytes")
        elif isinstance(event, h11.EndOfMessage):
            self.whole = True
        elif isinstance(event, h11.ConnectionClosed):
            self._peer.not_served("the connection ended")

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    @property
    def kept(self) -> bool:
        """The connection can go on, and nothing came that nobody asked for."""
        return (
            self._http.our_state is h11.DONE
            and self._http.their_state is h11.DONE
            and not self._http.trailing_data[0]
        )


class _Lane:
    """One enclave's connections: where they go and what they must show."""

    def __init__(
        self,
        gate: Gate,
        name: str,
        url: httpx.URL,
        proxied: bool,
        make_pinned: Callable[[list[bytes]], ssl.SSLContext] | None,
    ) -> None:
        self.gate = gate
        self.name = name
        self.host = url.raw_host.decode("ascii")
        self.port = url.port or 443
        self.proxied = proxied
        self._make_pinned = make_pinned

    def pinned(self) -> ssl.SSLContext | None:
        """The context that shows a client certificate, and to servers alone that
        were judged without it; None where none may be shown yet."""
        if self._make_pinned is None:
            return None
        pins = self.gate.pins(self.name)
        return self._make_pinned(pins) if pins else None

    def only_probed(self, peer: Peer) -> bool:
        """After a verdict: does the connection lack the client's certificate?"""
        if self._make_pinned is None:
            return False
        peer.pin()
        return True

    def evidence_target(self, peer: Peer, tls: Any, pinned: Any) -> Target:
        """Where this connection can ask for it; None: it can't."""
        if pinned is not None or self.speaks_http2(tls):
            return None
        return self.gate.evidence_target(peer.name)

    def check_target(self, host: str, port: int) -> None:
        """A connection without a proxy goes to the enclave's own origin."""
        if not self.proxied and (host, port) != (self.host, self.port):
            raise InternalError(f"{self.name}: httpcore connects to {host}:{port}")

    def check_plain(self, data: bytes) -> None:
        """Before TLS nothing but CONNECT goes out, to a proxy."""
        if data and not (self.proxied and data.startswith(b"CONNECT ")):
            raise InternalError(f"{self.name}: httpcore writes before TLS")

    def meet(self, hostname: str | None, tls: Any) -> Peer:
        """After the handshake."""
        if hostname != self.host:
            raise InternalError(f"{self.name}: httpcore speaks to {hostname}")
        if self.gate.find(origin_of(self.host, self.port)) != self.name:
            raise UnknownEnclave(
                f"{self.name}: it has another name now", status=Status.UNKNOWN_ENCLAVE
            )
        return Peer(self.gate, self.name, tls)

    @staticmethod
    def speaks_http2(tls: Any) -> bool:
        """Its evidence can't be asked for over this connection."""
        return bool(tls.selected_alpn_protocol() == "h2")


class _Closed(Exception):
    """The connection was for its evidence; another one has to follow."""

    def __init__(self, probe: bool = False) -> None:
        super().__init__()
        #: That one must not show the client's certificate.
        self.probe = probe


def _pieces(buffer: bytes) -> Sequence[bytes]:
    """What is judged by itself; nothing at all is one piece, too."""
    if len(buffer) <= PIECE_BYTES:
        return (buffer,)
    starts = range(0, len(buffer), PIECE_BYTES)
    return [buffer[start : start + PIECE_BYTES] for start in starts]


class _AnyStream:
    """What both kinds of streams have."""

    def __init__(self, inner: Any, lane: _Lane, peer: Peer | None = None) -> None:
        self._inner = inner
        self._lane = lane
        self._peer = peer
        self._written = 0.0
        self._shared = peer is not None and lane.speaks_http2(
            inner.get_extra_info("ssl_object")
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def _pinned(self) -> ssl.SSLContext | None:
        exchange = _exchange.get(None)
        if exchange is not None and exchange.probe:
            return None
        return self._lane.pinned()

    def _judge(self, data: bytes) -> None:
        if self._peer is None:
            with _carried():
                self._lane.check_plain(data)
            return
        try:
            self._peer.judge()
        except EnclaveClientError as failure:
            raise _Refused(failure, self._written) from failure
        if self._shared and data:
            self._written = time.monotonic()
        exchange = _exchange.get(None)
        if exchange is not None:
            # With nothing to write too: another's write had it.
            exchange.sent = True
            exchange.peer = self._peer


class _Stream(_AnyStream):
    """httpcore's stream with the gate in it."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data: bytes = self._inner.read(max_bytes, timeout)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for piece in _pieces(buffer):
            self._judge(piece)
            self._inner.write(piece, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> "_Stream":
        pinned = self._pinned()
        try:
            stream = self._inner.start_tls(
                pinned or ssl_context, server_hostname, timeout
            )
        except httpcore.ConnectError as failure:
            if pinned is not None:
                raise _Closed(probe=True) from failure
            raise
        try:
            tls = stream.get_extra_info("ssl_object")
            with _carried():
                peer = self._lane.meet(server_hostname, tls)
                if peer.judge_or_say_why() is not None:
                    target = self._lane.evidence_target(peer, tls, pinned)
                    limit = learning_time(timeout)
                    self._learn(peer, stream, target, limit)
                if pinned is None and self._lane.only_probed(peer):
                    raise _Closed
        except BaseException:
            stream.close()
            raise
        return _Stream(stream, self._lane, peer)

    def _learn(self, peer: Peer, stream: Any, target: Target, limit: float) -> None:
        if target is None:
            self._lane.gate.fetch_elsewhere(peer.name, limit)
            peer.judge()
            return
        evidence = _Evidence(peer, *target)
        end = time.monotonic() + limit
        try:
            stream.write(evidence.request, limit)
            while not evidence.whole:
                left = end - time.monotonic()
                if left <= 0:
                    peer.late(limit)
                evidence.feed(stream.read(READ_BYTES, left))
        except httpcore.TimeoutException:
            peer.late(limit)
        except httpcore.NetworkError as failure:
            peer.not_served(f"{type(failure).__name__}: {failure}")
        peer.offer(evidence.body)
        if not evidence.kept:
            raise _Closed


class _Backend:
    """Opens httpcore's connections, for one enclave."""

    def __init__(self, lane: _Lane) -> None:
        self._inner = _SyncBackend()
        self._lane = lane

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> _Stream:
        with _carried():
            self._lane.check_target(host, port)
        return _Stream(self._inner.connect_tcp(host, port, *args, **options), self._lane)

    def connect_unix_socket(self, *_: Any, **__: Any) -> NoReturn:
        raise _Refused(UsageError("no Unix sockets here", status=Status.USAGE))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _AsyncStream(_AnyStream):
    """The same for an event loop. A verdict is a lookup and does not block;
    appraising evidence goes to a thread."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data: bytes = await self._inner.read(max_bytes, timeout)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for piece in _pieces(buffer):
            self._judge(piece)
            await self._inner.write(piece, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> "_AsyncStream":
        pinned = self._pinned()
        try:
            stream = await self._inner.start_tls(
                pinned or ssl_context, server_hostname, timeout
            )
        except (ssl.SSLError, httpcore.ConnectError) as failure:
            if pinned is not None:
                raise _Closed(probe=True) from failure
            # httpcore's own does so for blocking connections alone.
            raise httpcore.ConnectError(str(failure)) from failure
        try:
            tls = stream.get_extra_info("ssl_object")
            with _carried():
                peer = self._lane.meet(server_hostname, tls)
                if peer.judge_or_say_why() is not None:
                    target = self._lane.evidence_target(peer, tls, pinned)
                    limit = learning_time(timeout)
                    await self._learn(peer, stream, target, limit)
                if pinned is None and self._lane.only_probed(peer):
                    raise _Closed
        except BaseException:
            with anyio.CancelScope(shield=True):
                await stream.aclose()
            raise
        return _AsyncStream(stream, self._lane, peer)

    async def _learn(
        self, peer: Peer, stream: Any, target: Target, limit: float
    ) -> None:
        if target is None:
            fetch = self._lane.gate.fetch_elsewhere
            # Whoever cancels does not wait; the fetch ends by itself.
            await anyio.to_thread.run_sync(partial(fetch, peer.name, limit), **_ABANDONED)
            peer.judge()
            return
        evidence = _Evidence(peer, *target)
        end = time.monotonic() + limit
        try:
            await stream.write(evidence.request, limit)
            while not evidence.whole:
                left = end - time.monotonic()
                if left <= 0:
                    peer.late(limit)
                evidence.feed(await stream.read(READ_BYTES, left))
        except httpcore.TimeoutException:
            peer.late(limit)
        except httpcore.NetworkError as failure:
            peer.not_served(f"{type(failure).__name__}: {failure}")
        await anyio.to_thread.run_sync(partial(peer.offer, evidence.body))
        if not evidence.kept:
            raise _Closed


class _AsyncBackendOf:
    """Opens httpcore's connections, for one enclave."""

    def __init__(self, lane: _Lane) -> None:
        self._inner = _AsyncBackend()
        self._lane = lane

    async def connect_tcp(
        self, host: str, port: int, *args: Any, **options: Any
    ) -> _AsyncStream:
        with _carried():
            self._lane.check_target(host, port)
        stream = await self._inner.connect_tcp(host, port, *args, **options)
        return _AsyncStream(stream, self._lane)

    async def connect_unix_socket(self, *_: Any, **__: Any) -> NoReturn:
        raise _Refused(UsageError("no Unix sockets here", status=Status.USAGE))

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class AttestedResponse(httpx.Response):
    """An ``httpx.Response`` with ``.attestation``."""

    _peer: Peer | None = None
    _document: Any = None
    _redirect_leaves_origin = False

    @property
    def attestation(self) -> Attestation:
        """The evidence that the request was sent under."""
        if self._document is None or self._peer is None:
            raise UsageError("there is no evidence here", status=Status.USAGE)
        return read_attestation(self._document, self._peer.name)

    @property
    def has_redirect_location(self) -> bool:
        """False for one that leaves the enclave's origin: nobody follows it."""
        return super().has_redirect_location and not self._redirect_leaves_origin

    def __getstate__(self) -> dict[str, Any]:
        # Pickled without its evidence, which is C's and the client's.
        state = super().__getstate__()
        for name in ("_peer", "_document"):
            state.pop(name, None)
        return state


@contextlib.contextmanager
def _mapped(request: httpx.Request) -> Iterator[None]:
    """httpcore's exceptions as httpx's of the same name; refusals as both."""
    try:
        yield
    except _Refused as refused:
        raise _as_httpx_error(refused.failure, request) from refused.failure
    except EnclaveClientError as failure:
        raise _as_httpx_error(failure, request) from failure
    except Exception as failure:
        for kind in type(failure).__mro__:
            twin = getattr(httpx, kind.__name__, None)
            if kind.__module__.startswith("httpcore") and twin is not None:
                raise twin(str(failure), request=request) from failure
        raise


class _Body(httpx.SyncByteStream):
    def __init__(self, inner: Any, request: httpx.Request) -> None:
        self._inner = inner
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        with _mapped(self._request):
            yield from self._inner

    def close(self) -> None:
        self._inner.close()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, inner: Any, request: httpx.Request) -> None:
        self._inner = inner
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _mapped(self._request):
            async for piece in self._inner:
                yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


class _AnyTransport:
    """What both transports are made with.

    ``client``: lives at least as long.  ``verify``: a CA file or folder; True: the
    client's ``ca_file`` or ``ca_directory``, else httpx's own.  Verification is
    always on.  ``cert``: shown to servers alone that were judged, on a connection
    without it, before.
    ``proxy``: the URL of an http proxy, which sees CONNECT and no more.
    The rest is as in ``httpx.HTTPTransport``.
    """

    _lane_pool: Callable[..., Any]

    def __init__(
        self,
        client: BaseClient,
        *,
        verify: Trust = True,
        cert: Certificate | None = None,
        http1: bool = True,
        http2: bool = False,
        limits: httpx.Limits = httpx.Limits(
            max_connections=100, max_keepalive_connections=20
        ),
        proxy: str | None = None,
        local_address: str | None = None,
        retries: int = 0,
    ) -> None:
        self._gate = Gate(client)
        self._context = self._make_context(verify)
        self._certificate = (cert,) if isinstance(cert, str) else cert
        self._proxy = None if proxy is None else httpx.URL(proxy)
        if self._proxy is not None and self._proxy.scheme != "http":
            raise UsageError("proxy: only http proxies", status=Status.USAGE)
        self._options: dict[str, Any] = {
            "ssl_context": self._context,
            "http1": http1,
            "http2": http2,
            "max_connections": limits.max_connections,
            "max_keepalive_connections": limits.max_keepalive_connections,
            "keepalive_expiry": limits.keepalive_expiry,
            "local_address": local_address,
            "retries": retries,
        }
        self._lock = ForkLock()
        self._pools: dict[tuple[str, str, int, int], Any] = {}
        self._pooled_max = _pooled_max(limits)

    def _make_context(self, verify: Trust) -> ssl.SSLContext:
        if verify is False:
            warnings.warn(
                "verify=False has no effect: certificates are verified, and keys "
                "attested",
                stacklevel=4,
            )
        settings = self._gate.core.settings
        if isinstance(verify, bool):
            own = settings.ca_file or settings.ca_directory
            context = _context_of(own) if own else httpx.create_ssl_context()
        elif isinstance(verify, (str, os.PathLike)):
            context = _context_of(verify)
        else:
            raise UsageError(
                f"verify: a {type(verify).__name__} may show a client certificate "
                "to a server that nobody has judged; give the path of a CA file or "
                "folder, and the certificate as cert=",
                status=Status.USAGE,
            )
        context.check_hostname = True
        harden(context, settings.insecure_key_log)
        return context

    def _make_pinned(self, leaves: list[bytes]) -> ssl.SSLContext:
        """Shows the client's certificate, to those leaves alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        pin(context, leaves)
        assert self._certificate is not None
        parts: tuple[Any, ...] = (*self._certificate, None, None)
        certificate, key, password = parts[:3]
        # Without a password OpenSSL would ask at the terminal.
        context.load_cert_chain(certificate, key, password or "")
        harden(context, self._gate.core.settings.insecure_key_log)
        # httpcore sets these on the contexts that it knows.
        http2 = self._options["http2"]
        context.set_alpn_protocols(["http/1.1", "h2"] if http2 else ["http/1.1"])
        return context

    def _pool_for(self, url: httpx.URL) -> Any:
        name = self._gate.find(str(url))
        lane = _Lane(
            self._gate,
            name,
            url,
            self._proxy is not None,
            self._make_pinned if self._certificate else None,
        )
        # A forked child leaves its parent's connections alone.
        key = (name, lane.host, lane.port, os.getpid())
        with self._lock:
            if key not in self._pools:
                self._pools[key] = self._make_pool(lane)
            return self._pools[key]

    def _tries(self) -> "_Tries":
        return _Tries(bool(self._certificate), self._pooled_max)

    def _make_pool(self, lane: _Lane) -> Any:
        raise NotImplementedError

    def _proxy_options(self) -> dict[str, Any]:
        assert self._proxy is not None
        proxy = self._proxy
        auth = (proxy.username, proxy.password) if proxy.username else None
        return {
            "proxy_url": httpcore.URL(
                scheme=proxy.raw_scheme,
                host=proxy.raw_host,
                port=proxy.port,
                target=b"/",
            ),
            "proxy_auth": auth,
        }

    @staticmethod
    def _core_request(request: httpx.Request) -> Any:
        return httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )

    def _response(
        self, request: httpx.Request, answer: Any, stream: Any, exchange: _Exchange
    ) -> AttestedResponse:
        response = AttestedResponse(
            status_code=answer.status,
            headers=answer.headers,
            stream=stream,
            extensions=answer.extensions,
        )
        response._peer = exchange.peer
        response._document = exchange.peer and exchange.peer.document
        if response.has_redirect_location:
            target = self._redirect_target(request, response)
            response._redirect_leaves_origin = not self._gate.same_origin(
                str(request.url), target
            )
        return response

    @staticmethod
    def _redirect_target(request: httpx.Request, response: httpx.Response) -> str:
        """What the server wrote may be no URL, which is found out in many ways."""
        try:
            return str(request.url.join(response.headers["location"]))
        except Exception as failure:
            raise httpx.RemoteProtocolError(
                f"invalid URL in the Location header: {failure}", request=request
            ) from failure


def _context_of(path: "str | os.PathLike[str]") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if os.path.isdir(path):
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(cafile=path)
    return context


# Connections that were pooled may be refused at their first byte: all of them are
# given up before one request is, and a few that others pool meanwhile.
_POOLED_MORE = 16
# In all where the pool has no limit of its own.
_POOLED_MAX = 1000


def _pooled_max(limits: httpx.Limits) -> int:
    pooled = limits.max_keepalive_connections
    if pooled is None:
        pooled = limits.max_connections
    return _POOLED_MAX if pooled is None else pooled + _POOLED_MORE


# A connection that its server closes behind the evidence has one successor; with a
# client certificate each probe has one, and each that met another server than the
# probe did.
class _Tries:
    """How often one request may still begin again."""

    def __init__(self, certificate: bool, pooled: int) -> None:
        self._pooled = pooled
        self._closed = 1
        self._exhausted = "the server closes behind its evidence"
        if certificate:
            self._closed = 2 * PROBES_MAX
            self._exhausted = "each connection met another certificate"
        self._probe = False

    def begin(self) -> _Exchange:
        """The next one."""
        return _Exchange(self._probe)

    def spend(self, exchange: _Exchange, failure: Exception) -> None:
        """Raises where the request has begun, or nothing is left."""
        if isinstance(failure, _Closed):
            self._closed -= 1
            self._probe = failure.probe
            if self._closed >= 0:
                return
            raise httpcore.ConnectError(self._exhausted)
        if exchange.may_begin_again(failure):
            self._pooled -= 1
            if self._pooled >= 0:
                return
        raise failure


class Transport(_AnyTransport, httpx.BaseTransport):
    __doc__ = f"""For ``httpx.Client``.

    {_AnyTransport.__doc__}"""

    def _make_pool(self, lane: _Lane) -> Any:
        options: dict[str, Any] = {**self._options, "network_backend": _Backend(lane)}
        if self._proxy is None:
            return httpcore.ConnectionPool(**options)
        return httpcore.HTTPProxy(**self._proxy_options(), **options)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx asks for it."""
        with _mapped(request):
            pool = self._pool_for(request.url)
            tries = self._tries()
            while True:
                exchange = tries.begin()
                token = _exchange.set(exchange)
                try:
                    answer = pool.handle_request(self._core_request(request))
                    break
                except (_Refused, _Closed) as failure:
                    tries.spend(exchange, failure)
                finally:
                    _exchange.reset(token)
        body = _Body(answer.stream, request)
        try:
            return self._response(request, answer, body, exchange)
        except BaseException:
            # Its connection would stay taken.
            body.close()
            raise

    def close(self) -> None:
        """Closes what is pooled; the client stays open."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()


class AsyncTransport(_AnyTransport, httpx.AsyncBaseTransport):
    __doc__ = f"""For ``httpx.AsyncClient``.

    {_AnyTransport.__doc__}"""

    def _make_pool(self, lane: _Lane) -> Any:
        backend = _AsyncBackendOf(lane)
        options: dict[str, Any] = {**self._options, "network_backend": backend}
        if self._proxy is None:
            return httpcore.AsyncConnectionPool(**options)
        return httpcore.AsyncHTTPProxy(**self._proxy_options(), **options)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx asks for it."""
        with _mapped(request):
            pool = self._pool_for(request.url)
            tries = self._tries()
            while True:
                exchange = tries.begin()
                token = _exchange.set(exchange)
                try:
                    answer = await pool.handle_async_request(
                        self._core_request(request)
                    )
                    break
                except (_Refused, _Closed) as failure:
                    tries.spend(exchange, failure)
                finally:
                    _exchange.reset(token)
        body = _AsyncBody(answer.stream, request)
        try:
            return self._response(request, answer, body, exchange)
        except BaseException:
            # Its connection would stay taken.
            with anyio.CancelScope(shield=True):
                await body.aclose()
            raise

    async def aclose(self) -> None:
        """Closes what is pooled; the client stays open."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()


_combined: dict[type[EnclaveClientError], type[EnclaveClientError]] = {}


def _combine(kind: type[EnclaveClientError]) -> type[EnclaveClientError]:
    """The class that is both ours and httpx's."""
    if kind not in _combined:
        _combined[kind] = type(
            kind.__name__,
            (kind, httpx.ConnectError),
            {
                "__doc__": kind.__doc__,
                "__module__": __name__,
                "__reduce__": lambda error: (
                    _rebuild,
                    (kind, error.message, error._fields()),
                ),
            },
        )
    return _combined[kind]


def _rebuild(
    kind: type[EnclaveClientError], message: str, fields: dict[str, Any]
) -> EnclaveClientError:
    error = _combine(kind)(message, **fields)
    error._request = None  # type: ignore[attr-defined]
    return error


def _as_httpx_error(
    failure: EnclaveClientError, request: httpx.Request
) -> EnclaveClientError:
    error = _rebuild(type(failure), failure.message, failure._fields())
    error.request = request  # type: ignore[attr-defined]
    return error
