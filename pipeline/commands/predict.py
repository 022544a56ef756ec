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
from pipeline.data import canvas, content, engine, images, intake, outputs
from pipeline.data.faults import ImageFault
from pipeline.model import bundle, device
from pipeline.model.bundle import Bundle, Finding
from pipeline.show import overlays

log = logging.getLogger(__name__)

_BATCH = 16
_MADE = ("overlays", "predictions.csv", "predictions.json")
_COLUMNS = ("path", "probability", "decision", "regions", "reason", "detail")


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
    folder = None if out is None else destination.check(out, _MADE, files)
    device.prepare(config.run)
    loaded = bundle.load(config.paths.models)
    results = []
    with nullcontext() if folder is None else outputs.staged(folder) as private:
        shared = Path(os.path.commonpath([intake.absolute(path).parent for path in files]))
        for path, pixels, answer in examine(loaded, files, config):
            results.append(describe(path, answer))
            if private is not None and pixels is not None and isinstance(answer, Finding):
                picture = draw(path, pixels, answer, loaded, config.region_maps.colormap)
                target = private / "overlays" / overlay_name(path, shared)
                target.parent.mkdir(parents=True, exist_ok=True)
                images.write(target, picture)
        if private is not None:
            _write(private, results)
    if as_json:
        sys.stdout.write(json.dumps(results, indent=1) + "\n")
    else:
        head = ("Radiograph", "Decision", "Probability", "Regions", "Strongest region")
        terminal.show(head, map(_row, results))
    refused = sum("error" in result for result in results)
    log.info("predict: %d examined, %d refused", len(results) - refused, refused)
    return 1 if refused else 0


def examine(
    loaded: Bundle, files: Sequence[Path], config: Config
) -> Iterator[tuple[Path, NDArray[np.uint8] | None, Finding | ImageFault]]:
    """Yield each file with its pixels (H, W) and its finding, or with None and its fault.

    Radiographs are held a batch at a time, however many there are.
    """
    limits = content.limits(config.validation)
    items = [intake.Item(path, limits) for path in files]
    decoded = engine.process(intake.read, items, workers=config.run.workers, label="predict")
    pairs = zip(files, decoded, strict=True)
    while batch := list(islice(pairs, _BATCH)):
        findings = iter(loaded.predict([read for _, read in batch if not isinstance(read, ImageFault)]))
        for path, read in batch:
            if isinstance(read, ImageFault):
                yield path, None, read
            else:
                yield path, read, next(findings)


def describe(path: Path, answer: Finding | ImageFault) -> dict[str, Any]:
    """Make the JSON record of one file; ``bbox`` is [column, row, width, height] in its own pixels."""
    if isinstance(answer, ImageFault):
        detail = str(answer).removeprefix(f"{path}: ")
        return {
            "path": intake.shown(path),
            "error": {"reason": answer.reason, "detail": intake.shown(detail)},
        }
    boxes = [
        {"bbox": [found.column, found.row, found.width_px, found.height_px], "score": round(found.score, 6)}
        for found in answer.regions
    ]
    return {
        "path": intake.shown(path),
        "probability": round(answer.probability, 6),
        "decision": answer.decision,
        "regions": boxes,
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
    negative = loaded.preprocess.fix_negatives and canvas.is_negative(pixels)
    return overlays.overlay(
        255 - pixels if negative else pixels,
        finding.region_map,
        finding.regions,
        loaded.region_settings.map_threshold,
        label=overlays.Label(intake.shown(path), finding.probability, finding.decision),
        colormap=colormap,
    )


def _write(folder: Path, results: Sequence[Mapping[str, Any]]) -> None:
    (folder / "overlays").mkdir(parents=True, exist_ok=True)
    rows = [
        {**result, "regions": json.dumps(result.get("regions", [])), **result.get("error", {})}
        for result in results
    ]
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    table.to_csv(folder / "predictions.csv", index=False, lineterminator="\n")
    text = json.dumps(results, indent=1) + "\n"
    (folder / "predictions.json").write_text(text, encoding="utf-8")


def _row(result: Mapping[str, Any]) -> tuple[str, ...]:
    """One readable line of a file."""
    if "error" in result:
        return result["path"], "refused", "", "", f"{result['error']['reason']}: {result['error']['detail']}"
    found = result["regions"]
    where = ""
    if found:
        left, top, width, height = found[0]["bbox"]
        where = f"{found[0]['score']:.2f} at row {top}, column {left}, {height} x {width} px"
    return result["path"], result["decision"], f"{result['probability']:.3f}", str(len(found)), where
