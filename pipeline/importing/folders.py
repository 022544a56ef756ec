"""A folder a class, under whatever names, at any depth; other folders may name the splits."""

from __future__ import annotations

from pathlib import Path

from pipeline.dataset import labels
from pipeline.files.printable import first, one_line, printable
from pipeline.importing import meaning
from pipeline.importing.record import Found, NotThisKindError, Options, Record
from pipeline.importing.source import Source


def read(path: Path, options: Options) -> Found:
    """Read a tree of folders; of nested ones, the innermost that means a class counts.

    Raises
    ------
    ValueError
        A folder that was named is not there.
    """
    source, says = Source(path, options.without), meaning.reader(options)
    below = {part for file in source.pictures for part in source.parts(file)}
    _require((*options.fractured, *options.not_fractured), below)
    records = [
        Record(file, label, source.split_of(file))
        for file in source.pictures
        if (
            label := next(
                (says(part) for part in reversed(source.parts(file)) if says(part) is not None), None
            )
        )
        is not None
    ]
    if not records:
        looked = (
            "pictures in folders that mean a class, or that --fractured NAME and --not-fractured NAME name"
        )
        raise NotThisKindError("folders", path, looked, map(printable, below or source.top()))
    return Found(records, source.left_out, source.pictures)


def _require(named: tuple[str, ...], below: set[str]) -> None:
    words = {labels.word(name) for name in below}
    if absent := [name for name in named if labels.word(name) not in words]:
        raise ValueError(
            f"--fractured and --not-fractured must name folders with pictures. Received: {absent[0]!r}; "
            f"there are {one_line(first(sorted(map(printable, below)), 8)) or 'none'}."
        )
