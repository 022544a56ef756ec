"""Files among pictures that are none, though their names do not say so: each gets a line."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pipeline.importing.record import UNREADABLE, LeftOut
from pipeline.importing.source import Source
from pipeline.validate import intake


def lines(source: Source, tables: Collection[Path] = ()) -> list[LeftOut]:
    """Say of each file that it is no picture, but for tables, texts and the like, see `intake.is_beside`.

    Parameters
    ----------
    tables
        Files that are read as tables, whatever their names.
    """
    known = {*source.pictures, *tables}
    others = [file for file in source.files if file not in known and not intake.is_beside(file)]
    return [LeftOut(source.shown(file), UNREADABLE, "no picture, by its bytes") for file in others]
