"""The gate for Python's own TLS: a leaf certificate in, a verdict out.

Each adapter asks it after every handshake and before every write. What the
adapters share is here; what they know of their library is with them.
"""

import hashlib
import os
import ssl
import threading
import time
import urllib.parse
import weakref
from typing import Any, NoReturn

from ._client import BaseClient
from ._core import Bytes, Core
from ._documents import Attestation, read_attestation
from ._errors import (
    Category,
    EnclaveClientError,
    EvidenceNotServed,
    Foreign,
    InternalError,
    KeyNotAttested,
    Status,
    Step,
    TimeoutError,
    UnknownEnclave,
    UsageError,
)
from ._native import ffi, lib

# So much of an upload goes out under one verdict.
PIECE_BYTES = 64 * 1024
# A learning attempt: seconds, and bytes of the evidence's body.
LEARNING_S = 5.0
EVIDENCE_MAX_BYTES = 1024 * 1024
# Seconds for which a key that failed is refused without another fetch, and
# how many such keys are remembered.
_REFUSED_S = 10.0
_REFUSED_MAX = 64
# Leaf certificates of one enclave that a client certificate may be shown to.
_PINNED_MAX = 32
# Connections without the client's certificate that may come before the one with
# it: a name may stand for many servers, and each has a leaf of its own.
PROBES_MAX = 3

_LEARNABLE = (
    Category.KEY,
    Category.MEASUREMENT,
    Category.TIME,
    Category.NETWORK,
    Category.TIMEOUT,
    Category.MALFORMED,
    Category.UNTRUSTED,
)


def learning_time(timeout: Any) -> float:
    """Seconds for one attempt, of somebody who has that timeout, or none."""
    if isinstance(timeout, (int, float)) and 0 < timeout < LEARNING_S:
        return timeout
    return LEARNING_S


def origin_of(host: str, port: int) -> str:
    """As a URL; IPv6 addresses in brackets."""
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"https://{host}:{port}"


def harden(context: ssl.SSLContext, insecure_key_log: bool = False) -> None:
    """What holds of every connection to an enclave, whoever made its context."""
    context.verify_mode = ssl.CERT_REQUIRED
    if context.minimum_version < ssl.TLSVersion.TLSv1_2:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A resumed session shows no certificate; a renegotiated one, another.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    if not insecure_key_log:
        # Taken from SSLKEYLOGFILE; who reads that file reads the traffic.
        context.keylog_filename = None  # type: ignore[assignment]


def pin(context: ssl.SSLContext, leaves: list[bytes]) -> None:
    """Trusts those leaf certificates and nothing else. OpenSSL judges the server's
    certificate before it shows the client's: where another one comes, the
    handshake ends there."""
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=b"".join(leaves))


class ForkLock:
    """A lock that a forked child finds open, whoever holds it in the parent."""

    def __init__(self) -> None:
        self.renew()
        _locks.add(self)

    def renew(self) -> None:
        """In the child, where no thread holds it any more."""
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


_locks: "weakref.WeakSet[ForkLock]" = weakref.WeakSet()


def _renew_locks() -> None:
    for lock in list(_locks):
        lock.renew()


os.register_at_fork(after_in_child=_renew_locks)


class Peer:
    """One connection's other end: the key it showed, for one enclave."""

    def __init__(self, gate: "Gate", name: str, tls: Any) -> None:
        self._gate = gate
        self.name = name
        self._c_name = name.encode()
        self._process = os.getpid()
        #: The C document of the last verdict.
        self.document: Any = None
        if tls is None:
            self.refuse("the connection has no TLS of its own")
        if tls.session_reused:
            self.refuse("the TLS session was resumed")
        if tls.version() not in ("TLSv1.2", "TLSv1.3"):
            self.refuse(f"the connection speaks {tls.version()}")
        leaf = tls.getpeercert(True)
        if not leaf:
            self.refuse("the connection showed no certificate")
        self._leaf = Bytes(leaf)

    def refuse(self, fact: str) -> NoReturn:
        """A refusal that is not the C library's."""
        raise KeyNotAttested(
            f"{self.name}: {fact}", status=Status.KEY_NOT_ATTESTED, enclave=self.name
        )

    @property
    def inherited(self) -> bool:
        """A process that forked this one writes on the connection: whoever sees
        what both encrypt under one key and nonce reads it."""
        return os.getpid() != self._process

    def judge(self) -> None:
        """Raises unless the key is attested at this moment."""
        if self.inherited:
            # Not to be mended by learning, which writes as well.
            raise InternalError(
                f"{self.name}: the connection is that of the process that forked "
                "this one",
                enclave=self.name,
            )
        self.document = self._gate.core.judge(self._c_name, self._leaf)

    def pin(self, trust: object = None) -> None:
        """After a verdict: a connection with a client certificate may go to the
        holder of this leaf, which that trust store vouched for."""
        self._gate.add_pin((self.name, trust), self._leaf)

    def judge_or_say_why(self) -> EnclaveClientError | None:
        """The same; but a refusal that learning may turn is given back."""
        try:
            self.judge()
        except EnclaveClientError as refusal:
            if refusal.category not in _LEARNABLE:
                raise
            self._gate.raise_if_refused(self.name, self._leaf.data)
            return refusal
        return None

    def offer(self, body: bytes) -> None:
        """Evidence that this connection served."""
        try:
            self.document = self._gate.core.offer(self._c_name, body, self._leaf)
        except EnclaveClientError as refusal:
            self.learning_failed(refusal)

    def learning_failed(self, failure: EnclaveClientError) -> NoReturn:
        """Remembers that this key is not worth a fetch for a while."""
        self._gate.remember(self.name, self._leaf.data, failure)
        raise failure

    def late(self, limit: float) -> NoReturn:
        """The time is up."""
        failure = TimeoutError(
            f"{self.name}: the evidence did not come within {limit:g} s",
            status=Status.TIMEOUT,
            enclave=self.name,
        )
        if limit < LEARNING_S:
            # The caller's own: another one may wait longer.
            raise failure
        self.learning_failed(failure)

    def not_served(self, fact: str, code: int = 0) -> NoReturn:
        """Learning got no evidence."""
        self.learning_failed(
            EvidenceNotServed(
                f"{self.name}: the evidence was not served: {fact}",
                status=Status.EVIDENCE_NOT_SERVED,
                step=Step.FETCH,
                enclave=self.name,
                foreign=Foreign.HTTP if code else Foreign.NONE,
                foreign_code=code,
            )
        )


class Gate:
    """One client's, for one adapter (internally locked)."""

    def __init__(self, client: BaseClient) -> None:
        if not isinstance(client, BaseClient):
            raise UsageError(
                f"a {type(client).__name__} is no enclave_client.Client",
                status=Status.USAGE,
            )
        # The client lives as long as whoever is gated by it.
        self.client = client
        self.core: Core = client._core
        self._lock = ForkLock()
        self._refused: dict[tuple[str, bytes], tuple[float, EnclaveClientError]] = {}
        self._pins: dict[tuple[str, object], list[Bytes]] = {}

    def find(self, url: str) -> str:
        """The enclave's name; https alone, known origins alone."""
        if not url[:8].lower() == "https://":
            raise UnknownEnclave(
                f"only https is attested, and this is {url.partition(':')[0]}; "
                "nothing was sent",
                status=Status.UNKNOWN_ENCLAVE,
            )
        return self.core.find(url)

    def same_origin(self, url: str, other: str) -> bool:
        """Do both URLs belong to one enclave?"""
        try:
            return self.find(url) == self.find(other)
        except EnclaveClientError:
            return False

    def evidence_target(self, name: str) -> tuple[str, str] | None:
        """Host header and path where the enclave's origin serves evidence;
        None where it is served elsewhere."""
        url = self.core.evidence_url(name)
        try:
            if self.core.find(url) != name:
                return None
        except EnclaveClientError:
            return None
        parts = urllib.parse.urlsplit(url)
        path = parts.path or "/"
        return parts.netloc, path + (f"?{parts.query}" if parts.query else "")

    def fetch_elsewhere(self, name: str, limit: float) -> None:
        """Where the evidence is not on the enclave's own origin, or the
        connection can't ask for it: the library fetches. Blocks."""
        self.core.attest(name, limit)

    def add_pin(self, key: tuple[str, object], leaf: Bytes) -> None:
        """See ``Peer.pin``."""
        with self._lock:
            others = [old for old in self._pins.get(key, ()) if old.data != leaf.data]
            self._pins[key] = [*others, leaf][-_PINNED_MAX:]

    def pins(self, name: str, trust: object = None) -> list[bytes]:
        """Leaves that were shown without a client certificate, and whose keys are
        attested at this moment."""
        with self._lock:
            leaves = list(self._pins.get((name, trust), ()))
        live = []
        for leaf in leaves:
            try:
                self.core.judge(name.encode(), leaf)
            except EnclaveClientError:
                continue
            live.append(leaf)
        with self._lock:
            kept = self._pins.get((name, trust), [])
            self._pins[name, trust] = [
                leaf for leaf in kept if leaf in live or leaf not in leaves
            ]
        return [leaf.data for leaf in live]

    def attestation(self, peer: Peer) -> Attestation:
        """Of the last verdict."""
        return read_attestation(peer.document, peer.name)

    def remember(self, name: str, leaf: bytes, failure: EnclaveClientError) -> None:
        """For ten seconds the same key is refused without a fetch."""
        key = (name, hashlib.sha256(leaf).digest())
        with self._lock:
            if len(self._refused) >= _REFUSED_MAX:
                # The oldest: dicts keep the order.
                del self._refused[next(iter(self._refused))]
            self._refused[key] = (time.monotonic() + _REFUSED_S, failure)

    def raise_if_refused(self, name: str, leaf: bytes) -> None:
        """What remember() was told, while it counts."""
        key = (name, hashlib.sha256(leaf).digest())
        with self._lock:
            until, failure = self._refused.get(key, (0.0, None))
            if failure is None:
                return
            if until <= time.monotonic():
                del self._refused[key]
                return
        raise type(failure)(failure.message, **failure._fields())


def evidence_request(host: str, path: str, agent: str) -> bytes:
    """Built from the enclave's configuration alone: nothing of the caller's
    reaches a server that nobody has judged yet."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n"
        "Accept: */*\r\n\r\n"
    ).encode("ascii")


def agent() -> str:
    """What evidence requests call themselves."""
    version: bytes = ffi.string(lib.enclave_client_version())
    return f"enclave-client/{version.decode()}"
