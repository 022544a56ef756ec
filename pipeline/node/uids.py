"""UIDs from the network: checked, and never part of a path; on the disk stands their sha256."""

from __future__ import annotations

import hashlib
import re

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_MOST = 64  # characters; DICOM PS3.5, 9


def check(uid: str) -> str:
    """Return a UID that is one; leading zeros, which some devices write, are let through.

    Raises
    ------
    ValueError
        It is none.
    """
    if len(uid) > _MOST or _UID.fullmatch(uid) is None:
        raise ValueError(f"a UID must be numbers with dots between, at most {_MOST} characters long")
    return uid


def digest(uid: str) -> str:
    """Name a UID on the disk and in the audit trail.

    Raises
    ------
    ValueError
        It is none.
    """
    return hashlib.sha256(check(uid).encode("ascii")).hexdigest()
