"""Names, and lists of them, as text that every file, terminal and line can hold."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

_ACTS = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # Unicode's control, format, surrogate and separator characters


def printable(path: Path | str) -> str:
    """Write out the bytes of a path, or of a text that holds one, that are no UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_utf8(name: str) -> bool:
    """Whether all bytes of a file's name are UTF-8; Python keeps others as halves of surrogate pairs."""
    return name == name.encode("utf-8", "ignore").decode("utf-8")


def one_line(text: str, instead: str | None = None) -> str:
    """Write out all that acts on a terminal or tears a line; or put something instead of each."""

    def harmless(character: str) -> str:
        if unicodedata.category(character) not in _ACTS:
            return character
        return character.encode("unicode_escape").decode() if instead is None else instead

    return "".join(map(harmless, text))


def first(texts: Sequence[str], most: int, separator: str = ", ") -> str:
    """List the first few, and count the others."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return f"{separator.join(texts[:most])}{more}"
