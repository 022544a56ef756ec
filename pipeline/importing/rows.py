"""The rows of a published table by the picture that they name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from pipeline.dataset import tables
from pipeline.importing.record import BAD_ROW, TWO_LABELS, LeftOut


class Rows(NamedTuple):
    """The row of each name, the names of which rows say two things, and what is left out."""

    of_name: Mapping[str, Mapping[str, str]]
    twice: frozenset[str]
    left_out: list[LeftOut]

    def clash(self, name: str, shown: str) -> list[LeftOut]:
        """Say that a picture is left out because its rows differ, if so."""
        return [LeftOut(shown, TWO_LABELS, "two rows that differ")] if name in self.twice else []


def read(file: Path, key: str, needed: Collection[str]) -> Rows:
    """Read a table; rows that are torn are left out.

    Parameters
    ----------
    key
        The column of the pictures' names.
    needed
        Columns that must be there.

    Raises
    ------
    ValueError
        It is no table, or lacks a column.
    """
    ragged: list[str] = []
    table = tables.given(file, ragged).table.rename(columns=lambda name: re.sub(r"\s", "_", name.casefold()))
    if lacking := sorted({key, *needed} - {*table}):
        raise ValueError(f"{file} must have columns {', '.join(lacking)}. Received: {list(table)}.")
    distinct = table.drop_duplicates()
    twice = frozenset(distinct.loc[distinct[key].duplicated(), key])
    of_name = {row[key]: row for row in distinct.to_dict("records")}
    return Rows(of_name, twice, [LeftOut(file.name, BAD_ROW, fault) for fault in ragged])
