"""What every reader says of a source: a record a radiograph, and a line for each thing that is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from pipeline.dataset.region import Region
from pipeline.files.printable import first, one_line

# Why something is left out, as the table at the end counts it.
NO_LABEL, MISSING, TWO_LABELS = "no label", "missing file", "two labels or splits"
BROKEN, NOT_UNDERSTOOD, UNKNOWN_CLASS = "broken label file", "label not understood", "class unknown"
BAD_ROW, OUTSIDE, UNREADABLE = "bad row", "box outside", "unreadable picture"
REPEATED, AMBIGUOUS = "drawn twice", "name of several pictures"


def is_archive(name: str) -> bool:
    """Whether a file of this name has to be unpacked first."""
    return Path(name).suffix.lower() in {".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst"}


class NotThisKindError(ValueError):
    """The source is not of the kind that was named."""

    def __init__(self, kind: str, source: Path, looked_for: str, found: Iterable[str]) -> None:
        names = sorted(found)
        packed = next((f"Unpack {one_line(name)}, or n" for name in names if is_archive(name)), "N")
        instead = one_line(first(names, 8)) or "nothing"
        super().__init__(
            f"import {kind} needs {looked_for}. Received: {source}, which holds {instead}. {packed}ame the "
            "folder that holds them, or another kind; docs/how-to/import.md lists the kinds."
        )


class LeftOut(NamedTuple):
    """A file, row or box that is not used: where it stands, the cause as it is counted, and what is wrong."""

    file: str
    cause: str
    detail: str


@dataclass(frozen=True)
class Record:
    """What a source says of one radiograph.

    Attributes
    ----------
    file
        The radiograph.
    fractured
        Its label.
    split
        ``train``, ``val`` or ``test``; empty where the source does not tell.
    patient, study
        Ids; empty where unknown.
    columns
        Further columns of ``labels.csv``.
    regions, size
        Drawn fractures, and the (height_px, width_px) that they are drawn on.
    name
        What the file is to be called; empty for its own name.
    group
        An id that stands for the patient where ``patient`` is a hash: for the split alone, never written.
    """

    file: Path
    fractured: bool
    split: str = ""
    patient: str = ""
    study: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    size: tuple[int, int] | None = None
    name: str = ""
    group: str = ""


@dataclass(frozen=True)
class Found:
    """All that a reader found.

    Attributes
    ----------
    records
        One a radiograph or more; see `merged`.
    left_out
        What is not used, and why.
    pictures
        All pictures of the source; those without a record or a reason have no label.
    remarks
        What the user must know at the end.
    boxes
        How many shapes of any class are drawn.
    """

    records: list[Record]
    left_out: list[LeftOut]
    pictures: list[Path]
    remarks: tuple[str, ...] = ()
    boxes: int = 0


@dataclass(frozen=True)
class Options:
    """What the user says beside kind and source; see `pipeline.cli.importing`."""

    fractured: tuple[str, ...] = ()
    not_fractured: tuple[str, ...] = ()
    background: bool = False
    labels: Path | None = None
    label_column: str = ""
    salt: str = ""
    copy: bool = False
    without: Path | None = None  # the folder that is written: no part of the source


def merged(found: Found, root: Path) -> Found:
    """Give each radiograph one record; leave out those of which two things are said, or nothing.

    Parameters
    ----------
    root
        The source's folder: names in messages are relative to it.
    """
    of_file: dict[Path, list[Record]] = {}
    for record in found.records:
        of_file.setdefault(record.file, []).append(record)
    records, left_out = [], list(found.left_out)
    for file, same in of_file.items():
        if clash := _clash(same):
            left_out.append(LeftOut(shown(file, root), TWO_LABELS, clash))
        else:
            records.append(_joined(same))
    known = {*map(str, of_file), *(str(root / one.file) for one in left_out)}
    unknown = [file for file in found.pictures if str(file) not in known]
    left_out += [LeftOut(shown(file, root), NO_LABEL, "nothing says what it shows") for file in unknown]
    return replace(found, records=records, left_out=left_out)


def shown(file: Path, root: Path) -> str:
    """Path of a file as messages name it: below the source's folder where it lies there."""
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def causes(left_out: Iterable[LeftOut]) -> dict[str, int]:
    """Count what is left out by its cause, the commonest first."""
    return dict(Counter(one.cause for one in left_out).most_common())


def _clash(same: list[Record]) -> str:
    """Say what records of one radiograph contradict each other in, if so."""
    labels = {"fractured" if record.fractured else "not fractured" for record in same}
    splits = {record.split for record in same} - {""}
    both = labels if len(labels) > 1 else splits
    return f"it stands under {' and '.join(sorted(both))}" if len(both) > 1 else ""


def _joined(same: list[Record]) -> Record:
    first, *others = same
    for other in others:
        drawn = {region.bbox: region for region in (*first.regions, *other.regions)}
        known = {
            name: getattr(first, name) or getattr(other, name)
            for name in ("split", "patient", "study", "size", "name", "group")
        }
        columns = {**other.columns, **first.columns}
        first = replace(first, regions=tuple(drawn.values()), columns=columns, **known)
    return first
