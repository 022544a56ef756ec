"""The user's COCO file, entry by entry: ids made comparable, and what is no entry set aside."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.dataset.annotations import load_coco
from pipeline.dataset.region import Region, parse_region
from pipeline.files.faults import Issue

_LONGEST = 200  # letters of a value in a message


class Image(NamedTuple):
    """An entry of ``images``; a side that it does not name is 0."""

    name: str
    height_px: int
    width_px: int

    @property
    def has_size(self) -> bool:
        """Whether it names its size."""
        return bool(self.height_px and self.width_px)


class Drawn(NamedTuple):
    """An entry of ``annotations``, with the ids of its image and its category as text; empty: none."""

    image: str
    category: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class CocoFile:
    """What a COCO file says.

    Attributes
    ----------
    images
        The images of each id; more than one where different files share it.
    drawn
        The annotations.
    categories
        Each category's name by its id.
    issues
        What is no annotation.
    """

    images: Mapping[str, list[Image]]
    drawn: list[Drawn]
    categories: Mapping[str, str]
    issues: list[Issue] = field(default_factory=list)

    @property
    def n_given(self) -> int:
        """How many annotations there are, malformed or not."""
        return len(self.drawn) + len(self.issues)


def read(path: Path) -> CocoFile:
    """Read a COCO file in which an image, an annotation or a category may be malformed.

    Raises
    ------
    ValueError
        It is no COCO, see `load_coco`, or its ``images`` or ``annotations`` are no lists.
    """
    values = load_coco(path)
    images: dict[str, list[Image]] = {}
    for key, entry in _entries(values, "images", path):
        image, own = _image(entry), images.setdefault(identity(key), [])
        if all(image.name != other.name for other in own):
            own.append(image)
    drawn, issues = [], []
    for key, entry in _entries(values, "annotations", path):
        if isinstance(entry, dict):
            drawn.append(Drawn(identity(entry.get("image_id")), identity(entry.get("category_id")), entry))
        else:
            detail = f"annotation {shortened(key)} is no object: {shortened(entry)}"
            issues.append(Issue.of("", "annotation_malformed", detail))
    return CocoFile(images, drawn, _categories(values, path), issues)


def region(drawn: Drawn, height_px: int, width_px: int) -> Region:
    """Read the region of an annotation on an image of that size; sides of 0 are not known.

    Raises
    ------
    ValueError
        It is malformed, see `parse_region`, or all there is of it is a mask of another size.
    """
    found, mask = parse_region(drawn.values), drawn.values.get("segmentation")
    if isinstance(mask, dict) and not drawn.values.get("bbox"):
        sides = tuple(int(side) for side in mask["size"])
        if height_px and width_px and sides != (height_px, width_px):
            raise ValueError(
                f"a mask must have its image's size, {height_px} x {width_px}. Received: {sides}"
            )
    return found


def identity(value: Any) -> str:
    """Write an id as text: 12, 12.0, "12" and "12.0" are one; what can be no id is empty."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    return re.sub(r"^(-?\d+)\.0+$", r"\1", _text(value).strip())


def shortened(value: Any) -> str:
    """Show a value in a message."""
    return json.dumps(value)[:_LONGEST]


def _entries(values: Mapping[str, Any], name: str, path: Path) -> list[tuple[Any, Any]]:
    """List the entries of a list, or of an object of objects, each with its id."""
    entries = values[name]
    if isinstance(entries, list):
        keys = [entry.get("id") if isinstance(entry, dict) else None for entry in entries]
        return list(zip(keys, entries, strict=True))
    if isinstance(entries, dict) and all(isinstance(entry, dict) for entry in entries.values()):
        return [(entry.get("id", key), entry) for key, entry in entries.items()]
    raise ValueError(
        f"{path} is not COCO: `{name}` must be a list. Received: {shortened(entries)}. Export it anew; for "
        "no annotations: Data/none.coco.json."
    )


def _categories(values: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Give the name of each category by its id."""
    named: dict[str, str] = {}
    for key, one in _entries(values, "categories", path) if values.get("categories") is not None else []:
        name = _text(one.get("name", "")) if isinstance(one, dict) else ""
        if named.setdefault(identity(key), name).strip().casefold() != name.strip().casefold():
            raise ValueError(
                f"{path}: each of `categories` must have an id of its own. Received: {key!r} for "
                f"{named[identity(key)]!r} and {name!r}. Give each its own, in `annotations` too."
            )
    return named


def _image(entry: Any) -> Image:
    if not isinstance(entry, dict):
        return Image("", 0, 0)
    name = entry.get("file_name")
    return Image(
        _text(name) if isinstance(name, str) else "", *(_side(entry.get(s)) for s in ("height", "width"))
    )


def _side(value: Any) -> int:
    """Read a side in pixels; 0 where there is none."""
    try:
        side = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return round(side) if math.isfinite(side) and side > 0 else 0


def _text(value: object) -> str:
    """Text that every file can hold: half of a pair of surrogates is written out."""
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
