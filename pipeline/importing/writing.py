"""The folder that `validate` reads: radiographs by split and class, drawings, labels, and their sources.

Radiographs are hard links where source and folder share a disk, copies elsewhere.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pipeline.dataset import annotations as drawings
from pipeline.dataset import tables
from pipeline.dataset.annotations import Annotations
from pipeline.dataset.ids import JOINING
from pipeline.dataset.layout import CLASS_FOLDERS, SPLITS
from pipeline.files import cells, digests, engine, outputs
from pipeline.files.digests import DIGESTS
from pipeline.files.printable import printable
from pipeline.importing import file_names
from pipeline.importing.record import MISSING, UNREADABLE, LeftOut, Record, shown

ANNOTATIONS, LABELS, SOURCES, LEFT_OUT = "annotations.coco.json", "labels.csv", "sources.csv", "left_out.csv"
TABLES = (ANNOTATIONS, LABELS, SOURCES, LEFT_OUT)
OUTPUTS = (*SPLITS, *TABLES, DIGESTS)
_CLASS_OF = {fractured: name for name, fractured in CLASS_FOLDERS.items()}


class Placed(NamedTuple):
    """A radiograph, and its path below the folder."""

    record: Record
    path: str


class Written(NamedTuple):
    """What was written: the radiographs, files that could not be read, and how many are hard links."""

    placed: list[Placed]
    left_out: list[LeftOut]
    linked: int


def place(records: Sequence[Record], splits: Sequence[str], root: Path) -> list[Placed]:
    """Give each radiograph its path, in the order of the paths."""
    named = zip(records, splits, file_names.names(records, root), strict=True)
    placed = [
        Placed(record, f"{split}/{_CLASS_OF[record.fractured]}/{name}") for record, split, name in named
    ]
    return sorted(placed, key=lambda one: one.path)


def write(
    folder: Path, placed: Sequence[Placed], root: Path, left_out: Sequence[LeftOut], *, copy: bool
) -> Written:
    """Write all of `OUTPUTS` into a folder that is not there yet.

    Parameters
    ----------
    root
        The source's folder.
    left_out
        What the reader left out.
    copy
        Whether to copy in any case.
    """
    for split in SPLITS:
        for name in CLASS_FOLDERS:
            (folder / split / name).mkdir(parents=True)
    done, lost, linked = [], list[LeftOut](), 0
    for one in engine.track(placed, total=len(placed), label="import"):
        try:
            linked += _bring(one.record.file, folder / one.path, copy=copy)
            done.append(one)
        except OSError as error:
            if outputs.is_no_space(error):
                raise
            cause = MISSING if isinstance(error, FileNotFoundError) else UNREADABLE
            lost.append(LeftOut(shown(one.record.file, root), cause, error.strerror or str(error)))
    drawings.write(_annotations(done), folder / ANNOTATIONS)
    _table(folder / LABELS, _labels(done))
    sources = [
        {"path": one.path, "source": cells.path(printable(shown(one.record.file, root)))} for one in done
    ]
    _table(folder / SOURCES, pd.DataFrame(sources, columns=["path", "source"]))
    rows = [[cells.text(printable(cell)) for cell in line] for line in (*left_out, *lost)]
    _table(folder / LEFT_OUT, pd.DataFrame(rows, columns=list(LeftOut._fields)))
    digests.write(folder, TABLES)
    return Written(done, lost, linked)


def by_hand(folder: Path) -> str:
    """Say what of an earlier result was added, changed or removed since; empty where nothing was."""
    written = digests.read(folder)
    for name in TABLES:
        if name not in written:
            return f"whose {name} may have been changed: {DIGESTS} does not tell"
        if outputs.sha256(folder / name) != written[name]:
            return f"whose {name} was changed since"
    placed = {*tables.measured(folder / SOURCES, dtype="str")["path"]}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if added := found - placed - {*TABLES, DIGESTS}:
        return f"with {printable(min(added))}"
    return f"without {printable(min(gone))}, which was removed since" if (gone := placed - found) else ""


def _bring(file: Path, target: Path, *, copy: bool) -> bool:
    """Link or copy a file, and tell whether it was linked; a link is followed first, so that none is made."""
    real = os.path.realpath(file, strict=True)
    with open(real, "rb"):  # noqa: PTH123 - what cannot be read must not be linked
        pass
    if not copy:
        try:
            os.link(real, target)
        except FileNotFoundError:
            raise
        except OSError:  # another disk, a file system without links, or too many of them
            pass
        else:
            return True
    shutil.copyfile(real, target)
    return False


def _annotations(placed: Iterable[Placed]) -> Annotations:
    drawn = {one.path: one.record for one in placed if one.record.regions and one.record.size}
    return Annotations(
        {path: record.regions for path, record in drawn.items()},
        {path: record.size for path, record in drawn.items() if record.size},
    )


def _labels(placed: Sequence[Placed]) -> pd.DataFrame:
    """Make one row a radiograph: ids where some are known, then the source's columns."""
    rows = [
        {
            "path": one.path,
            "patient_id": one.record.patient,
            "study_id": one.record.study,
            **one.record.columns,
        }
        for one in placed
    ]
    table = pd.DataFrame(rows, dtype="str").reindex(columns=_columns(rows)).fillna("")
    unknown = [name for name in JOINING if (table[name] == "").all()]
    table = table.drop(columns=unknown)
    return table.assign(**{name: table[name].map(cells.text) for name in table if name != "path"})


def _columns(rows: Iterable[dict[str, str]]) -> list[str]:
    first = dict.fromkeys(["path", *JOINING])
    return list(first | dict.fromkeys(name for row in rows for name in row))


def _table(path: Path, table: pd.DataFrame) -> None:
    path.write_text(table.to_csv(index=False, lineterminator="\n"), encoding="utf-8", newline="\n")
