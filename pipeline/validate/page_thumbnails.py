"""The radiographs on the page of this stage: chosen from tables, and thumbnails of these alone.

The stage, which reads the radiographs, draws the thumbnails; `report` chooses in the same way for the page.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import pandas as pd

from pipeline.dataset.layout import SPLITS
from pipeline.dataset.manifest import QUARANTINED, REDUNDANT
from pipeline.files import images, resize
from pipeline.types import UInt8Array

SIDE_PX = 320  # the longer side of a thumbnail
INDEX = "index.csv"  # of the thumbnails: path, file

_PLACES = 8  # in a row of pictures
_GROUPS = 10
_PAIRS = 10

Row = TypeVar("Row", list[str], pd.DataFrame)


def first(row: Row) -> Row:
    """Cut a row of pictures: all, or so many that one place is left for the number of the others."""
    return row if len(row) <= _PLACES else row[: _PLACES - 1]


def left_out(files: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Sort the manifest's quarantined rows by reason, the commonest first; a group's stand side by side."""
    out = files[files["status"] == QUARANTINED].sort_values(["group", "path"])
    return {reason: out[out["reason"] == reason] for reason in _commonest_first(out["reason"]).index}


def largest_groups(files: pd.DataFrame) -> list[pd.DataFrame]:
    """Choose the manifest's largest groups: copies of one radiograph, or files of one patient or study."""
    grouped = files[files["group"] != ""]
    sizes = _commonest_first(grouped["group"])
    return [grouped[grouped["group"] == name] for name in sizes[sizes > 1].head(_GROUPS).index]


def _commonest_first(values: pd.Series[Any]) -> pd.Series[Any]:
    """Count the values; those that are as common as each other in their own order."""
    return values.value_counts().sort_index().sort_values(ascending=False, kind="stable")


def reference(members: pd.DataFrame) -> str:
    """Path of the file of a group that the others were likely made of.

    Tools add to a name when they save a copy: the shortest name is taken for it.
    """
    return str(min(members["path"], key=lambda path: (len(PurePosixPath(path).stem), path)))


def spread(members: pd.DataFrame) -> list[str]:
    """Order a group's paths: the reference, then by turns of each split and class, byte copies last."""
    reference_path = reference(members)
    others = members[members["path"] != reference_path]
    ranked = others.assign(
        again=others["status"] == REDUNDANT, rank=others["published_split"].map(SPLITS.index)
    )
    turn = ranked.groupby(["again", "rank", "fractured"]).cumcount()
    ordered = ranked.assign(turn=turn).sort_values(["again", "turn", "rank", "fractured", "path"])
    return [reference_path, *ordered["path"]]


def hardest_pairs(copies: pd.DataFrame, files: pd.DataFrame) -> pd.DataFrame:
    """Choose the pairs that agree least of all that were taken for copies: the worst of each group first.

    A large family would else fill the page with one radiograph. The table of copies has the hardest first.
    """
    groups = copies["path"].map(files.set_index("path")["group"])
    worst_of_each_first = copies.groupby(groups).cumcount().argsort(kind="stable")
    return copies.iloc[worst_of_each_first].head(_PAIRS)


def paths(files: pd.DataFrame, copies: pd.DataFrame) -> set[str]:
    """Gather all radiographs of the page; of those left out, what could be decoded."""
    out = pd.concat([files[:0], *map(first, left_out(files).values())])
    members = [path for group in largest_groups(files) for path in first(spread(group))]
    pairs = hardest_pairs(copies, files)
    return {*out.loc[out["format"] != "", "path"], *members, *pairs["path"], *pairs["copy_of"]}


def draw(chosen: Collection[str], root: Path, max_pixels: int, folder: Path) -> None:
    """Make a folder of thumbnails, and their index; what cannot be decoded any more has none."""
    folder.mkdir()
    rows = []
    for number, path in enumerate(sorted(chosen)):
        with suppress(images.ImageFault):
            pixels = images.read(root / path, max_pixels).pixels
            images.write(folder / f"{number:03}.png", fitted(pixels, SIDE_PX))
            rows.append((path, f"{number:03}.png"))
    index = pd.DataFrame(rows, columns=["path", "file"])
    index.to_csv(folder / INDEX, index=False, lineterminator="\n")


def fitted(pixels: UInt8Array, side_px: int) -> UInt8Array:
    """Scale grey pixels, shape (height_px, width_px), so that the longer side is ``side_px``."""
    scale = side_px / max(pixels.shape)
    return resize.to_shape(pixels, [side * scale for side in pixels.shape])
