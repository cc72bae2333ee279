"""Types of the keyword arguments that several methods share. test_package.py
compares them with the methods that name them one by one."""

from collections.abc import AsyncIterable
from typing import Any, TypedDict

from ._body import Content, Data
from ._call import HeadersIn, Params
from ._config import Path
from ._core import Unset
from ._events import EventHandler


class ClientOptions(TypedDict, total=False):
    """Of both clients, but for the map."""

    url: str | None
    name: str | None
    ca_file: Path | None
    ca_directory: Path | None
    resolve: tuple[str, ...] | list[str]
    connect_to: tuple[str, ...] | list[str]
    proxy: str | None
    user_agent: str | None
    polling: bool
    evidence_store: Path | None
    nitro_root: str | None
    headers: HeadersIn | None
    timeout: float | None
    connect_timeout: float | None
    follow_redirects: bool
    body_max_bytes: int
    on_event: EventHandler | None
    refresh_interval: float
    insecure_allowed: bool
    insecure_allow_debug: bool
    insecure_nitro_root: Path | bytes | None
    insecure_key_log: bool


class _EitherRequest(TypedDict, total=False):
    enclave: str | None
    params: Params | None
    headers: HeadersIn | None
    data: Data | None
    json: Any
    timeout: float | None | Unset
    connect_timeout: float | None | Unset
    follow_redirects: bool | Unset
    body_max_bytes: int | Unset
    stream: bool


class RequestOptions(_EitherRequest, total=False):
    """Of ``Client.request`` and its verbs."""

    content: Content | None


class AsyncRequestOptions(_EitherRequest, total=False):
    """Of ``AsyncClient.request`` and its verbs."""

    content: Content | AsyncIterable[bytes] | None
