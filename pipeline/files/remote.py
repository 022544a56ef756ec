"""Radiographs at an address, brought here when they are read: each once, whole or not at all.

`mirror` makes the folder that stands for an address (see `pipeline.addresses`) like what lies there: for each
file that is new, it writes a placeholder. `read` puts the file in its place, and `prefetch` does so for many.
So all stages work on files of this machine, and a stage that needs a few fetches a few.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pipeline import addresses
from pipeline.files import engine, outputs, stores
from pipeline.files.faults import ImageFault, Issue

log = logging.getLogger(__name__)

MAX_BYTES = 2**30  # of one file
_PLACEHOLDER = b"not fetched yet; bytes: "
_THREADS = 16
_LONGEST_NAME = 255  # bytes
_MB = 2**20


def mirror(root: Path) -> list[Issue]:
    """Make the folder that stands for an address like what lies there; do nothing for another folder.

    What was fetched and is the same there stays; what is gone there goes.

    Returns
    -------
    list of Issue
        ``unreadable``: keys that no file can bear, as they are below the address.

    Raises
    ------
    stores.AddressError
        The address does not answer, may not be listed, or holds nothing.
    """
    if not (address := addresses.of(root)):
        return []
    listed = stores.listed(address)
    wrong = dict(_unfit(listed))
    sound = {key: entry for key, entry in listed.items() if key not in wrong}
    index = root.with_name(f"{root.name}.json")
    before = _read_index(index)
    for left in outputs.left_over(root.parent):
        left.unlink(missing_ok=True)
    for key in before.keys() - sound.keys():
        _remove(root, key)
    for key, entry in sound.items():
        if before.get(key) != entry.version or not _is_here(root / key, entry.n_bytes):
            _put(root / key, _write_placeholder(entry.n_bytes))
    # Last: a file that it names is of that version, or a placeholder.
    outputs.write_text(index, json.dumps({key: entry.version for key, entry in sound.items()}))
    named = {key: detail for key, detail in wrong.items() if listed[key].n_bytes}
    return [Issue.of(key, "unreadable", detail) for key, detail in sorted(named.items())]


def read(path: Path) -> bytes:
    """Read a file below a folder that stands for an address; fetch it where it is not here yet.

    Raises
    ------
    ImageFault
        ``vanished``, ``too_large``, or ``unreadable``: no permission, or a part of it came.
    stores.AddressError
        The address does not answer, or no longer to these keys.
    """
    n_bytes = _promised(path)
    if n_bytes is None:
        return path.read_bytes()
    address = addresses.of(path)
    try:
        n_bytes = stores.size(address) if n_bytes < 0 else n_bytes
        if n_bytes > MAX_BYTES:
            raise ImageFault("too_large", f"{path}: a file may hold at most {MAX_BYTES} bytes")
        return _put(path, lambda private: stores.download(address, private, n_bytes))
    except FileNotFoundError:
        raise ImageFault("vanished", f"{path}: not there any more") from None
    except PermissionError as error:
        stores.require(addresses.of(addresses.root_of(path)))  # keys may have expired: no fault of a file
        raise ImageFault("unreadable", f"{path}: {error}") from None
    except stores.TornError as error:
        raise ImageFault("unreadable", f"{path}: {error}") from None


def prefetch(paths: Iterable[Path]) -> None:
    """Fetch many files at once; a fault of one of them is told when it is read.

    Raises
    ------
    stores.AddressError, OSError
        The address does not answer; the disk has no room for all.
    """
    promised = {path: _promised(path) for path in paths if addresses.of(path)}
    waiting = {path: n_bytes for path, n_bytes in promised.items() if n_bytes is not None}
    if not waiting:
        return
    root = addresses.root_of(next(iter(waiting)))
    _require_room(root, sum(waiting.values()))
    log.info("%s: %d files to fetch", addresses.shown(root), len(waiting))
    with ThreadPoolExecutor(_THREADS) as threads:
        for _ in engine.track(threads.map(_attempt, waiting), total=len(waiting), label="fetch"):
            pass


def _attempt(path: Path) -> None:
    with suppress(ImageFault):
        read(path)


def _require_room(root: Path, n_bytes: int) -> None:
    free = shutil.disk_usage(root.parent).free
    if n_bytes > free:
        raise OSError(
            f"{root.parent} must have room for what is fetched from {addresses.shown(root)}. Received: "
            f"{free / _MB:.0f} MB free, {n_bytes / _MB:.0f} MB needed. Make room, or make that folder a link "
            "to one on a larger disk."
        )


def _promised(path: Path) -> int | None:
    """Return the bytes that a placeholder stands for, -1 where there is none; None for a whole file."""
    try:
        with path.open("rb") as file:
            start, size = file.read(len(_PLACEHOLDER)), file.read(20)
    except FileNotFoundError:
        return -1
    return int(size) if start == _PLACEHOLDER and size.isdigit() else None


def _is_here(path: Path, n_bytes: int) -> bool:
    """Whether a file of that size is here, or its placeholder: a crash of the machine may leave neither."""
    with suppress(OSError):
        return path.stat().st_size == n_bytes or _promised(path) == n_bytes
    return False


def _write_placeholder(n_bytes: int) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(_PLACEHOLDER + str(n_bytes).encode())


def _put(path: Path, write: Callable[[Path], object]) -> bytes:
    """Write a file whole or not at all, and return what it holds; several processes may do so at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    private = addresses.root_of(path).with_name(f".{os.getpid()}-{threading.get_ident()}")
    try:
        write(private)
        data = private.read_bytes()
        private.replace(path)
        return data
    finally:
        private.unlink(missing_ok=True)


def _remove(root: Path, key: str) -> None:
    """Remove a file that is gone at the address, and folders that it leaves empty."""
    (root / key).unlink(missing_ok=True)
    with suppress(OSError):
        for part in PurePosixPath(key).parents:
            (root / part).rmdir()


def _read_index(path: Path) -> dict[str, str]:
    """Read of which version each file is; what is damaged tells of none."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _unfit(keys: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield keys that cannot be names of files, and why."""
    folders = {str(above) for key in keys for above in PurePosixPath(key).parents}
    for key in keys:
        parts = key.split("/") if key else []
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            yield key, "a key with an empty part, '.' or '..', which no file can bear; rename it there"
        elif any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
            yield key, f"a part of the key has more than {_LONGEST_NAME} bytes; rename it there"
        elif (key or ".") in folders:
            yield key, "a file and a folder of one name; rename one of them there"
