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
    queue = deque([reference])
    while queue:
        path = queue.popleft()
        transform, inverted = reached[path]
        for neighbour, step, inverts in links[path]:
            if neighbour not in reached:
                reached[neighbour] = (_after(step, transform), inverted != inverts)
                queue.append(neighbour)
    return {
        path: relation(transform, shapes[reference], shapes[path], inverted=inverted)
        for path, (transform, inverted) in reached.items()
    }


def words(copy: Relation) -> str:
    """Say what was done to the reference: ``mirrored, turned by 12° clockwise``; empty where nothing."""
    phrases = []
    if copy.mirrored:
        phrases.append("mirrored")
    if abs(copy.turn_deg) >= _TURNED_DEG:
        phrases.append(f"turned by {abs(copy.turn_deg):.0f}°{_way(copy.turn_deg)}")
    if copy.inverted:
        phrases.append("inverted")
    if _is_scaled(copy.scale):
        phrases.append(f"scaled to {percent(copy.scale, 0)}")
    if copy.area < 1 - _CROPPED:
        phrases.append(f"cropped to {percent(copy.area, 0)} of the area")
    elif copy.area > 1 + _CROPPED:
        phrases.append(f"in a frame of {percent(copy.area, 0)} of the area")
    return ", ".join(phrases)


def summary(copies: Collection[Relation]) -> str:
    """Say what was done to make several copies, in one clause: ``turned by up to 38°, 3 mirrored``."""
    phrases = []
    if (turned := max((abs(each.turn_deg) for each in copies), default=0)) >= _TURNED_DEG:
        phrases.append(f"turned by up to {turned:.0f}°")
    for name in ("mirrored", "inverted"):
        if number := sum(getattr(each, name) for each in copies):
            phrases.append(f"{name} ({number} of {len(copies)})")
    if sizes := [each.scale for each in copies if _is_scaled(each.scale)]:
        low, high = (percent(size, 0) for size in (min(sizes), max(sizes)))
        phrases.append(f"scaled to {low}" if low == high else f"scaled to between {low} and {high}")
    if cropped := sum(each.area < 1 - _CROPPED for each in copies):
        phrases.append(f"cropped ({cropped} of {len(copies)})")
    return ", ".join(phrases)


def _way(turn_deg: float) -> str:
    if abs(turn_deg) > 180 - _TURNED_DEG:
        return ""  # half a turn is the same either way
    return " anticlockwise" if turn_deg > 0 else " clockwise"


def _is_scaled(scale: float) -> bool:
    return abs(scale - 1) >= _SCALED


def _after(second: Transform, first: Transform) -> Transform:
    """Do the first transform, then the second."""
    matrix: Transform = second[:, :2] @ first
    return matrix + np.column_stack([np.zeros((2, 2)), second[:, 2]])
