"""Tables in CSV: those that people save, and those that stages wrote; what is torn is named by its line.

Beside them the figures that stages wrote, in JSON.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pipeline.files import text as texts
from pipeline.files.text import TextFault

_SEPARATORS = ",;\t|"
_SEP_LINE = re.compile(rf"\A\"?sep=([{_SEPARATORS}])\"?\n", re.IGNORECASE)  # by it Excel is told
_KEPT_AS_TEXT = re.compile(r"(?:=\"(.*)\"|'(\d[\d.,]*))", re.DOTALL)  # by these signs a spreadsheet is told
_RETURN = "\ue00d"  # stands for a carriage return inside a cell, which `csv` would take for the end of a row


class Given(NamedTuple):
    """A table that somebody saved: all its cells as text, and a note where its encoding was guessed."""

    table: pd.DataFrame
    note: str


def given(path: Path, ragged: list[str] | None = None) -> Given:
    """Read a table of the user's: commas, semicolons, tabs or bars; blanks around cells are dropped.

    Parameters
    ----------
    ragged
        Where given, it gathers what is wrong with rows that have not as many cells as the header, and these
        rows are left out.

    Returns
    -------
    Given
        ``table`` has a column for each that has a name, and no empty rows. Its index is the line in the file.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    TextFault
        It is no text, or a row has not as many cells as the header.
    """
    text, note = texts.read(path)
    rows = _rows(text.replace("\r", _RETURN), path)
    (_, header), *body = rows
    whole = []
    for line, cells in body:
        while len(cells) > len(header) and not cells[-1]:
            cells.pop()  # separators at the end of the line
        if len(cells) == len(header):
            whole.append((line, cells))
            continue
        fault = (
            f"line {line}: a row must have {len(header)} cells, as the header has. "
            f"Received: {len(cells)}: {_shortened(cells)}. Correct the line; cells with commas in quotes."
        )
        if ragged is None:
            raise TextFault(f"{path}, {fault}")
        ragged.append(fault)
    if twice := sorted(name for name, count in Counter(header).items() if name and count > 1):
        raise TextFault(f"{path} must name a column once. Received twice: {twice[0]!r}. Remove one.")
    table = pd.DataFrame([cells for _, cells in whole], columns=header, dtype="str")
    table.index = pd.Index([line for line, _ in whole])
    return Given(table[[name for name in header if name]], note)


def measured(path: Path, **options: Any) -> pd.DataFrame:
    """Read a table that a stage wrote.

    Parameters
    ----------
    path
        Of the table; every row, the last one too, ends with a line's end.
    options
        For `pandas.read_csv`.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    TextFault
        It is torn, or was saved by another program that broke it.
    """
    return parsed(texts.read(path).text, str(path), **options)


def parsed(text: str, name: str, **options: Any) -> pd.DataFrame:
    """Parse the text of a table that a stage wrote, as `measured` does; the name stands in messages."""
    if not text.endswith("\n"):
        last = text.rsplit("\n", 1)[-1]
        raise TextFault(
            f"{name} must end with a whole line. Received at its end: {last[:80]!r}. It is torn: run "
            "`dvc repro` or `dvc checkout`, or take a whole copy; if it is whole, add a line's end."
        )
    try:
        rows = pd.read_csv(io.StringIO(text), lineterminator="\n", **({"keep_default_na": False} | options))
        if len(rows) and not isinstance(
            rows.index, pd.RangeIndex
        ):  # what is too much, pandas takes for an index
            raise ValueError("a row has more cells than the header")
    except ValueError as error:  # so are pandas' own
        cause = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise TextFault(f"{name} must be a whole table. Received: {cause}. Run `dvc repro`.") from None
    return rows


def figures(path: Path, undefined: float | None = None) -> dict[str, Any]:
    """Read ``metrics.json`` of a stage, with what stands for a figure that is not defined.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    TextFault
        It is torn.
    """

    def defined(values: dict[str, Any]) -> dict[str, Any]:
        return {name: undefined if value is None else value for name, value in values.items()}

    try:
        return dict(json.loads(path.read_text(encoding="utf-8"), object_hook=defined))
    except (ValueError, TypeError) as error:
        raise TextFault(
            f"{path} must be as a stage wrote it. Received: {error}. Run `dvc checkout`, or `dvc repro`."
        ) from error


def _rows(text: str, path: Path) -> list[tuple[int, list[str]]]:
    """Split text into rows of cells, each with its line; rows without any content are left out."""
    text, told = _SEP_LINE.sub("\n", text), _SEP_LINE.match(text)  # the line keeps its number
    if not text.strip():
        raise TextFault(f"{path} must have a header. Received: no text.")
    first = next(line for line in text.split("\n") if line.strip())
    separator = told[1] if told else max(_SEPARATORS, key=first.count)
    reader = csv.reader(
        io.StringIO(text, newline="\n"), delimiter=separator, skipinitialspace=separator != "\t", strict=True
    )
    rows = []
    try:
        for cells in reader:
            plain = [_plain(cell.replace(_RETURN, "\r")) for cell in cells]
            if any(plain):
                rows.append((reader.line_num, plain))
    except csv.Error as error:
        raise TextFault(
            f"{path}, line {reader.line_num}: {error}. Close the quotes, or take a whole copy."
        ) from None
    if not rows:
        raise TextFault(f"{path} must have a header. Received: no text.")
    return rows


def _plain(cell: str) -> str:
    """Drop blanks around a cell, and the signs by which a spreadsheet is told not to take it for a number."""
    marked = _KEPT_AS_TEXT.fullmatch(cell.strip())
    return (marked[1] or marked[2] or "").strip() if marked else cell.strip()


def _shortened(cells: list[str]) -> str:
    text = ", ".join(map(repr, cells))
    return text if len(text) < 120 else f"{text[:117]}..."
