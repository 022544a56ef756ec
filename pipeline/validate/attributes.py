"""Attributes of the files that a label may be associated with: one column each, as words.

Format, size, frame, marks, what was odd about the file, and every column of ``data.labels`` that many files
share, such as hardware or body part. `associations` then tests the label against each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.dataset.manifest import COLUMNS, FOLD
from pipeline.statistics import associations
from pipeline.validate.scan import Fact

_OWN = {*COLUMNS, FOLD, "n_bytes"}
_SQUARE = 1.05  # sides nearer to one another make no portrait
_SIDES_PX = (128, 256, 512, 1024, 2048)
_BYTES_A_PIXEL = (0.05, 0.1, 0.2, 0.5, 1.0)
_STRIP_SHARE = 0.9  # of a border strip, black or white: collimated, padded or bare
_BLACK, _WHITE = 2, 3  # columns of a strip's features: see `shortcuts.border_features`
_COUNT, _LINE = 0, 5  # columns of `shortcuts.marker_features`
_LETTERS = 3  # in a line: text
_CORNER_PX = 4  # of the thumbnail
_DARK_LEVEL = 8
UNKNOWN = "(unknown)"


def label_associations(kept: pd.DataFrame, facts: Sequence[Fact]) -> pd.DataFrame:
    """Test the label against each attribute of `gather`, as `associations.associations` does."""
    fractured, group = kept["fractured"].to_numpy(bool), kept["group"].to_numpy(str)
    return associations.associations(gather(kept, facts), fractured, group)


def gather(kept: pd.DataFrame, facts: Sequence[Fact]) -> pd.DataFrame:
    """Gather the attributes of each file.

    Parameters
    ----------
    kept
        The kept rows of the manifest, indexed by their place among the facts, with ``n_bytes`` and the
        columns of ``data.labels``.

    Returns
    -------
    DataFrame of str
        One row a file, one column an attribute; ``size`` is height x width in pixels. Each issue that some
        file has is a column of ``yes`` and ``no``, each column of ``data.labels`` one named ``labels.…``.
    """
    own = [facts[row] for row in kept.index]
    height_px, width_px, n_bytes = kept[["height_px", "width_px", "n_bytes"]].to_numpy(np.float64).T
    border = np.stack([fact.border for fact in own]).reshape(-1, 4, 4)
    markers = np.stack([fact.markers for fact in own])
    columns = {
        "format": kept["format"].to_numpy(),
        "mode": kept["mode"].to_numpy(),
        "size": [f"{row.height_px} x {row.width_px}" for row in kept.itertuples()],
        "longer_side_px": _classes(np.maximum(height_px, width_px), _SIDES_PX),
        "bytes_a_pixel": _classes(n_bytes / (height_px * width_px), _BYTES_A_PIXEL),
        "aspect": _aspects(height_px / width_px),
        "black_sides": (border[:, :, _BLACK] >= _STRIP_SHARE).sum(axis=1).astype(str),
        "white_sides": (border[:, :, _WHITE] >= _STRIP_SHARE).sum(axis=1).astype(str),
        "black_corners": _dark_corners(np.stack([fact.thumbnail for fact in own])).astype(str),
        "marker": _flags(markers[:, _COUNT] > 0),
        "text": _flags(markers[:, _LINE] >= _LETTERS),
    }
    issues = sorted({issue.issue for fact in own for issue in fact.issues})
    columns |= {name: _flags([any(i.issue == name for i in fact.issues) for fact in own]) for name in issues}
    user = kept.drop(columns=[name for name in kept if name in _OWN]).replace("", UNKNOWN)
    return pd.DataFrame(columns, index=kept.index, dtype="str").join(user.add_prefix("labels."))


def _classes(values: NDArray[np.float64], limits: Sequence[float]) -> list[str]:
    """Name the range that each value lies in; a limit belongs to the range below it."""
    names = [f"to {limits[0]:g}", *(f"{low:g} to {high:g}" for low, high in pairwise(limits))]
    names.append(f"above {limits[-1]:g}")
    return [names[number] for number in np.searchsorted(limits, values)]


def _aspects(ratio: NDArray[np.float64]) -> NDArray[np.str_]:
    upright, lying = ratio > _SQUARE, ratio < 1 / _SQUARE
    return np.select([upright, lying], ["portrait", "landscape"], "square")


def _dark_corners(thumbnails: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count the black corners: four, where a radiograph was turned by a few degrees."""
    near, far = slice(None, _CORNER_PX), slice(-_CORNER_PX, None)
    corners = [thumbnails[:, rows, columns] for rows in (near, far) for columns in (near, far)]
    dark = np.stack([corner.max(axis=(1, 2)) <= _DARK_LEVEL for corner in corners])
    return np.asarray(dark.sum(axis=0), dtype=np.int64)


def _flags(values: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.str_]:
    return np.where(values, "yes", "no")
