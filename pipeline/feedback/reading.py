"""One reader's word on one answer, and its form on the disk: a COCO file of one image.

``info`` holds who read what when, and what the model had said; ``annotations`` the reader's boxes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.dataset.region import Region, parse_region

AGREE, DISAGREE = "agree", "disagree"
_SAYS = {"fracture": True, "no finding": False}  # decisions that commit the model
_CATEGORY = {"id": 1, "name": "fractured"}
_DESCRIPTION = "A reader's word on a model's answer"


@dataclass(frozen=True)
class Box:
    """A box by a reader: left, top, width and height in pixels, and ``drawn``, ``model`` or ``corrected``."""

    bbox: tuple[float, float, float, float]
    origin: str


@dataclass(frozen=True)
class Reading:
    """What a reader says of one radiograph, and what the model had said.

    Attributes
    ----------
    time
        With its time zone.
    sha256
        Of the radiograph's file.
    file_name
        Its path below the folder of the store.
    size
        (height_px, width_px).
    model
        Name and sha256 of the bundle that answered; see `pipeline.predict.origin.record`.
    decision, probability
        The model's answer.
    fractured
        What the reader sees; None where the reader cannot tell.
    reader
        The name that was given; empty for none.
    """

    time: datetime
    sha256: str
    file_name: str
    size: tuple[int, int]
    model: Mapping[str, str]
    decision: str
    probability: float
    fractured: bool | None
    boxes: tuple[Box, ...] = ()
    reader: str = ""

    @property
    def verdict(self) -> str:
        """``agree`` or ``disagree``; empty where model or reader does not commit."""
        says = _SAYS.get(self.decision)
        if says is None or self.fractured is None:
            return ""
        return AGREE if says == self.fractured else DISAGREE

    @property
    def regions(self) -> tuple[Region, ...]:
        """The boxes, as annotations."""
        return tuple(Region((), box.bbox) for box in self.boxes)


def as_coco(reading: Reading) -> dict[str, Any]:
    """Write a reading as COCO."""
    height_px, width_px = reading.size
    info = {
        "description": _DESCRIPTION,
        "time": reading.time.isoformat(timespec="seconds"),
        "model": dict(reading.model),
        "decision": reading.decision,
        "probability": reading.probability,
        "reader": reading.reader,
        "fractured": reading.fractured,
        "verdict": reading.verdict,
    }
    image = {"id": 1, "file_name": reading.file_name, "height": height_px, "width": width_px}
    return {
        "info": info,
        "images": [{**image, "sha256": reading.sha256}],
        "annotations": [_annotation(box, place) for place, box in enumerate(reading.boxes, start=1)],
        "categories": [_CATEGORY],
    }


def read(path: Path) -> Reading:
    """Read what `as_coco` made.

    Raises
    ------
    ValueError
        The file is damaged, was changed to something else, or cannot be read.
    """
    try:
        return _parsed(json.loads(path.read_bytes()))
    except OSError as error:
        raise ValueError(f"no sound reading: {error.strerror}") from None
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"no sound reading: {type(error).__name__}: {error}") from None


def _parsed(values: Mapping[str, Any]) -> Reading:
    info, (image,) = values["info"], values["images"]
    time, fractured = datetime.fromisoformat(info["time"]), info["fractured"]
    if time.tzinfo is None or not (fractured is None or isinstance(fractured, bool)):
        raise ValueError(f"`time` has a zone, and `fractured` is true, false or null. Received: {info}")
    return Reading(
        time,
        str(image["sha256"]),
        str(image["file_name"]),
        (int(image["height"]), int(image["width"])),
        {str(key): str(value) for key, value in info["model"].items()},
        str(info["decision"]),
        float(info["probability"]),
        fractured,
        tuple(Box(parse_region(each).bbox, str(each["origin"])) for each in values["annotations"]),
        str(info["reader"]),
    )


def _annotation(box: Box, place: int) -> dict[str, Any]:
    area = round(box.bbox[2] * box.bbox[3], 2)
    shape = {"bbox": list(box.bbox), "segmentation": [], "area": area, "iscrowd": 0}
    return {"id": place, "image_id": 1, "category_id": _CATEGORY["id"], **shape, "origin": box.origin}
