"""What turns one copy into another, and how to say it.

The copies of a group are linked pair by pair, as a tree; how a file lies on any other of its group follows
from the links between them.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from pipeline.report.pages import percent
from pipeline.validate.copies.alignment import Transform, described

_TURNED_DEG = 0.5  # what is less stands for nothing that anybody did
_SCALED = 0.02
_CROPPED = 0.03

Shape = tuple[int, int]  # height_px, width_px


class Relation(NamedTuple):
    """How a copy differs from its reference.

    Attributes
    ----------
    turn_deg
        Anticlockwise as seen, -180 to 180; after mirroring, where it is mirrored.
    scale
        Its size as a multiple of the reference's.
    mirrored
        Left to right.
    inverted
        Whether one is a photographic negative of the other.
    area
        Of its frame, as a multiple of the reference's at one scale: below 1, it was cropped.
    """

    turn_deg: float = 0.0
    scale: float = 1.0
    mirrored: bool = False
    inverted: bool = False
    area: float = 1.0


def shapes(readable: pd.DataFrame) -> dict[str, Shape]:
    """Look up the height and width of readable files, by path, in rows of the manifest."""
    sides = readable[["path", "height_px", "width_px"]].itertuples(index=False)
    return {path: (int(height_px), int(width_px)) for path, height_px, width_px in sides}


def relation(transform: Transform, shape: Shape, other: Shape, *, inverted: bool) -> Relation:
    """Read how a copy differs from its reference off the transform between them.

    Parameters
    ----------
    transform
        float64, shape (2, 3): from the reference's (column, row) to the copy's.
    shape, other
        Height and width of the reference, and of the copy.
    inverted
        See `Relation`.
    """
    turn_deg, scale, mirrored = described(transform)  # mirrors rows, which is left to right and half a turn
    if mirrored:
        turn_deg = (turn_deg + 360) % 360 - 180
    area = float(np.prod(other) / np.prod(shape)) / scale**2
    return Relation(turn_deg, scale, mirrored, inverted, area)


def relations(reference: str, copies: pd.DataFrame, shapes: Mapping[str, Shape]) -> dict[str, Relation]:
    """Follow the links from a reference to all copies that they reach.

    Parameters
    ----------
    reference
        Path of a file.
    copies
        ``path``, ``copy_of``, ``transform`` and ``inverted``; see `pipeline.validate.copies.files.Copies`.
    shapes
        Height and width of each file, by its path.

    Returns
    -------
    dict
        From path to relation; the reference itself is in it.
    """
    links = defaultdict(list)
    for row in copies.itertuples():
        links[row.path].append((row.copy_of, row.transform, row.inverted))
        links[row.copy_of].append((row.path, cv2.invertAffineTransform(row.transform), row.inverted))
    reached = {reference: (np.eye(2, 3), False)}
    left = deque([reference])
    while left:
        here = left.popleft()
        transform, inverted = reached[here]
        for there, step, inverts in links[here]:
            if there not in reached:
                reached[there] = (_after(step, transform), inverted != inverts)
                left.append(there)
    return {
        path: relation(transform, shapes[reference], shapes[path], inverted=inverted)
        for path, (transform, inverted) in reached.items()
    }


def words(found: Relation) -> str:
    """Say what was done to the reference: ``mirrored, turned by 12° clockwise``; empty where nothing."""
    said = []
    if found.mirrored:
        said.append("mirrored")
    if abs(found.turn_deg) >= _TURNED_DEG:
        said.append(f"turned by {abs(found.turn_deg):.0f}°{_way(found.turn_deg)}")
    if found.inverted:
        said.append("inverted")
    if _is_scaled(found.scale):
        said.append(f"scaled to {percent(found.scale, 0)}")
    if found.area < 1 - _CROPPED:
        said.append(f"cropped to {percent(found.area, 0)} of the area")
    elif found.area > 1 + _CROPPED:
        said.append(f"in a frame of {percent(found.area, 0)} of the area")
    return ", ".join(said)


def summary(found: Collection[Relation]) -> str:
    """Say what was done to make several copies, in one clause: ``turned by up to 38°, 3 mirrored``."""
    said = []
    if (turned := max((abs(each.turn_deg) for each in found), default=0)) >= _TURNED_DEG:
        said.append(f"turned by up to {turned:.0f}°")
    for name in ("mirrored", "inverted"):
        if number := sum(getattr(each, name) for each in found):
            said.append(f"{name} ({number} of {len(found)})")
    if sizes := [each.scale for each in found if _is_scaled(each.scale)]:
        low, high = (percent(size, 0) for size in (min(sizes), max(sizes)))
        said.append(f"scaled to {low}" if low == high else f"scaled to between {low} and {high}")
    if cropped := sum(each.area < 1 - _CROPPED for each in found):
        said.append(f"cropped ({cropped} of {len(found)})")
    return ", ".join(said)


def _way(turn_deg: float) -> str:
    if abs(turn_deg) > 180 - _TURNED_DEG:
        return ""  # half a turn is the same either way
    return " anticlockwise" if turn_deg > 0 else " clockwise"


def _is_scaled(scale: float) -> bool:
    return abs(scale - 1) >= _SCALED


def _after(second: Transform, first: Transform) -> Transform:
    """Do the first transform, then the second."""
    found: Transform = second[:, :2] @ first
    return found + np.column_stack([np.zeros((2, 2)), second[:, 2]])
