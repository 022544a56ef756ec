"""Data drops: newly drawn radiographs, added to a developer's folder and pushed."""

from __future__ import annotations

import csv
import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ci.site import Developer

log = logging.getLogger("ci")

RADIOGRAPHS = Path("Data/radiographs")
ANNOTATIONS, LABELS = "annotations.coco.json", "labels.csv"
_NOTHING: dict[str, Any] = {"images": [], "annotations": []}


def drop(developer: Developer, counts: Mapping[str, int], seed: int) -> list[str]:
    """Draw radiographs, add them, push data and pointer, and return the files that git saw change."""
    from pipeline import config, phantoms

    settings = config.read(developer.folder / "params.yaml").phantoms.model_copy(update=dict(counts))
    drawn = developer.folder.parent / f"drop-{seed}"
    number = phantoms.write(drawn, settings, seed=seed, workers=0)
    add(drawn, developer.folder / RADIOGRAPHS, prefix=f"{seed}-")
    developer.run("dvc", "add", "--quiet", str(RADIOGRAPHS))
    developer.run("dvc", "push", "--quiet", str(RADIOGRAPHS))
    log.info("        data drop: %d radiographs", number)
    return developer.push(f"Add {number} radiographs")


def add(drawn: Path, folder: Path, prefix: str) -> None:
    """Add drawn radiographs to a folder under names of their own, with their outlines and labels."""
    coco = join(_read(folder / ANNOTATIONS), _read(drawn / ANNOTATIONS), prefix)
    for source in drawn.glob("*/*/*"):
        target = folder / renamed(source.relative_to(drawn).as_posix(), prefix)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    (folder / ANNOTATIONS).write_text(json.dumps(coco), encoding="utf-8")
    head, *rows = csv.reader((drawn / LABELS).read_text(encoding="utf-8").splitlines())
    new = not (folder / LABELS).exists()
    with (folder / LABELS).open("a", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerows(([head] if new else []) + [[renamed(row[0], prefix), *row[1:]] for row in rows])


def join(coco: Mapping[str, Any], more: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Join two COCO files; the second's files are renamed, its ids follow the first's."""
    images, outlines = len(coco["images"]), len(coco["annotations"])
    return {
        **more,
        "images": coco["images"]
        + [
            each | {"id": each["id"] + images, "file_name": renamed(each["file_name"], prefix)}
            for each in more["images"]
        ],
        "annotations": coco["annotations"]
        + [
            each | {"id": each["id"] + outlines, "image_id": each["image_id"] + images}
            for each in more["annotations"]
        ],
    }


def renamed(path: str, prefix: str) -> str:
    """Return a path whose file's name begins with the prefix."""
    return str(PurePosixPath(path).with_name(prefix + PurePosixPath(path).name))


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else _NOTHING
