"""The manifest: one row a file, with its group, its split and why it was left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from pipeline.dataset import tables
from pipeline.dataset.layout import SPLITS
from pipeline.files.outputs import staged

KEPT, REDUNDANT, QUARANTINED = STATUSES = ("kept", "redundant", "quarantined")

COLUMNS = {
    "path": "str",
    "published_split": "str",
    "split": "str",
    "fractured": "bool",
    "status": "str",
    "reason": "str",
    "group": "str",
    "sha256": "str",
    "format": "str",
    "mode": "str",
    "height_px": "Int64",
    "width_px": "Int64",
    "sampling_weight": "float64",
}
NOT_RADIOGRAPH = "not_radiograph"  # a further column: how unlike a radiograph, 0 to 1; see that module
FOLD = "fold"  # one column more where validate.split is kfold: from 0, as text; empty: not kept, or in none


def _where_kept(column: str) -> pa.Check:
    """Kept rows have a value in the column, all others have none."""

    def agrees(frame: pd.DataFrame) -> pd.Series[bool]:
        empty = frame[column].isin(["", 0])
        return (frame["status"] == KEPT) != empty

    return pa.Check(agrees, error=f"{column} must be set in kept rows and in no others")


_SCHEMA = pa.DataFrameSchema(
    {
        "path": pa.Column(str, [pa.Check.str_length(min_value=1)], unique=True),
        "published_split": pa.Column(str, pa.Check.isin(SPLITS)),
        "split": pa.Column(str, pa.Check.isin(["", *SPLITS])),
        "fractured": pa.Column(bool),
        "status": pa.Column(str, pa.Check.isin(STATUSES)),
        "reason": pa.Column(str),
        "group": pa.Column(str),
        "sha256": pa.Column(str, pa.Check.str_matches("^([0-9a-f]{64})?$")),
        "format": pa.Column(str),
        "mode": pa.Column(str),
        "height_px": pa.Column("Int64", pa.Check.gt(0), nullable=True),
        "width_px": pa.Column("Int64", pa.Check.gt(0), nullable=True),
        "sampling_weight": pa.Column(float, pa.Check.in_range(0, 1)),
    },
    checks=[_where_kept("split"), _where_kept("sampling_weight")],
)


def read(path: Path) -> pd.DataFrame:
    """Read and check a manifest.

    Returns
    -------
    DataFrame
        The columns of `COLUMNS`, then the user's from ``data.labels``, as text (empty: unknown).

    Raises
    ------
    ValueError
        It is torn, a column is missing, or a row breaks a rule.
    """
    text = tables.measured(path, dtype="str")
    missing = [column for column in COLUMNS if column not in text]
    if missing:
        raise ValueError(f"{path} lacks columns {missing}. Received: {list(text)}. Run `dvc repro validate`.")
    fractured = text["fractured"].str.casefold()  # spreadsheets write TRUE
    numbers = {name: COLUMNS[name] for name in ("height_px", "width_px", "sampling_weight")}
    _check_cells(text, path, "fractured", fractured.isin(["true", "false"]), "True or False")
    for name in numbers:
        _check_cells(text, path, name, text[name].str.fullmatch(r"[-+.\deE]*"), "a number, or empty")
    frame = text.assign(
        fractured=fractured == "true",
        **{name: pd.to_numeric(text[name]).astype(kind) for name, kind in numbers.items()},
    )
    return _checked(frame, path)


def write(frame: pd.DataFrame, path: Path) -> None:
    """Check a manifest and write it whole, in the order of its paths.

    Raises
    ------
    ValueError
        A row breaks a rule.
    """
    extra = [column for column in frame if column not in COLUMNS]
    ordered = _checked(frame.sort_values("path")[[*COLUMNS, *extra]], path)
    with staged(path) as private:
        ordered.to_csv(private, index=False, lineterminator="\n")


def rows(frame: pd.DataFrame, split: str | Sequence[str]) -> pd.DataFrame:
    """Select the kept rows of one split, or of several, with a fresh index."""
    wanted = [split] if isinstance(split, str) else list(split)
    return frame[(frame["status"] == KEPT) & frame["split"].isin(wanted)].reset_index(drop=True)


def _check_cells(text: pd.DataFrame, path: Path, name: str, sound: pd.Series[bool], rule: str) -> None:
    if not sound.all():
        row = int(sound.to_numpy(bool).argmin())
        raise ValueError(
            f"{path}, row {row}, {name}: must be {rule}. Received: {text[name].iloc[row]!r} for "
            f"{text['path'].iloc[row]!r}. Run `dvc repro validate`."
        )


def _checked(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    try:
        return _SCHEMA.validate(frame.reset_index(drop=True), lazy=True)
    except pa.errors.SchemaErrors as error:
        worst = error.failure_cases.sort_values("schema_context", kind="stable").iloc[0]  # columns first
        raise ValueError(
            f"{path}, row {worst['index']}, {worst['column']}: {worst['check']}. "
            f"Received: {worst['failure_case']!r}. Run `dvc repro validate`."
        ) from None
