"""Addresses of radiographs that lie elsewhere, ``s3://bucket/folder``, and the folders here for them.

Such a folder bears the whole address, quoted, as its name: which one it stands for can be told from a path
alone. `pipeline.files.remote` puts the files there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

SCHEMES = ("s3", "gs")
FETCHED = Path(".fetched")  # in the repository, the main one even for an experiment of DVC

_SIGN = "://"
_QUOTED = re.compile(rf"[a-z][a-z0-9+.-]*{quote(_SIGN, safe='')}.+")
_MOST_BYTES = 255  # of a name, on most file systems


def is_address(text: str) -> bool:
    """Whether a text names a place by an address, and not by a path."""
    return _SIGN in text


def folder(address: str, within: Path | None = None) -> Path:
    """Name the folder that stands for an address, below :data:`FETCHED` or another folder.

    Raises
    ------
    ValueError
        It is no address that can be read, or it holds a user or password. These are not repeated.
    """
    if wrong := _wrong(address):
        raise ValueError(wrong)
    if within is None:
        within = Path(os.path.relpath(os.environ.get("DVC_ROOT") or ".")) / FETCHED
    return within / quote(address, safe="")


def of(path: Path) -> str:
    """Return the address that a path stands for; empty for a path of this machine."""
    for place, part in enumerate(path.parts):
        if _QUOTED.fullmatch(part):
            return "/".join((unquote(part), *path.parts[place + 1 :]))
    return ""


def root_of(path: Path) -> Path:
    """Return the folder that stands for an address, of a path below it."""
    place = next(place for place, part in enumerate(path.parts) if _QUOTED.fullmatch(part))
    return Path(*path.parts[: place + 1])


def shown(path: Path) -> str:
    """Return the address that a path stands for, else the path."""
    return of(path) or str(path)


def name(path: Path) -> str:
    """Return the last part of an address or a path."""
    return (of(path) or path.name).rpartition("/")[2]


def _wrong(address: str) -> str:
    """Say what is wrong with an address; nothing of it is repeated that may be secret."""
    scheme, _, rest = address.partition(_SIGN)
    if scheme not in SCHEMES:
        known = " or ".join(f"{known}{_SIGN}bucket/folder" for known in SCHEMES)
        return f"an address must be {known}"
    host = rest.partition("/")[0]
    if "@" in host or ":" in host:
        return (
            f"an address is {scheme}{_SIGN}bucket/folder, without user, password and port: set keys in the "
            "environment or in the files of the provider's own tools, and another server by AWS_ENDPOINT_URL"
        )
    if re.search(r"[?#\\\x00-\x1f]", rest) or not all(part.strip(".") for part in rest.split("/")):
        return f"an address is {scheme}{_SIGN}bucket/folder, without '/' at its end, '//', '..', '?' and '#'"
    if len(quote(address, safe="")) > _MOST_BYTES:
        return f"an address takes at most {_MOST_BYTES} bytes, where all but letters and digits take three"
    return ""
