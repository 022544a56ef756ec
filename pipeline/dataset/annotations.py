"""Fracture polygons and boxes in COCO form: the user's file checked, the checked file read.

Pixel coordinates are (column, row) with the origin at the radiograph's upper left corner.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.dataset.region import Region, parse_region
from pipeline.files import text as texts
from pipeline.files.outputs import staged

log = logging.getLogger(__name__)

_CATEGORY = {"id": 1, "name": "fractured"}


@dataclass(frozen=True)
class Annotations:
    """The fractures drawn on radiographs, by path relative to ``data.root``.

    Attributes
    ----------
    regions
        The regions of each annotated radiograph.
    sizes
        (height_px, width_px) of each radiograph, annotated or not.
    """

    regions: Mapping[str, tuple[Region, ...]] = field(default_factory=dict)
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def for_path(self, path: str) -> list[Region]:
        """List the regions of a radiograph; none when it is not annotated."""
        return list(self.regions.get(path, ()))

    def image_id(self, path: str) -> int:
        """COCO's id of a radiograph: its place in the order of paths, from 1."""
        return self._image_ids[path]

    @cached_property
    def _image_ids(self) -> dict[str, int]:
        return {path: place for place, path in enumerate(sorted(self.sizes), start=1)}


def read(path: Path) -> Annotations:
    """Read a COCO file in which everything is sound, as `write` leaves it.

    Raises
    ------
    ValueError
        The file is no COCO JSON, or one of its annotations is malformed.
    """
    try:
        return _sound(json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise ValueError(
            f"{path} must be there: `validate` writes it. Received: no file. Run `dvc repro`; where nothing "
            "is drawn, data.annotations is Data/none.coco.json."
        ) from None
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{path} must be the COCO JSON that `validate` wrote. Received: {type(error).__name__}: {error}. "
            "It was damaged or changed since: run `dvc repro`."
        ) from None


def _sound(values: Mapping[str, Any]) -> Annotations:
    images = {image["id"]: image for image in values["images"]}
    sizes = {image["file_name"]: (image["height"], image["width"]) for image in images.values()}
    regions: dict[str, tuple[Region, ...]] = {}
    for annotation in values["annotations"]:
        file_name = images[annotation["image_id"]]["file_name"]
        regions[file_name] = (*regions.get(file_name, ()), parse_region(annotation))
    return Annotations(regions, sizes)


def write(annotations: Annotations, path: Path) -> None:
    """Write the annotations as COCO, whole and in the order of their paths."""
    images: list[dict[str, Any]] = []
    drawn: list[dict[str, Any]] = []
    for name, (height_px, width_px) in sorted(annotations.sizes.items()):
        image_id = annotations.image_id(name)
        images.append({"id": image_id, "file_name": name, "height": height_px, "width": width_px})
        for region in annotations.for_path(name):
            drawn.append(_as_coco(region, len(drawn) + 1, image_id))
    values = {"images": images, "annotations": drawn, "categories": [_CATEGORY]}
    with staged(path) as private:
        private.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def load_coco(path: Path) -> dict[str, Any]:
    """Read a COCO file as it is.

    Raises
    ------
    ValueError
        It is missing, no JSON, or lacks ``images`` or ``annotations``.
    """
    try:
        text, note = texts.read(path)
        values = json.loads(text)
    except FileNotFoundError:
        raise ValueError(
            f"data.annotations must name a file. Received: {path}. Write Data/none.coco.json for none."
        ) from None
    except texts.TextFault as error:
        raise ValueError(f"{error} For no annotations: Data/none.coco.json.") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not JSON: {error}. Take a whole copy of it, or export what is another format as COCO."
        ) from error
    if note:
        log.warning("annotations: %s: %s", path.name, note)
    if not isinstance(values, dict) or not {"images", "annotations"} <= set(values):
        received = (
            f"keys {sorted(map(str, values))[:6]}" if isinstance(values, dict) else type(values).__name__
        )
        raise ValueError(
            f"{path} is not COCO: it must be an object with `images` and `annotations`. Received: "
            f"{received}. Export it as COCO (LabelMe, VOC, YOLO and VIA are other formats); for none: "
            "Data/none.coco.json."
        )
    return values


def _as_coco(region: Region, annotation_id: int, image_id: int) -> dict[str, Any]:
    outlines = [[round(value, 2) for value in polygon.ravel().tolist()] for polygon in region.polygons]
    area = sum(float(cv2.contourArea(polygon.astype(np.float32))) for polygon in region.polygons)
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": _CATEGORY["id"],
        "iscrowd": 0,
        "segmentation": outlines,
        "bbox": [round(value, 2) for value in region.bbox],
        "area": round(area or region.bbox[2] * region.bbox[3], 2),
    }
