"""Small pictures of radiographs for a page, from the thumbnails that `validate` drew."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path

from pipeline.files import images
from pipeline.report import pages, results
from pipeline.types import UInt8Array
from pipeline.validate.page_thumbnails import INDEX, SIDE_PX, fitted

log = logging.getLogger(__name__)

ThumbnailReader = Callable[[str], UInt8Array | None]

_QUALITY = 78  # of a JPEG that nobody measures on


def reader(folder: Path) -> ThumbnailReader:
    """Make the reader of a page's radiographs.

    Parameters
    ----------
    folder
        What `pipeline.validate.page_thumbnails.draw` wrote.

    Returns
    -------
    callable
        From a path to grey pixels, uint8, their longer side `SIDE_PX`; None without a sound file.
    """
    drawn = results.table(folder / INDEX).set_index("path")["file"].to_dict()

    @cache
    def read(path: str) -> UInt8Array | None:
        try:
            return images.read(folder / drawn[path]).pixels if path in drawn else None
        except images.ImageFault as fault:
            log.warning("no thumbnail of %s: %s. `dvc repro -f validate` draws it anew", path, fault)
            return None

    return read


def address(pixels: UInt8Array | None, side_px: int = SIDE_PX) -> str | None:
    """Turn grey or RGB pixels into a ``data:`` address, grey ones scaled to ``side_px``; None stays None."""
    if pixels is None:
        return None
    small = fitted(pixels, side_px) if pixels.ndim == 2 else pixels
    return pages.data_uri(images.encode_jpeg(small, _QUALITY))
