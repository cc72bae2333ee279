"""``requests`` with the gate under it.

    from enclave_client import Client
    from enclave_client.requests import Session
    with Client(map) as client, Session(client) as session:
        session.get("https://payments.example.com/hello")

``Session`` sends to the client's enclaves and to nothing else. ``AttestedAdapter``
can be mounted on a session of one's own: for its prefix nothing but attested
connections carry a byte; what other prefixes do is that session's business.

The connections and their pools are urllib3's. The gate stands in the
connection class: after each handshake, and before each write, headers and body
alike. ``verify=False`` does not switch anything off; a path in ``verify`` says
whom ordinary verification trusts, as ever.
"""

import http.client
import inspect
import io
import os
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any, NoReturn

import requests
import requests.adapters
import urllib3
import urllib3.connection
import urllib3.connectionpool
import urllib3.util.ssl_

from ._client import BaseClient
from ._documents import Attestation, read_attestation
from ._errors import (
    EnclaveClientError,
    InternalError,
    KeyNotAttested,
    RedirectRefused,
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

# What this module leans on, beyond what the libraries document.
_LEANS_ON: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (http.client.HTTPConnection, ("connect", "send", "putrequest", "set_tunnel")),
    (
        urllib3.connection.HTTPSConnection,
        ("connect", "send", "putrequest", "close", "is_verified"),
    ),
    (
        urllib3.connectionpool.HTTPSConnectionPool,
        ("ConnectionCls", "_get_conn", "_new_conn"),
    ),
    (urllib3.PoolManager(), ("pool_classes_by_scheme",)),
    (urllib3.util.ssl_, ("create_urllib3_context",)),
    (
        requests.adapters.HTTPAdapter(),
        ("poolmanager", "proxy_manager_for", "cert_verify", "build_response"),
    ),
    (requests.Session, ("resolve_redirects", "get_redirect_target")),
    (requests.certs, ("where",)),
    (requests.utils, ("extract_zipped_paths",)),
)
# Of a connection that was made and has not connected.
_CONNECTION_HAS = (
    *("_tunnel_host", "_tunnel_port", "auto_open", "blocksize", "sock", "timeout"),
    *("ssl_context", "cert_reqs", "assert_fingerprint", "server_hostname"),
    *("ca_certs", "ca_cert_dir", "ca_cert_data"),
    *("cert_file", "key_file", "key_password"),
)


def _unsupported(fact: str) -> NoReturn:
    raise Unsupported(
        f"enclave_client.requests does not know requests {requests.__version__} "
        f"with urllib3 {urllib3.__version__}: {fact}",
        status=Status.UNSUPPORTED,
    )


def _check_injected() -> None:
    """urllib3 can be told to use another TLS or another HTTP, at any time."""
    if getattr(urllib3.util.ssl_, "IS_PYOPENSSL", False):
        _unsupported(
            "urllib3.contrib.pyopenssl is injected, and the gate knows Python's own "
            "ssl alone; call urllib3.contrib.pyopenssl.extract_from_urllib3()"
        )
    if "h2" in getattr(urllib3.util.ssl_, "ALPN_PROTOCOLS", ()):
        _unsupported(
            "urllib3.http2 is injected, and the gate knows its HTTP/1.1 alone; call "
            "urllib3.http2.extract_from_urllib3()"
        )


def _check_names() -> None:
    missing = [
        f"{getattr(owner, '__name__', type(owner).__name__)}.{name}"
        for owner, names in _LEANS_ON
        for name in names
        if not hasattr(owner, name)
    ]
    connection = urllib3.connection.HTTPSConnection("localhost")
    missing += [
        f"HTTPSConnection.{name}"
        for name in _CONNECTION_HAS
        if not hasattr(connection, name)
    ]
    if missing:
        _unsupported(f"there is no {', '.join(missing)}")


class _Recorder:
    """Stands for the socket of a connection that was judged."""

    def __init__(self) -> None:
        self.written = b""

    def settimeout(self, timeout: Any) -> None:
        """urllib3 sets one before each request."""

    def sendall(self, data: bytes) -> None:
        self.written += data

    send = sendall


def _check_every_byte_is_sent() -> None:
    """A request is written, in one piece and in several, to a connection whose
    ``send`` keeps everything: what reaches the socket went around the gate."""
    kept: list[bytes] = []

    class Connection(urllib3.connection.HTTPSConnection):
        began = False

        def putrequest(self, *arguments: Any, **options: Any) -> None:
            self.began = True
            super().putrequest(*arguments, **options)

        def send(self, data: Any) -> None:
            kept.append(data if self.began else b"")

    for body in (b"body", iter([b"bo", b"dy"])):
        kept.clear()
        connection = Connection("localhost")
        connection.sock = recorder = _Recorder()
        write, options = connection.request, {}
        if not isinstance(body, bytes):
            if "chunked" in inspect.signature(write).parameters:
                options = {"chunked": True}
            else:
                write = connection.request_chunked
        write("POST", "/", body=body, headers={"Host": "localhost"}, **options)
        connection.sock = None
        sent = b"".join(kept)
        if recorder.written or b"POST / " not in sent or b"dy" not in sent:
            _unsupported("its connections write past send()")


_check_injected()
_check_names()
_check_every_byte_is_sent()


class _Refused(Exception):
    """Carries a refusal through urllib3, which retries what is an OSError."""

    def __init__(self, failure: EnclaveClientError) -> None:
        super().__init__(str(failure))
        self.failure = failure


class _DeadlineReader(io.RawIOBase):
    """A socket that is read until a moment, however slowly bytes come."""

    def __init__(self, sock: Any, end: float) -> None:
        self._sock = sock
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._end - time.monotonic()
        if left <= 0:
            raise socket.timeout("the learning attempt took too long")
        self._sock.settimeout(left)
        count: int = self._sock.recv_into(buffer)
        return count


class _Answer:
    """What http.client takes for a socket."""

    def __init__(self, sock: Any, end: float) -> None:
        self._reader = _DeadlineReader(sock, end)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader)


class _AttestedConnection(urllib3.connection.HTTPSConnection):
    """Subclassed per adapter, which puts its gate in."""

    gate: Gate
    contexts: "_Contexts"
    last: threading.local

    # urllib3's own, which has no types.
    sock: Any
    ca_certs: Any
    ca_cert_dir: Any
    ca_cert_data: Any
    cert_file: Any
    key_file: Any
    key_password: Any

    _peer: Peer | None = None
    _judged_socket: Any = None
    _has_certificate = False
    _connecting = False
    _at_start = False

    def connect(self) -> None:
        """Handshake, ordinary verification, first half of the gate."""
        self._peer = None
        self._has_certificate = False
        self._check_tls()
        self._find()
        # Whatever verify=False or a pool's keywords said.
        self.cert_reqs = "CERT_REQUIRED"
        self.assert_hostname = None
        self.server_hostname = None
        if self.assert_fingerprint:
            _raise(UsageError("assert_fingerprint replaces verification"))
        trust = self.ca_certs, self.ca_cert_dir, self.ca_cert_data
        own = self.cert_file, self.key_file, self.key_password
        self.ca_certs = self.ca_cert_dir = self.ca_cert_data = None
        self.cert_file = self.key_file = self.key_password = None
        try:
            if own[0]:
                self._connect_with_certificate(trust, own)
            else:
                self._open(self.contexts.get(*trust))
                self._judge_or_learn()
        except BaseException:
            self.close()
            raise
        finally:
            self.ca_certs, self.ca_cert_dir, self.ca_cert_data = trust
            self.cert_file, self.key_file, self.key_password = own

    @staticmethod
    def _check_tls() -> None:
        try:
            _check_injected()
        except EnclaveClientError as failure:
            _raise(failure)

    def _open(self, context: ssl.SSLContext) -> None:
        """A connection that nobody has judged yet."""
        self.ssl_context = context
        try:
            self._connecting = True
            super().connect()
        finally:
            self._connecting = False
        self._admit()

    def _connect_with_certificate(self, trust: Any, own: Any) -> None:
        """First without it: whoever is judged then may see it, and nobody else."""
        name = self._find()
        for attempt in range(PROBES_MAX + 1):
            vouching = trust, _state_of(trust)
            pins = self.gate.pins(name, vouching)
            if pins:
                try:
                    self._open(self.contexts.make_pinned(pins, own))
                    break
                except (OSError, urllib3.exceptions.HTTPError):
                    # Another server of that name, perhaps; the next probe says.
                    if attempt == PROBES_MAX:
                        raise
                    self._drop()
            elif attempt == PROBES_MAX:
                _raise(KeyNotAttested(f"{name}: no leaf stays attested"))
            self._open(self.contexts.get(*trust))
            self._judge_or_learn()
            assert self._peer is not None
            self._peer.pin(vouching)
            self._drop()
        self._has_certificate = True
        self._judge_or_learn()

    def _drop(self) -> None:
        """Not close(), which forgets how far http.client is with a request."""
        self._peer = self._judged_socket = None
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def _find(self) -> str:
        """The enclave that this is for; before anything of it is resolved."""
        host, port = self.host, self.port
        if self._tunnel_host:
            host, port = self._tunnel_host, self._tunnel_port
        try:
            return self.gate.find(origin_of(host, port))
        except EnclaveClientError as failure:
            _raise(failure)

    def _admit(self) -> None:
        name = self._find()
        try:
            if not self.is_verified:
                raise InternalError(f"{name}: urllib3 did not verify the certificate")
            context = self.sock.context
            if context is not self.ssl_context or not context.check_hostname:
                raise InternalError(f"{name}: urllib3 used a context of its own")
            self._peer = Peer(self.gate, name, self.sock)
        except EnclaveClientError as failure:
            _raise(failure)
        self._judged_socket = self.sock

    def _judge_or_learn(self) -> None:
        peer = self._peer
        assert peer is not None
        try:
            if peer.judge_or_say_why() is not None:
                self._learn(peer)
        except EnclaveClientError as failure:
            _raise(failure)
        self.last.peer = self._peer

    def _learn(self, peer: Peer) -> None:
        target = self.gate.evidence_target(peer.name)
        limit = learning_time(self.timeout)
        if target is None or self._has_certificate:
            self.gate.fetch_elsewhere(peer.name, limit)
            peer.judge()
            return
        before = self.sock.gettimeout()
        body, kept = self._fetch(peer, target, limit)
        peer.offer(body)
        if kept:
            self.sock.settimeout(before)
            return
        # One strict connection follows; whatever it shows, no more learning.
        self.sock.close()
        self._open(self.ssl_context)
        assert self._peer is not None
        self._peer.judge()

    def _fetch(
        self, peer: Peer, target: tuple[str, str], limit: float
    ) -> tuple[bytes, bool]:
        """The evidence, over this connection; whether it can go on."""
        end = time.monotonic() + limit
        try:
            self.sock.settimeout(limit)
            self.sock.sendall(evidence_request(*target, agent()))
            with http.client.HTTPResponse(
                _Answer(self.sock, end), method="GET"  # type: ignore[arg-type]
            ) as answer:
                answer.begin()
                if answer.status != 200:
                    peer.not_served(f"HTTP status {answer.status}", answer.status)
                body = answer.read(EVIDENCE_MAX_BYTES + 1)
        except socket.timeout:
            peer.late(limit)
        except (OSError, http.client.HTTPException) as failure:
            peer.not_served(f"{type(failure).__name__}: {failure}")
        if answer.length:
            peer.not_served("the answer was cut")
        if len(body) > EVIDENCE_MAX_BYTES:
            peer.not_served(f"more than {EVIDENCE_MAX_BYTES} bytes")
        return body, not answer.will_close

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        """From here to the first send the connection is idle: it may learn."""
        self._at_start = True
        super().putrequest(*arguments, **options)

    def send(self, data: Any) -> None:
        """Second half: judged before each write."""
        if self._connecting:
            # CONNECT to a proxy; TLS has not begun.
            super().send(data)
            return
        if self.sock is None:
            if not self.auto_open:
                raise http.client.NotConnected()
            self.connect()
        elif self._at_start:
            self._check_socket()
            self._judge_or_learn()
        if hasattr(data, "read") or not isinstance(data, (bytes, bytearray)):
            self._send_pieces(data)
        else:
            self._send_judged(data)

    def _send_pieces(self, data: Any) -> None:
        if hasattr(data, "read"):
            while piece := data.read(self.blocksize):
                self._send_judged(
                    piece.encode("iso-8859-1") if isinstance(piece, str) else piece
                )
            return
        if isinstance(data, (str, memoryview)):
            data = [data]
        for piece in data:
            self._send_judged(piece)

    def _send_judged(self, data: Any) -> None:
        if len(data) <= PIECE_BYTES:
            self._send_piece(data)
            return
        # What is in memory may take as long as a file.
        view = memoryview(data).cast("B")
        for start in range(0, len(view), PIECE_BYTES):
            self._send_piece(view[start : start + PIECE_BYTES])

    def _send_piece(self, data: Any) -> None:
        if not self._at_start:
            self._check_socket()
            assert self._peer is not None
            try:
                self._peer.judge()
            except EnclaveClientError as failure:
                _raise(failure)
        self._at_start = False
        super().send(data)

    def is_inherited(self) -> bool:
        """The parent's: it was made before a fork."""
        return self._peer is not None and self._peer.inherited

    def _check_socket(self) -> None:
        if self._peer is None or self.sock is not self._judged_socket:
            _raise(InternalError("the connection is not the one that was judged"))


def _raise(failure: EnclaveClientError) -> NoReturn:
    raise _Refused(failure) from failure


class _AttestedPool(urllib3.connectionpool.HTTPSConnectionPool):
    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        if connection.is_inherited():
            # This process's descriptor; the parent's connection lives on.
            connection.close()
            connection = self._new_conn()
        return connection


class _RefusedConnection(urllib3.connection.HTTPConnection):
    """Plain http is never attested."""

    def connect(self) -> None:
        _raise(
            UnknownEnclave(
                "only https is attested, and this is http; nothing was sent",
                status=Status.UNKNOWN_ENCLAVE,
            )
        )


_redirects = requests.sessions.SessionRedirectMixin()


def _state_of(trust: Any) -> tuple[Any, ...]:
    """What tells one content of a trust store's file and folder from the next."""
    seen = []
    for path in trust[:2]:
        try:
            now = os.stat(path) if path else None
        except OSError:
            now = None
        seen.append(
            now
            and (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
        )
    return tuple(seen)


class _Contexts:
    """One SSLContext for each trust store: loading one takes 20 ms. What has
    changed is loaded again, as the library does."""

    def __init__(self, insecure_key_log: bool) -> None:
        self._insecure_key_log = insecure_key_log
        self._lock = ForkLock()
        self._made: dict[Any, tuple[Any, ssl.SSLContext]] = {}

    def make(self, file: Any, directory: Any, data: Any) -> ssl.SSLContext:
        """A new one, without trust where nothing is named."""
        context: ssl.SSLContext = urllib3.util.ssl_.create_urllib3_context(
            cert_reqs=ssl.CERT_REQUIRED
        )
        # urllib3 1.26 would rather compare the name itself.
        context.check_hostname = True
        harden(context, self._insecure_key_log)
        if file or directory or data:
            context.load_verify_locations(file, directory, data)
        return context

    def make_pinned(self, leaves: list[bytes], own: Any) -> ssl.SSLContext:
        """One that shows a client certificate, and to those leaves alone."""
        context = self.make(None, None, None)
        pin(context, leaves)
        certificate, key, password = own
        # Without a password OpenSSL would ask at the terminal.
        context.load_cert_chain(certificate, key, password or "")
        return context

    def get(self, file: Any, directory: Any, data: Any) -> ssl.SSLContext:
        """The one for that trust, as it is now."""
        trust = file, directory, data
        state = _state_of(trust)
        with self._lock:
            former, context = self._made.get(trust, (None, None))
            if context is None or former != state:
                context = self.make(*trust)
                self._made[trust] = state, context
            return context


def _default_store() -> str:
    """Whom requests trusts where nobody says."""
    store: str = requests.utils.extract_zipped_paths(requests.certs.where())
    return store


class AttestedResponse(requests.Response):
    """A ``requests.Response`` with ``.attestation``."""

    _peer_name = ""
    _document: Any = None
    _redirect_leaves_origin = False

    @property
    def attestation(self) -> Attestation:
        """The evidence that the request was sent under."""
        if self._document is None:
            raise UsageError("there is no evidence here", status=Status.USAGE)
        return read_attestation(self._document, self._peer_name)

    @property
    def is_redirect(self) -> bool:
        """False for one that leaves the enclave's origin: nobody follows it."""
        redirect: bool = super().is_redirect
        return redirect and not self._redirect_leaves_origin


class AttestedAdapter(requests.adapters.HTTPAdapter):
    """For ``Session.mount``. The client lives at least as long.

    The options are those of ``HTTPAdapter``.  Where ``verify`` names no store,
    the client's ``ca_file`` or ``ca_directory`` counts before requests' own.
    """

    def __init__(self, client: BaseClient, **options: Any) -> None:
        _check_injected()
        gate = Gate(client)
        self._gate = gate
        self._last = threading.local()
        connection = type(
            "AttestedConnection",
            (_AttestedConnection,),
            {
                "gate": gate,
                "contexts": _Contexts(gate.core.settings.insecure_key_log),
                "last": self._last,
            },
        )
        self._pools = {
            "https": type(
                "AttestedConnectionPool",
                (_AttestedPool,),
                {"ConnectionCls": connection},
            ),
            "http": type(
                "RefusedConnectionPool",
                (urllib3.connectionpool.HTTPConnectionPool,),
                {"ConnectionCls": _RefusedConnection},
            ),
        }
        super().__init__(**options)

    def knows(self, url: str) -> bool:
        """Is it of an enclave's origin?  Mounting goes by letters, and an origin
        can be written in several ways."""
        try:
            self._gate.find(url)
        except EnclaveClientError as failure:
            return not isinstance(failure, UnknownEnclave)
        return True

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("an attested adapter can't be pickled: its client can't")

    @property
    def poolmanager(self) -> Any:
        """urllib3's, with our connections, whoever made it: init_poolmanager is
        there to be overridden."""
        return self._manager

    @poolmanager.setter
    def poolmanager(self, manager: Any) -> None:
        manager.pool_classes_by_scheme = self._pools
        self._manager = manager

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Likewise: CONNECT first, then the enclave's own TLS."""
        if not proxy.lower().startswith("http://"):
            # The connection class is urllib3's plain one: it speaks neither
            # SOCKS nor TLS to a proxy.
            raise UsageError(
                "only http proxies can be tunnelled through", status=Status.USAGE
            )
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Ordinary verification is always on. Called with the pool that the
        request goes to, which a subclass may have got elsewhere."""
        if not isinstance(conn, tuple(self._pools.values())):
            raise UsageError(
                f"{type(self).__name__} sends over a {type(conn).__name__} that is "
                "not the attested adapter's; nothing was sent",
                status=Status.USAGE,
            )
        if verify is False:
            warnings.warn(
                "verify=False has no effect: certificates are verified, and keys "
                "attested",
                stacklevel=2,
            )
        if verify is False or verify is True or verify is None:
            settings = self._gate.core.settings
            # Since requests 2.32 True alone would bring a context of its own.
            verify = settings.ca_file or settings.ca_directory or _default_store()
        super().cert_verify(conn, url, verify, cert)

    def send(self, request: Any, *arguments: Any, **options: Any) -> Any:
        """As ``HTTPAdapter.send``; refusals are also SSLErrors."""
        self._last.peer = None
        try:
            response = super().send(request, *arguments, **options)
        except _Refused as refused:
            raise _as_requests_error(refused.failure, request) from refused.failure
        except EnclaveClientError as failure:
            raise _as_requests_error(failure, request) from failure
        peer = self._last.peer
        if peer is None:
            # Not to be had from our own pools: nobody takes it for attested.
            response.close()
            nobody = InternalError("the answer is not of an attested connection")
            raise _as_requests_error(nobody, request)
        response._peer_name = peer.name
        response._document = peer.document
        return response

    def build_response(self, req: Any, resp: Any) -> AttestedResponse:
        """requests', as our class."""
        response = super().build_response(req, resp)
        if response.is_redirect:
            response._redirect_leaves_origin = not self._stays(response)
        response.__class__ = AttestedResponse
        attested: AttestedResponse = response
        return attested

    def _stays(self, response: Any) -> bool:
        """A redirect, within the enclave's origin. What is no URL leads nowhere."""
        try:
            location = _redirects.get_redirect_target(response)
            target = requests.compat.urljoin(response.url, location)
        except ValueError:
            return False
        return self._gate.same_origin(response.url, target)


class Session(requests.Session):
    """A ``requests.Session`` that sends to the client's enclaves alone. Mount
    plain adapters where plain connections are meant: an enclave's own origin stays
    attested, whatever is mounted. Closing it leaves the client open."""

    def __init__(self, client: BaseClient, **options: Any) -> None:
        super().__init__()
        self._attested = AttestedAdapter(client, **options)
        self.mount("https://", self._attested)
        self.mount("http://", self._attested)

    def get_adapter(self, url: str) -> Any:
        """The attested one for an enclave's origin, whatever is mounted."""
        adapter = super().get_adapter(url)
        if isinstance(adapter, AttestedAdapter) or not self._attested.knows(url):
            return adapter
        return self._attested

    def resolve_redirects(self, resp: Any, req: Any, **options: Any) -> Iterator[Any]:
        """One that leaves the enclave's origin raises RedirectRefused."""
        follows = not options.get("yield_requests")
        if follows:
            _refuse_to_leave(resp, req)
        for hop in super().resolve_redirects(resp, req, **options):
            yield hop
            if follows:
                _refuse_to_leave(hop, req)


def _refuse_to_leave(response: Any, request: Any) -> None:
    if not getattr(response, "_redirect_leaves_origin", False):
        return
    response.close()
    name = response._peer_name
    failure = RedirectRefused(
        f"{name}: a redirect leads out of the enclave's origin",
        status=Status.REDIRECT,
        enclave=name,
    )
    raise _as_requests_error(failure, request)


_combined: dict[type[EnclaveClientError], type[EnclaveClientError]] = {}


def _combine(kind: type[EnclaveClientError]) -> type[EnclaveClientError]:
    """The class that is both ours and requests'."""
    if kind not in _combined:
        _combined[kind] = type(
            kind.__name__,
            (kind, requests.exceptions.SSLError),
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
    return _combine(kind)(message, **fields)


def _as_requests_error(failure: EnclaveClientError, request: Any) -> EnclaveClientError:
    error = _rebuild(type(failure), failure.message, failure._fields())
    error.request = request  # type: ignore[attr-defined]
    error.response = None  # type: ignore[attr-defined]
    return error
