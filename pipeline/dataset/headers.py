"""Which column of somebody's table is which: those that act, by the names that other programs give them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from pipeline.dataset import body_part

_ALSO: Mapping[str, str] = {  # without case, blanks and underscores
    "path": "path filepath imagepath filename imagefilename imagename image file filestem imageid imagefile",
    "patient_id": "patientid patient patientnumber patientno subjectid subject mrn",
    "study_id": "studyid study studyinstanceuid studyuid accessionnumber accession",
    body_part.COLUMN: "bodypart bodypartexamined",
    "hardware": "hardware",
}
_ACCESSION = {"accessionnumber", "accession"}
_MEANING = {other: name for name, others in _ALSO.items() for other in others.split()}


def rename(table: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """Give the columns that act their own names.

    Returns
    -------
    table : DataFrame
    renamed : dict
        The old names of the columns whose name has changed, with the new ones.

    Raises
    ------
    ValueError
        No column names the files, or two columns that differ mean the same.
    """
    meant: dict[str, list[str]] = {}
    for column in table:
        if name := meaning(column):
            meant.setdefault(name, []).append(column)
    if "path" in meant.get("path", ()):
        meant["path"] = ["path"]  # beside it, another column of file names is the user's own
    if uids := [column for column in meant.get("study_id", ()) if plain(column) not in _ACCESSION]:
        meant["study_id"] = uids  # an order may hold several studies: its number acts where no study is named
    if not meant.get("path"):
        raise ValueError(
            "a table of labels (data.labels, or --labels) must be a CSV with a column `path`: "
            f"{path} has none. Received: {list(table)}. Rename the column with the files' paths to `path`."
        )
    renamed, repeated = {}, []
    for name, columns in meant.items():
        first, *others = sorted(columns, key=lambda column: column != name)
        if clash := [other for other in others if not table[other].equals(table[first])]:
            raise ValueError(
                f"{path} must have one column for {name}. Received: {first!r} and {clash[0]!r}, "
                "which differ. Keep the one that you mean, or rename the other."
            )
        repeated += others
        if first != name:
            renamed[first] = name
    return table.drop(columns=repeated).rename(columns=renamed), renamed


def meaning(column: str) -> str | None:
    """Name the column that acts which a column's name stands for, if any."""
    return _MEANING.get(plain(column))


def plain(column: str) -> str:
    """Write a column's name, of any script and in any form of Unicode, without case, blanks and signs."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", column).casefold())
