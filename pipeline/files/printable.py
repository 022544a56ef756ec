"""Names, and lists of them, as text that every file and terminal can hold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def printable(path: Path | str) -> str:
    """Write out the bytes of a path, or of a text that holds one, that are no UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def first(texts: Sequence[str], most: int, separator: str = ", ") -> str:
    """List the first few, and count the others."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return f"{separator.join(texts[:most])}{more}"
