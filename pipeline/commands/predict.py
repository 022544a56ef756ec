"""Examine radiographs with the current bundle: probability, decision, and where to look.

Every file is decoded strictly. One that is faulty is reported with its reason, and the others still
get their result; the exit code is then 1. With ``--out``, writes an overlay of each radiograph under
``overlays/``, ``predictions.csv`` and ``predictions.json``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.commands import destination, terminal
from pipeline.config import Config
from pipeline.dataset import names
from pipeline.files import engine, images, outputs
from pipeline.files.faults import ImageFault
from pipeline.network import device, inference
from pipeline.predict import bundle, position
from pipeline.predict.bundle import Bundle, Finding
from pipeline.predict.regions import Region
from pipeline.region_maps import overlays
from pipeline.region_maps.legend import Label
from pipeline.validate import content, intake

log = logging.getLogger(__name__)

_OUTPUTS = ("overlays", names.PREDICTIONS, "predictions.json")
_COLUMNS = ("path", "probability", "decision", "body_part", "regions", "reason", "detail")


def run(config: Config, paths: Sequence[Path], out: Path | None, *, as_json: bool) -> int:
    """Examine files and folders, write the results, and return the exit code.

    Raises
    ------
    ValueError
        The paths name no file, ``out`` holds something else, or there is no sound bundle.
    """
    files = intake.find(paths)
    if not files:
        raise ValueError(
            f"predict needs radiographs. Received: {', '.join(map(str, paths))}, without a file."
        )
    folder = None if out is None else destination.check(out, _OUTPUTS, files)
    device.prepare(config.run)
    loaded = bundle.load(config.paths.models)
    results = []
    with nullcontext() if folder is None else outputs.staged(folder) as private:
        shared = Path(os.path.commonpath([intake.absolute(path).parent for path in files]))
        for path, result in examine(loaded, files, config):
            if isinstance(result, ImageFault):
                results.append(refuse(path, result))
                continue
            (radiograph, _), finding = result
            pixels = radiograph.pixels
            results.append(describe(path, pixels, finding, loaded))
            if private is not None:
                picture = draw(path, pixels, finding, loaded, config.region_maps.colormap)
                target = private / "overlays" / overlay_name(path, shared)
                target.parent.mkdir(parents=True, exist_ok=True)
                images.write(target, picture)
        if private is not None:
            _write(private, results)
    if as_json:
        sys.stdout.write(json.dumps(results, indent=1) + "\n")
    else:
        head = ("Radiograph", "Decision", "Probability", "Body part", "Regions", "Strongest region")
        terminal.show(head, map(_row, results))
    refused = sum("error" in result for result in results)
    log.info("predict: %d examined, %d refused", len(results) - refused, refused)
    return 1 if refused else 0


def examine(
    loaded: Bundle, files: Sequence[Path], config: Config
) -> Iterator[tuple[Path, tuple[intake.Admitted, Finding] | ImageFault]]:
    """Yield each file as it was admitted with its finding, or with its fault.

    Radiographs are held a batch at a time, however many there are.
    """
    limits = content.limits(config.validation)
    items = [intake.Item(path, limits) for path in files]
    decoded = engine.process(intake.read, items, workers=config.run.workers, label="predict")
    pairs = zip(files, decoded, strict=True)
    while batch := list(islice(pairs, inference.BATCH)):
        pixels = [each.radiograph.pixels for _, each in batch if not isinstance(each, ImageFault)]
        findings = iter(loaded.predict(pixels))
        for path, each in batch:
            yield path, each if isinstance(each, ImageFault) else (each, next(findings))


def refuse(path: Path, fault: ImageFault) -> dict[str, Any]:
    """Make the JSON record of one file that is no sound radiograph."""
    detail = str(fault).removeprefix(f"{path}: ")
    return {
        "path": intake.printable(path),
        "error": {"reason": fault.reason, "detail": intake.printable(detail)},
    }


def describe(path: Path, pixels: NDArray[np.uint8], finding: Finding, loaded: Bundle) -> dict[str, Any]:
    """Make the JSON record of one radiograph; positions are (column, row) in its own pixels.

    ``body_part`` is null where it cannot be known. Of each region: ``bbox`` [column, row, width, height];
    ``score``; ``operating_point`` (``high_specificity`` or, for a region that is only possible,
    ``high_sensitivity``); ``peak``; ``area_share`` of the radiograph; ``contour``; ``position``: ``third``
    along the bone, null where it cannot be known, ``side`` of the image, and both in ``words``.
    """
    upright = finding.placement.set_right(pixels)
    return {
        "path": intake.printable(path),
        "probability": round(finding.probability, 6),
        "decision": finding.decision,
        "body_part": finding.body_part or None,
        "regions": [_describe_region(region, upright, loaded) for region in finding.regions],
    }


def _describe_region(region: Region, upright: NDArray[np.uint8], loaded: Bundle) -> dict[str, Any]:
    place = position.locate(upright, region.peak)
    is_sure = loaded.region_settings.is_sure(region)
    return {
        "bbox": [region.column, region.row, region.width_px, region.height_px],
        "score": round(region.score, 6),
        "operating_point": "high_specificity" if is_sure else "high_sensitivity",
        "peak": list(region.peak[::-1]),
        "area_share": round(region.area_px / upright.size, 6),
        "contour": region.contour[:, ::-1].tolist(),
        "position": {**vars(place), "words": place.words},
    }


def overlay_name(path: Path, shared: Path) -> Path:
    """Name a radiograph's overlay: its path below the folder that all files share, and ``.jpg``.

    The suffix is added and not exchanged, so that ``1.png`` and ``1.dcm`` keep their own overlays.
    """
    below = intake.absolute(path).relative_to(shared)
    return below.with_name(f"{below.name}.jpg")


def draw(
    path: Path, pixels: NDArray[np.uint8], finding: Finding, loaded: Bundle, colormap: str
) -> NDArray[np.uint8]:
    """Draw a finding over its radiograph; a photographic negative is set right."""
    return overlays.overlay(
        finding.placement.set_right(pixels),
        finding.region_map,
        finding.regions,
        loaded.region_settings.map_threshold,
        label=Label(intake.printable(path), finding.probability, finding.decision),
        colormap=colormap,
    )


def _write(folder: Path, results: Sequence[Mapping[str, Any]]) -> None:
    (folder / "overlays").mkdir(parents=True, exist_ok=True)
    rows = [
        {**result, "regions": json.dumps(result.get("regions", [])), **result.get("error", {})}
        for result in results
    ]
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    table.to_csv(folder / names.PREDICTIONS, index=False, lineterminator="\n")
    text = json.dumps(results, indent=1) + "\n"
    (folder / "predictions.json").write_text(text, encoding="utf-8")


def _row(result: Mapping[str, Any]) -> tuple[str, ...]:
    """One readable line of a file."""
    if "error" in result:
        error = result["error"]
        return result["path"], "refused", "", "", "", f"{error['reason']}: {error['detail']}"
    regions = result["regions"]
    where = ""
    if regions:
        left, top, width, height = regions[0]["bbox"]
        where = f"{regions[0]['score']:.2f} at row {top}, column {left}, {height} x {width} px"
        where += f": {regions[0]['position']['words']}"
    part = result["body_part"] or "not known"
    return result["path"], result["decision"], f"{result['probability']:.3f}", part, str(len(regions)), where
