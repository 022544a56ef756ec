"""What a region's place is called."""

from __future__ import annotations

from pipeline.predict.position import Position

NO_AXIS = "no clear bone axis"
_SIDES = {
    "left": "left half of the image",
    "centre": "midline of the image",
    "right": "right half of the image",
}


def position(found: Position) -> str:
    """Say where a region lies: along its bone, where that is known, and in the image.

    Examples
    --------
    >>> position(Position("left", "upper"))
    'upper third of the bone as seen, left half of the image'
    >>> position(Position("right", None))
    'no clear bone axis, right half of the image'
    """
    along = NO_AXIS if found.third is None else f"{found.third} third of the bone as seen"
    return f"{along}, {_SIDES[found.side]}"
