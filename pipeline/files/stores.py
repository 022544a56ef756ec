"""What serves an address, asked through fsspec: what lies there, and one file of it. It is never written to.

Keys come from where the provider's own tools take them: the environment, or files in the user's home.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pipeline.files.outputs import is_no_space

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")

log = logging.getLogger(__name__)

_VERSIONS = ("ETag", "etag", "md5Hash", "LastModified", "mtime", "created")  # of an object, the surest first
_WAITS_S = (0.5, 2.0, 8.0)  # before each further try
_NO_KEYS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
)  # of botocore, no PermissionError
_HELP = "docs/how-to/data-in-s3.md says how keys and another server are set."
# Left alone, the library tries for many minutes where a network swallows what is sent.
_PATIENCE = {"connect_timeout": 5, "read_timeout": 20, "retries": {"total_max_attempts": 2}}
_OPTIONS: dict[str, dict[str, Any]] = {"s3": {"config_kwargs": _PATIENCE}}


class AddressError(ValueError):
    """An address does not answer, may not be read, or holds nothing."""


class TornError(Exception):
    """Fewer or more bytes came than there are."""


class Entry(NamedTuple):
    """One file at an address: its size, and a mark that changes with its bytes."""

    n_bytes: int
    version: str


def listed(address: str) -> dict[str, Entry]:
    """List all files below an address by their keys, which are relative to it; of a file's own address, "".

    Raises
    ------
    AddressError
        It does not answer, may not be listed, or holds nothing.
    """
    try:
        found = _ask(address, lambda store: store.find(address, detail=True))
    except FileNotFoundError:
        found = {}
    except PermissionError as error:
        raise _closed(address, error) from None
    start = _opened(address)._strip_protocol(address)
    below = {name.removeprefix(start): info for name, info in found.items() if name.startswith(start)}
    entries = {
        key[1:]: _entry(info) for key, info in below.items() if key[:1] in ("", "/") and _is_file(info)
    }
    if not entries:
        raise AddressError(f"{address} must hold files. Received: none there. Check its spelling.")
    return entries


def require(address: str) -> None:
    """Raise an AddressError where these keys may not read what lies at an address."""
    try:
        _ask(address, lambda store: store.info(address))
    except PermissionError as error:
        raise _closed(address, error) from None


def size(address: str) -> int:
    """Ask how many bytes a file has; errors as in `download`."""
    return int(_ask(address, lambda store: store.info(address))["size"])


def download(address: str, path: Path, n_bytes: int) -> None:
    """Write a file of an address to a path.

    Raises
    ------
    FileNotFoundError, PermissionError, TornError
        It is gone, these keys may not read it, or it has not that many bytes.
    AddressError
        The address does not answer.
    """

    def get(store: AbstractFileSystem) -> None:
        store.get_file(address, str(path))
        if (came := path.stat().st_size) != n_bytes:
            raise TornError(f"{came} bytes came of {n_bytes}")

    path.touch()  # a disk that cannot be written is no fault of the address
    _ask(address, get)


def _ask(address: str, question: Callable[[AbstractFileSystem], T]) -> T:
    """Ask what serves an address; where it does not answer, a few times."""
    for wait_s in _WAITS_S:
        try:
            return question(_opened(address))
        except (FileNotFoundError, PermissionError, AddressError):
            raise
        except Exception as error:
            if is_no_space(error):
                raise
            if type(error).__name__ in _NO_KEYS:
                raise _closed(address, error) from None
            log.debug("%s: again in %.1f s: %s", address, wait_s, error)
            time.sleep(wait_s)
    try:
        return question(_opened(address))
    except (FileNotFoundError, PermissionError, TornError):
        raise
    except Exception as error:
        if is_no_space(error):
            raise
        raise AddressError(
            f"{address} must answer. Received: {type(error).__name__}: {error}. Run the same command again "
            f"when it does: what was fetched stays. {_HELP}"
        ) from error


def _closed(address: str, error: Exception) -> AddressError:
    return AddressError(f"{address} must be open to the keys in use. Received: {error}. {_HELP}")


def _opened(address: str) -> AbstractFileSystem:
    return _store(address.partition("://")[0])


@cache
def _store(scheme: str) -> AbstractFileSystem:
    import fsspec

    try:
        options = _OPTIONS.get(scheme, {})
        store = fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False, **options)
    except ImportError as error:
        raise AddressError(
            f"{scheme}:// needs the extra {scheme!r} of this package: pip install -e '.[{scheme}]'. "
            f"Received: {error}."
        ) from None
    store.retries = 1  # `_ask` tries again
    return store


def _is_file(info: dict[str, Any]) -> bool:
    """Whether it is a file, and not what some programs leave to stand for a folder."""
    return info["type"] == "file" and not (info["name"].endswith("/") and not info["size"])


def _entry(info: dict[str, Any]) -> Entry:
    version = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
    return Entry(int(info["size"]), version.strip('"'))
