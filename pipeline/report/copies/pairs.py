"""The hardest pairs of copies: both radiographs, one laid over the other, and how well they agree."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.report import thumbnails
from pipeline.report.copies import kinship
from pipeline.report.copies.kinship import Shape
from pipeline.report.copies.superposition import between, superposed
from pipeline.report.pages import decimals, percent
from pipeline.report.thumbnails import ThumbnailReader
from pipeline.types import UInt8Array
from pipeline.validate import page_thumbnails
from pipeline.validate.copies.thumbnails import SIDE_PX

_MOVED_PX = 0.05  # what is less is rounding


def hardest(copies: pd.DataFrame, files: pd.DataFrame, thumbnail: ThumbnailReader) -> list[dict[str, Any]]:
    """Gather the pairs that agree least for the page; see `pipeline.validate.page_thumbnails.hardest_pairs`.

    Parameters
    ----------
    copies
        How pairs lie on one another, the hardest first; see `pipeline.validate.copies.files.Copies`.
    files
        The manifest.
    thumbnail
        From a path to small pixels; called only for the pictures on the page.

    Returns
    -------
    list of dict
        ``pictures`` (of the first, the second, and the second laid over the first, as the macro ``thumbs``
        takes them), ``title`` (the score) and ``text`` (sentences).
    """
    chosen = page_thumbnails.hardest_pairs(copies, files)
    shapes = kinship.shapes(files[files["path"].isin([*chosen["path"], *chosen["copy_of"]])])
    return [_pair(row, shapes, thumbnail) for row in chosen.itertuples()]


def agreement(correlation: float, moved_px: float, overlap: float) -> str:
    """Say how well two aligned radiographs agree."""
    moved = f"{decimals(moved_px, 2)} pixels beside itself" if moved_px >= _MOVED_PX else "in its place"
    return (
        f"They share {percent(overlap, 0)} of what the smaller one shows; there, fine structure correlates "
        f"with {decimals(correlation, 2)} and lies {moved} (both at {SIDE_PX} pixels)."
    )


def _pair(row: Any, shapes: dict[str, Shape], thumbnail: ThumbnailReader) -> dict[str, Any]:
    frames = shapes[row.path], shapes[row.copy_of]
    done = kinship.words(kinship.relation(row.transform, *frames, inverted=row.inverted))
    laid = f"B is A {done}." if done else "B lies as A does, at the same size."
    pictures = [
        {
            "src": thumbnails.address(thumbnail(path)),
            "title": title,
            "alt": f"{title}: {path}",
            "caption": path,
        }
        for title, path in (("A", row.path), ("B", row.copy_of))
    ]
    over = {
        "src": thumbnails.address(_overlay(row, frames, thumbnail)),
        "title": "B over A",
        "alt": f"{row.copy_of} laid over {row.path}",
        "caption": "grey where they agree",
    }
    return {
        "pictures": [*pictures, over],
        "title": f"Score {decimals(row.score)}",
        "text": f"{laid} {agreement(row.correlation, row.moved_px, row.overlap)}",
    }


def _overlay(row: Any, frames: tuple[Shape, Shape], thumbnail: ThumbnailReader) -> UInt8Array | None:
    first, second = thumbnail(row.path), thumbnail(row.copy_of)
    if first is None or second is None:
        return None
    transform = between(row.transform, (frames[0], first.shape), (frames[1], second.shape))
    return superposed(first, second, transform, inverted=row.inverted)
