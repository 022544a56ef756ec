"""Names for imported files: their own, unless two share one, or a name would be passed over or act."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pipeline.files import images
from pipeline.files.printable import is_utf8, one_line
from pipeline.files.walk import is_foreign
from pipeline.importing.record import Record, shown

_MOST_BYTES = 200
_DIGEST = 16  # letters


def names(records: Sequence[Record], root: Path) -> list[str]:
    """Name each file, in the order of the records; no two names are equal in any letter case.

    Files that share a name get those of their folders before it; where that is too long or shared, too, a
    hash of their path.
    """
    paths = [Path(shown(record.file, root)) for record in records]
    own = [record.name or path.name for record, path in zip(records, paths, strict=True)]
    long = ["_".join(part for part in path.parts if part != path.anchor) for path in paths]
    shared = Counter(map(_folded, own))
    shared_long = Counter(map(_folded, [*long, *own]))
    chosen = []
    for path, name, longer in zip(paths, own, long, strict=True):
        if shared[_folded(name)] == 1 and _is_safe(name):
            chosen.append(name)
        elif shared_long[_folded(longer)] == 1 and _is_safe(longer):
            chosen.append(longer)
        else:
            chosen.append(_hashed(path))
    return chosen


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _is_safe(name: str) -> bool:
    """Whether every system can hold a name, and nothing reads it as a command or passes it over."""
    plain = is_utf8(name) and one_line(name) == name and name == name.strip()
    return (
        plain
        and not is_foreign(name)
        and len(name.encode()) <= _MOST_BYTES
        and not set(name) & set('\\:*?"<>|')
    )


def _hashed(path: Path) -> str:
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:_DIGEST]
    suffix = path.suffix.lower()
    return f"{digest}{suffix if suffix in images.SUFFIXES else ''}"
