"""The user's columns beyond the folders: patient, study, body part, ..., keyed by path."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pipeline.dataset import headers, ids, joining, tables
from pipeline.dataset.layout import SPLITS
from pipeline.dataset.manifest import COLUMNS, FOLD, NOT_RADIOGRAPH
from pipeline.files.faults import Issue
from pipeline.files.text import TextFault

log = logging.getLogger(__name__)

# Columns that stages add to the manifest's: a user's column of that name would be taken for theirs.
RESERVED = {*COLUMNS, FOLD, NOT_RADIOGRAPH, "n_bytes", "index"} - {"path"}
RESERVED |= {"y_score", "decision", "predicted_body_part", "probability", "longer_side_px", "fracture_size"}
RESERVED |= {"scope_score", "in_scope"}
RESERVED |= {"shard", "offset", "length", "fractures", "inverted", "scale", "pad_row", "pad_column"}
RESERVED |= {"crop_row", "crop_column", "crop_height", "crop_width"}

_WHOLE = re.compile(r"\s*\+?(-?\d+)([.,]0+)?\s*")  # a number, as tables save it
LABEL_COLUMNS = ("fractured", "fracture", "class", "label")
SPLIT_COLUMNS = ("split", "subset", "partition")
_SPLIT_OF = {**{split: split for split in SPLITS}, "training": "train", "validation": "val", "valid": "val"}
CLASSES = {  # what a label says, by its value without case, blanks and signs
    **dict.fromkeys(("fractured", "fracture", "1", "true", "yes", "y", "positive", "pos"), "fractured"),
    **dict.fromkeys(
        ("notfractured", "nonfractured", "normal", "0", "false", "no", "n", "negative", "neg"),
        "not fractured",
    ),
}


class Labels(NamedTuple):
    """What is known of the files.

    Attributes
    ----------
    table
        One row a file, indexed by its path: every column as text, empty where unknown.
    issues
        Rows of unknown files, columns that are not carried, ids that are none or stand for too many files.
    figures
        ``labels_rows`` and ``labels_joined``: the table's rows, and the files that have one.
    """

    table: pd.DataFrame
    issues: list[Issue]
    figures: dict[str, int]


def word(value: str) -> str:
    """Write what a label says without case, blanks and signs; the minus of a number and a doubt stay."""
    if number := _WHOLE.fullmatch(unicodedata.normalize("NFKC", value)):
        return number[1]
    return headers.plain(value) + "?" * ("?" in value)


def user_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Select the columns of ``data.labels``, as text, from a manifest or a table that stages made of one.

    Names of patients and studies are left out.
    """
    own = {"path", *RESERVED, *ids.JOINING}
    return frame[[column for column in frame if column not in own]].astype("str")


def read(path: Path, paths: Collection[str]) -> Labels:
    """Read ``data.labels``, join it with the files, and say on the terminal how many joined.

    Parameters
    ----------
    path
        A CSV with a column ``path``, see `headers` and `joining`; Data/none.csv for none.
    paths
        Of the files in ``data.root``.

    Raises
    ------
    ValueError
        The file is missing or torn, has no column ``path`` or two for one thing, says two things of one
        file, or hardly names a file.
    """
    try:
        given, note = tables.given(path)
    except (FileNotFoundError, TextFault) as error:
        cause = f"Received: {path}." if isinstance(error, FileNotFoundError) else error
        raise ValueError(
            "a table of labels (data.labels, or --labels) must be a CSV with a column `path`. "
            f"{cause} For none, data.labels is Data/none.csv."
        ) from None
    named, renamed = headers.rename(given, path)
    issues = [Issue.of("", "label_encoding", f"{path.name}: {note}")] if note else []
    issues += [Issue.of("", "label_column", f"{old!r} is read as {new}") for old, new in renamed.items()]
    table, reserved = _carried(named, path)
    table, unknown_ids = ids.known(table)
    table, repeated = ids.within_patients(table)
    joined, names = _joined(table, given, paths, path)
    files = _one_row_a_file(table, names, path)
    lost = [name for name, file in zip(table["path"], names, strict=True) if not file]
    issues += [*reserved, *unknown_ids, *repeated, *ids.shared_by_many(files)]
    for issue in issues:
        log.warning("labels: %s", issue.detail)
    issues += [Issue.of(name, "label_unknown_file", f"{path.name} names no file") for name in lost]
    if len(table):
        log.info(
            "labels: %d of %d files have a row (%.2f), %s; %d of %d rows name no file",
            *(len(files), len(paths), len(files) / max(len(paths), 1), joined, len(lost), len(table)),
        )
    figures = {"labels_rows": len(table), "labels_joined": len(files)}
    return Labels(files.reindex(sorted(paths), fill_value=""), issues, figures)


def _carried(table: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, list[Issue]]:
    """Leave out the columns that bear a name of ours."""
    reserved = [column for column in table if column in RESERVED]
    detail = "column {!r} of {} bears a name of the pipeline's own: not carried, rename it to use it"
    issues = [Issue.of("", "label_reserved_column", detail.format(name, path.name)) for name in reserved]
    return table.drop(columns=reserved), issues


def _joined(
    table: pd.DataFrame, given: pd.DataFrame, paths: Collection[str], path: Path
) -> tuple[str, list[str]]:
    """Find each row's file (empty: none), by its path, or by its base name with its split and class."""
    names = table["path"]
    joined = joining.join(names, paths)
    rule = joined.rule
    if len(joined.path_of) < names.nunique() and (placed := _placed(names, given)) is not None:
        by_columns = joining.join(placed, paths)
        if len(by_columns.path_of) > len(joined.path_of):
            names, joined, rule = placed, by_columns, "by base name, split and class"
    joining.require(joined, set(names), paths, f"{path}, column `path`,", "rows")
    return rule, [joined.path_of.get(name, "") for name in names]


def _placed(names: pd.Series[str], given: pd.DataFrame) -> pd.Series[str] | None:
    """Put the folders before base names, where columns tell split and class of every row."""
    columns = {headers.plain(column): given[column] for column in given}
    split = _translated(columns, SPLIT_COLUMNS, _SPLIT_OF)
    fractured = _translated(columns, LABEL_COLUMNS, CLASSES)
    if fractured is None:
        return None
    base = names.str.replace("\\", "/").str.rsplit("/", n=1).str[-1]
    folder = fractured if split is None else split + "/" + fractured
    return folder + "/" + base


def _translated(
    columns: Mapping[str, pd.Series[str]], names: Collection[str], meanings: Mapping[str, str]
) -> pd.Series[str] | None:
    for name in names:
        if name in columns and (found := columns[name].map(word).map(meanings)).notna().all():
            return found
    return None


def _one_row_a_file(table: pd.DataFrame, files: list[str], path: Path) -> pd.DataFrame:
    """Index the rows that have joined by their file; rows that say the same of it are one."""
    rows = table.drop(columns="path").assign(file=files, line=table.index)
    rows = rows[rows["file"] != ""]
    said = rows.drop_duplicates([column for column in rows if column != "line"])
    if (again := said[said["file"].duplicated()]).size:
        file = again["file"].iloc[0]
        first, second = said[said["file"] == file][:2].drop(columns="file").to_dict("records")
        raise ValueError(
            f"{path} must say of a file one thing, once. Received of {file}: in line {first.pop('line')} "
            f"{first}, in line {second.pop('line')} {second}. Remove one row."
        )
    return said.drop(columns="line").set_index("file").rename_axis("path")
