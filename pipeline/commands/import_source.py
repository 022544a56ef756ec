"""Bring radiographs from elsewhere into the layout that `validate` reads; the source is never changed.

Writes ``{train,val,test}/{fractured,not fractured}/``, ``annotations.coco.json``, ``labels.csv``,
``sources.csv`` (where each file came from), ``left_out.csv`` (what is not used, and why) and ``SHA256SUMS``
of these tables, all or nothing.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from pipeline.commands import destination, terminal
from pipeline.dataset.layout import CLASS_FOLDERS, SPLITS
from pipeline.files import digests, outputs
from pipeline.files.printable import one_line, printable
from pipeline.importing import (
    coco,
    csv_table,
    cvat,
    dealing,
    dicom_tree,
    feedback,
    folders,
    fracatlas,
    grazpedwri,
    mura,
    record,
    voc,
    writing,
    yolo,
)  # fmt: skip
from pipeline.importing.record import Found, LeftOut, Options
from pipeline.importing.writing import Placed, Written

log = logging.getLogger(__name__)

READERS: Mapping[str, Callable[[Path, Options], Found]] = {
    "fracatlas": fracatlas.read,
    "grazpedwri": grazpedwri.read,
    "mura": mura.read,
    "yolo": yolo.read,
    "voc": voc.read,
    "coco": coco.read,
    "cvat": cvat.read,
    "csv": csv_table.read,
    "folders": folders.read,
    "dicom": dicom_tree.read,
    "feedback": feedback.read,
}
_HEAD = ("", "Radiographs", "Fractured", "Not fractured", "Drawn fractures")
_SHOWN = 20  # lines for one cause; the table holds all
_COUNTED = 3  # lines where nothing is wrong


def run(kind: str, source: Path, out: Path, options: Options, *, as_json: bool) -> None:
    """Read, deal, write, and show what became of everything; see `bring`."""
    show(bring(kind, source, out, options), as_json=as_json)


def bring(
    kind: str, source: Path, out: Path, options: Options, *, train_only: bool = False
) -> dict[str, Any]:
    """Read, deal, write; what is left out is logged, and the figures are those of ``--json``.

    Parameters
    ----------
    train_only
        Put all into ``train``.

    Raises
    ------
    ValueError
        The source is not of that kind, nothing of it could be used, or ``out`` holds something else.
    """
    path, folder = _places(source, out, options)
    found = READERS[kind](path, replace(options, without=folder))
    root = path.parent if path.is_file() else path
    found = record.merged(found, root)
    _say(found.left_out, folder)
    if not found.records:
        raise ValueError(
            f"import {kind} must find a radiograph that can be used. Received: {source}, with "
            f"{len(found.pictures)} pictures: {_listed(found.left_out)}. Nothing was written. "
            f"{'; '.join(found.remarks)}".rstrip()
        )
    splits, how = _all_in_train(found) if train_only else dealing.splits(found.records, root)
    with outputs.staged(folder) as private:
        placed = writing.place(found.records, splits, root)
        written = writing.write(private, placed, root, found.left_out, copy=options.copy)
    _say(written.left_out, folder)
    left_out = [*found.left_out, *written.left_out]
    for remark in [*found.remarks, *_lacking(written.placed)]:
        log.warning("import: %s", remark)
    return _figures(kind, found, written, left_out, how, _params(out, folder))


def _all_in_train(found: Found) -> tuple[list[str], str]:
    return ["train"] * len(found.records), "all in train"


def _places(source: Path, out: Path, options: Options) -> tuple[Path, Path]:
    """Check that there is a source, and that the folder is new or all our own."""
    path = Path(os.path.abspath(source))  # noqa: PTH100 - `resolve` would follow links
    if not path.exists():
        raise ValueError(f"import needs a source that is there. Received: {source}.")
    if path.is_file() and record.is_archive(path.name):
        raise ValueError(
            f"import needs an unpacked source. Received: {source}. Unpack it, and name its folder."
        )
    if options.labels is not None and not options.labels.is_file():
        raise ValueError(f"--labels must name a CSV that is there. Received: {options.labels}.")
    read = [path, *([options.labels] if options.labels else [])]
    folder = destination.check(out, writing.OUTPUTS, read, newer=[digests.DIGESTS])
    if path.is_dir() and folder.is_relative_to(path.resolve()):
        raise ValueError(f"--out must lie outside the source, which is never changed. Received: {out}.")
    if folder.is_dir() and any(folder.iterdir()) and (work := writing.by_hand(folder)):
        raise ValueError(
            f"--out must hold nothing but an earlier import, as it was written. Received: {out}, {work}. "
            f"Name another folder, or move {out} away; nothing was written."
        )
    return path, folder


def _say(left_out: Sequence[LeftOut], folder: Path) -> None:
    """Log a line for each thing that is left out; of many for one cause, the first, and where all stand."""
    counts: Counter[str] = Counter()
    for one in left_out:
        counts[one.cause] += 1
        if counts[one.cause] <= _most(one.cause):
            file, detail = (one_line(printable(text)) for text in (one.file, one.detail))
            log.warning("left out %s: %s: %s", file, one.cause, detail)
    for cause, count in counts.items():
        if (more := count - _most(cause)) > 0:
            log.warning("%s: and %d more: %s", cause, more, folder / writing.LEFT_OUT)


def _most(cause: str) -> int:
    return _COUNTED if cause == record.NO_LABEL else _SHOWN


def _listed(left_out: Sequence[LeftOut]) -> str:
    counts = record.causes(left_out)
    return ", ".join(f"{cause} {count}" for cause, count in counts.items()) or "nothing that is labelled"


def _figures(
    kind: str,
    found: Found,
    written: Written,
    left_out: Sequence[LeftOut],
    how: str,
    params: Mapping[str, str],
) -> dict[str, Any]:
    """Count what was found, used and left out; the keys are those of ``--json``."""
    return {
        "kind": kind,
        "pictures": len(found.pictures),
        "shapes": found.boxes,
        "used": _count(written.placed),
        "splits": {
            split: _count(one for one in written.placed if one.path.startswith(f"{split}/"))
            for split in SPLITS
        },
        "split": how,
        "linked": written.linked,
        "copied": len(written.placed) - written.linked,
        "left_out": record.causes(left_out),
        "remarks": list(found.remarks),
        "params": dict(params),
    }


def _count(placed: Any) -> dict[str, int]:
    records = [one.record for one in placed]
    fractured = sum(one.fractured for one in records)
    return {
        "radiographs": len(records),
        "fractured": fractured,
        "not_fractured": len(records) - fractured,
        "regions": sum(len(one.regions) for one in records),
    }


def _lacking(placed: Sequence[Placed]) -> list[str]:
    """Name the folders that `validate` would find empty."""
    filled = {one.path.rsplit("/", 1)[0] for one in placed}
    empty = [
        f"{split}/{name}" for split in SPLITS for name in CLASS_FOLDERS if f"{split}/{name}" not in filled
    ]
    return [f"`validate` needs radiographs in {', '.join(empty)}; nothing went there"] if empty else []


def _params(out: Path, folder: Path) -> dict[str, str]:
    """Name the settings for params.yaml: paths below the working folder as they are, others absolute."""
    root = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    return {
        "root": root.as_posix(),
        "annotations": (root / writing.ANNOTATIONS).as_posix(),
        "labels": (root / writing.LABELS).as_posix(),
    }


def show(figures: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the figures, as JSON or as a table with the lines for params.yaml."""
    if as_json:
        sys.stdout.write(json.dumps(figures, indent=1) + "\n")
        return
    rows = [("found", str(figures["pictures"]), "", "", str(figures["shapes"]))]
    rows += [
        (name, *map(str, counts.values()))
        for name, counts in {"used": figures["used"], **figures["splits"]}.items()
    ]
    rows += [(f"left out: {cause}", str(count), "", "", "") for cause, count in figures["left_out"].items()]
    terminal.show(_HEAD, rows)
    log.info("import: %d linked, %d copied; split %s", figures["linked"], figures["copied"], figures["split"])
    sys.stdout.write("\n" + yaml.safe_dump({"data": figures["params"]}, sort_keys=False, allow_unicode=False))
