"""XML files of annotation tools: whole, and without declarations of their own, or refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from pipeline.dataset.region import Region, parse_region
from pipeline.files import text as texts


def read(path: Path) -> ElementTree.Element:
    """Parse a file; entities that it declares itself could fill the memory, so that none may.

    Raises
    ------
    ValueError
        It is no text, or no well-formed XML.
    """
    text = texts.read(path).text
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("XML must declare no types and entities of its own. Received: a DOCTYPE")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"no well-formed XML: {error}") from None


def number(text: str | None, what: str) -> float:
    """Read a finite number.

    Raises
    ------
    ValueError
        It is none.
    """
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{what} must be a number. Received: {text!r}")
    return value


def box(corners: Mapping[str, str | None]) -> Region:
    """Read a box from its corners: left, top, right, bottom by their names; either corner may come first.

    Raises
    ------
    ValueError
        One is no number, or the box has no extent.
    """
    left, top, right, bottom = (number(text, name) for name, text in corners.items())
    (left, right), (top, bottom) = sorted((left, right)), sorted((top, bottom))
    return parse_region({"bbox": [left, top, right - left, bottom - top]})


def size(height: str | None, width: str | None) -> tuple[int, int] | None:
    """Read (height_px, width_px); None where a side is no number above 0."""
    try:
        sides = round(number(height, "height")), round(number(width, "width"))
    except ValueError:
        return None
    return sides if min(sides) > 0 else None
