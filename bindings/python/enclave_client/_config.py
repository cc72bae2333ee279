"""The map of enclaves and the settings, on their way to the C configuration."""

import dataclasses
import json
import os
import pathlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union

from ._errors import ConfigError, ErrorSlot, OutOfMemory, Status, c_text
from ._native import ffi, lib

#: What accepts enclaves: the map as a dict; the path of a JSON file; with
#: ``url``, PCR sets alone (a dict, a list, what nitro-cli printed). A callable
#: that returns one, as the whole or as a value in a dict, is asked again in
#: the background.
Map = Union[
    Mapping[str, Any],
    Sequence[Any],
    str,
    os.PathLike[str],
    Callable[[], Any],
]

_PACKAGE = os.path.dirname(__file__) + os.sep

Path = Union[str, os.PathLike[str]]


class InsecureWarning(UserWarning):
    """A switch with "insecure" in its name is on."""


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands there twice")
    return members


def _read_json(path: Path) -> Any:
    try:
        text = pathlib.Path(path).read_text("utf-8")
        return json.loads(text, object_pairs_hook=_refuse_twins)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{os.fspath(path)}: {error}", status=Status.CONFIG
        ) from error


def _resolve(value: Any) -> Any:
    # json.dumps asks for what it does not know.
    if isinstance(value, os.PathLike):
        return _read_json(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (Sequence, set, frozenset)):
        return list(value)
    if callable(value):
        return value()
    raise TypeError(f"a {type(value).__name__} is no part of a map")


def to_json(value: Any) -> bytes:
    """A map or PCR sets as JSON; ConfigError names what can't be written."""
    try:
        text = json.dumps(value, default=_resolve, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the map: {error}", status=Status.CONFIG) from error
    return text.encode()


def asks_again(map: Any) -> bool:
    """Whether a callable stands in it: a policy provider."""
    if callable(map):
        return True
    if isinstance(map, Mapping):
        return any(asks_again(value) for value in map.values())
    if isinstance(map, (list, tuple)):
        return any(asks_again(value) for value in map)
    return False


def _encode(value: Path | None) -> Any:
    if value is None:
        return ffi.NULL
    data = os.fsencode(value)
    if b"\0" in data:
        raise ConfigError(f"{value!r} holds a NUL", status=Status.CONFIG)
    return data


def _level_of_caller() -> int:
    """How far above warn() the first frame outside of this package stands."""
    frame = sys._getframe(1)
    level = 1
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
        level += 1
    return level


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything of a client but its map."""

    ca_file: Path | None = None
    ca_directory: Path | None = None
    resolve: tuple[str, ...] = ()
    connect_to: tuple[str, ...] = ()
    proxy: str | None = None
    user_agent: str | None = None
    polling: bool = True
    evidence_store: Path | None = None
    nitro_root: str | None = None
    insecure_allowed: bool = False
    insecure_allow_debug: bool = False
    insecure_nitro_root: Path | bytes | None = None
    insecure_key_log: bool = False

    def warn(self) -> None:
        """One warning for each weakening, at the line of the caller's."""
        stacklevel = _level_of_caller()
        for switch, on, meaning in (
            (
                "insecure_allowed",
                self.insecure_allowed,
                "insecure_* members of the map count",
            ),
            (
                "insecure_allow_debug",
                self.insecure_allow_debug,
                "debug enclaves are accepted, whose memory their operator reads",
            ),
            (
                "insecure_nitro_root",
                self.insecure_nitro_root is not None,
                "another root than AWS's signs documents",
            ),
            (
                "insecure_key_log",
                self.insecure_key_log,
                "who reads SSLKEYLOGFILE reads the traffic",
            ),
        ):
            if on:
                warnings.warn(
                    f"{switch}: {meaning}",
                    InsecureWarning,
                    stacklevel=stacklevel,
                )

    def config(
        self, map: Map | None, *, url: str | None = None, name: str | None = None
    ) -> Any:
        """A C configuration, freed with the last reference to it."""
        ret_config = ffi.new("struct enclave_client_config **")
        if lib.enclave_client_config_new(ret_config):
            raise OutOfMemory("out of memory", status=Status.MEMORY)
        config = ffi.gc(ret_config[0], lib.enclave_client_config_free)
        self._set(config)
        if map is not None:
            _load(config, map, url, name)
        return config

    def _set(self, config: Any) -> None:
        # Weakenings first: some decide how the map is read.
        lib.enclave_client_config_set_insecure_allowed(config, self.insecure_allowed)
        lib.enclave_client_config_set_insecure_allow_debug(
            config, self.insecure_allow_debug
        )
        lib.enclave_client_config_set_insecure_key_log(config, self.insecure_key_log)
        if self.nitro_root is not None:
            lib.enclave_client_config_set_nitro_root(
                config, c_text(self.nitro_root, "nitro_root")
            )
        root = self.insecure_nitro_root
        if isinstance(root, bytes):
            lib.enclave_client_config_set_insecure_nitro_root_mem(
                config, root, len(root)
            )
        elif root is not None:
            lib.enclave_client_config_set_insecure_nitro_root_file(
                config, _encode(root)
            )
        lib.enclave_client_config_set_ca_file(config, _encode(self.ca_file))
        lib.enclave_client_config_set_ca_directory(config, _encode(self.ca_directory))
        for entry in self.resolve:
            lib.enclave_client_config_add_resolve(config, c_text(entry, "resolve"))
        for entry in self.connect_to:
            lib.enclave_client_config_add_connect_to(
                config, c_text(entry, "connect_to")
            )
        lib.enclave_client_config_set_proxy(config, _encode(self.proxy))
        lib.enclave_client_config_set_user_agent(config, _encode(self.user_agent))
        lib.enclave_client_config_set_polling(config, self.polling)
        if self.evidence_store is not None:
            lib.enclave_client_config_set_evidence_store(
                config, _encode(self.evidence_store)
            )


def _load(config: Any, map: Any, url: str | None, name: str | None) -> None:
    error = ErrorSlot()
    if callable(map):
        map = map()
    if url is not None:
        if isinstance(map, (str, os.PathLike)):
            map = _read_json(map)
        error.check(
            lib.enclave_client_config_load_single(
                config,
                ffi.NULL if name is None else c_text(name, "name"),
                c_text(url, "url"),
                to_json(map),
                error.pointer,
            )
        )
    elif name is not None:
        raise ConfigError("name goes with url", status=Status.CONFIG)
    elif isinstance(map, (str, os.PathLike)):
        error.check(
            lib.enclave_client_config_load_file(config, _encode(map), error.pointer)
        )
    else:
        data = to_json(map)
        error.check(
            lib.enclave_client_config_load_text(
                config, data, len(data), error.pointer
            )
        )
