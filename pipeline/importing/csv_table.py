"""A CSV of paths and labels: its columns are found by their usual names.

``path`` and a label are needed; ``split``, ``patient_id`` and ``study_id`` are used, and others carried.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from pipeline.dataset import headers, ids, labels, tables
from pipeline.files.printable import first, printable
from pipeline.importing import meaning, no_pictures
from pipeline.importing.record import (
    BAD_ROW,
    NO_LABEL,
    NOT_UNDERSTOOD,
    Found,
    LeftOut,
    NotThisKindError,
    Options,
    Record,
)
from pipeline.importing.source import Source, missing, split_of

log = logging.getLogger(__name__)

_MAYBE_SPLITS = ("set", "dataset", "datasplit")  # where their values say so
LABEL_COLUMNS = (*labels.LABEL_COLUMNS, "isfractured", "target", "diagnosis", "abnormal", "fracturevisible")


def read(path: Path, options: Options) -> Found:
    """Read a table, given as its file, or as the folder that holds it and no other."""
    file = _file(path)
    source, ragged = Source(file.parent, options.without), list[str]()
    table = named(tables.given(file, ragged).table, file)
    label = label_column(table, file, options)
    split, unknown = _split_column(table)
    rest = [name for name in table if name not in {"path", "patient_id", "study_id", label, split}]
    columns = [name for name in rest if name not in labels.RESERVED]
    path_of = _paths(table["path"], source)
    lines = [LeftOut(file.name, BAD_ROW, fault) for fault in ragged]
    lines += missing(dict.fromkeys(name for name in table["path"] if name not in path_of), file.name)
    says, records = meaning.reader(options), []
    for line, row in zip(table.index, table.to_dict("records"), strict=True):
        if (picture := path_of.get(row["path"])) is None:
            continue
        if (fractured := says(row[label])) is None:
            where = f"{file.name}, line {line}, {label}"
            lines.append(_no_label(source.shown(picture), row[label], where))
        else:
            records.append(_record(picture, row, columns, split, fractured=fractured))
    dropped = sorted({*rest} - {*columns})
    remarks = [unknown] if unknown else []
    if dropped:
        remarks.append(f"columns with names of the pipeline's own are not carried: {', '.join(dropped)}")
    lines += no_pictures.lines(source, [file])
    return Found(records, [*source.left_out, *lines], source.pictures, tuple(remarks))


def _split_column(table: pd.DataFrame) -> tuple[str, str]:
    """Find the column that tells the splits, and say which of its values tell none; empty for nothing."""
    column = next((name for name in table if _tells_splits(name, table[name])), "")
    unknown = {value: None for value in table[column] if value and not split_of([value])} if column else {}
    if not unknown:
        return column, ""
    shown = first([*map(repr, unknown)], 3)
    return column, f"{column} says {shown}, which is none of train, val, test: these rows get a split anew"


def _no_label(file: str, value: str, where: str) -> LeftOut:
    if not value:
        return LeftOut(file, NO_LABEL, f"{where} is empty")
    return LeftOut(file, NOT_UNDERSTOOD, f"{where} is {value[:80]!r}: see --fractured and --not-fractured")


def _tells_splits(name: str, values: pd.Series[str]) -> bool:
    plain = headers.plain(name)
    return plain in labels.SPLIT_COLUMNS or (
        plain in _MAYBE_SPLITS and any(split_of([value]) for value in values.unique())
    )


def label_column(table: pd.DataFrame, file: Path, options: Options) -> str:
    """Find the column of labels, and say so: the one that was named, else the first of the usual names."""
    wanted = [options.label_column] if options.label_column else LABEL_COLUMNS
    found = [
        str(column) for name in wanted for column in table if headers.plain(column) == headers.plain(name)
    ]
    if found:
        others = f"; not from {', '.join(map(repr, found[1:]))}: see --label-column" if found[1:] else ""
        log.info("labels are from the column %r of %s%s", found[0], file.name, others)
        return found[0]
    raise ValueError(
        f"{file} must have a column of labels, such as `fractured`. Received: {list(table)}. Name it with "
        "--label-column."
    )


def named(table: pd.DataFrame, file: Path) -> pd.DataFrame:
    """Give the columns that act their own names; one of paths must be there."""
    if "path" not in map(headers.meaning, table):
        raise ValueError(f"{file} must have a column of paths, such as `path`. Received: {list(table)}.")
    return headers.rename(table, file)[0]


def _file(path: Path) -> Path:
    if path.is_file():
        return path.absolute()
    names = sorted(path.iterdir()) if path.is_dir() else []
    files = [one for one in names if one.suffix.lower() in {".csv", ".tsv"}]
    if len(files) != 1:
        found = (printable(one.name) for one in files or names)
        raise NotThisKindError("csv", path, "a CSV, or a folder with one at its top", found)
    return files[0].absolute()


def _paths(names: pd.Series[str], source: Source) -> dict[str, Path]:
    """Find the pictures: as they are named from the root of the disk, else below the table's folder."""
    absolute = {
        name: Path(name)
        for name in names
        if Path(name).is_absolute() and os.path.isfile(name)  # noqa: PTH113 - `Path.is_file` may raise
    }
    return absolute | source.find(set(names) - absolute.keys() - {""})


def _known(name: str) -> str:
    return "" if ids.says_nothing(name) else name


def _record(file: Path, row: Mapping[str, str], columns: list[str], split: str, *, fractured: bool) -> Record:
    return Record(
        file,
        fractured,
        split_of([row[split]]) if split else "",
        _known(row.get("patient_id", "")),
        _known(row.get("study_id", "")),
        {name: row[name] for name in columns},
    )
