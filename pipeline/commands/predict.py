"""Examine radiographs with a model: probability, decision, and where to look.

Every file is decoded strictly. One that is faulty is reported with its reason, and the others still
get their result; the exit code is then 1. What is odd about a file that is used stands in its ``notes``,
as does what the model warns of with every answer. Each answer names the model and what it learnt from.
With ``--out``, writes an overlay of each radiograph under ``overlays/``, ``predictions.csv`` and
``predictions.json``, which says where each overlay lies.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.commands import destination, overlay_files, terminal
from pipeline.config import Config, in_repository
from pipeline.dataset import names
from pipeline.files import cells, engine, outputs
from pipeline.files.faults import ImageFault, Issue, severity
from pipeline.files.limits import Limits
from pipeline.files.printable import printable
from pipeline.network import device
from pipeline.predict import bundle, fitted_here, operating_points, origin, position
from pipeline.predict.bundle import Bundle, Finding
from pipeline.predict.regions import Region
from pipeline.region_maps import overlays
from pipeline.region_maps.legend import Label
from pipeline.registry import model_choice
from pipeline.validate import intake

log = logging.getLogger(__name__)

_OUTPUTS = ("overlays", names.PREDICTIONS, "predictions.json")
_HEAD = ("Radiograph", "Decision", "Probability", "Body part", "Regions", "Strongest region", "Notes")
_COLUMNS = (
    "path", "probability", "decision", "body_part", "regions", "reason", "detail", "notes", "overlay",
    "scope", "region_stands_out", "model",
)  # fmt: skip


def run(
    config: Config, paths: Sequence[Path], out: Path | None, *, as_json: bool, model: str | None = None
) -> int:
    """Examine files and folders, write the results, and return the exit code.

    Parameters
    ----------
    model
        Which one answers; see `model_choice.opened`.

    Raises
    ------
    ValueError
        The paths name no file, ``out`` holds something else, or there is no sound bundle.
    """
    found = intake.listing(paths)
    if not found.files and not found.refused:
        raise ValueError(
            f"predict needs radiographs. Received: {', '.join(map(str, paths))}, without a file."
        )
    folder = None if out is None else destination.check(out, _OUTPUTS, [*found.files, *paths])
    loaded, told = load(config, model)
    log.info("predict: the model is %s", origin.title(told))
    with nullcontext() if folder is None else outputs.staged(folder) as private:
        results = list(records(config, loaded, found, told, private))
        if private is not None:
            _write(private, results)
    if as_json:
        sys.stdout.write(json.dumps(results, indent=1) + "\n")
    else:
        codes = {note.code for note in loaded.notes}
        terminal.show(_HEAD, (_row(result, codes) for result in results))
        for note in loaded.notes:
            log.warning("predict: %s: %s", note.code, note.detail)
    if found.passed_over:
        log.info("passed over: %s", found.passed_over)
    refused = sum("error" in result for result in results)
    log.info("predict: %d examined, %d refused", len(results) - refused, refused)
    return 1 if refused else 0


def load(config: Config, model: str | None = None) -> tuple[Bundle, dict[str, str]]:
    """Load the model that answers, with what it warns of in this place, and its name for records.

    Parameters
    ----------
    model
        Which one; see `model_choice.opened`.
    """
    with model_choice.opened(config, model) as answering:
        device.prepare(config.run)
        loaded, told = bundle.load(answering.folder), answering.record()
        strange = fitted_here.notes(config, answering.folder)
    return replace(loaded, notes=(*loaded.notes, *strange)), told


def records(
    config: Config,
    loaded: Bundle,
    found: intake.Listing,
    told: Mapping[str, str],
    folder: Path | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the record of each file, and write its overlay where a folder is wanted.

    Parameters
    ----------
    found
        The files; see `intake.listing`.
    told
        The model's name, as `load` returns it.
    """
    for path, result in examine(loaded, found.files, config):
        if isinstance(result, ImageFault):
            yield refuse(path, result)
            continue
        record = describe(path, *result, loaded) | {"model": told}
        if folder is not None:
            picture = draw(path, *result, loaded, config.region_maps.colormap, origin.title(told))
            overlay = overlay_files.write(folder / "overlays", path, found.shared, picture)
            record["overlay"] = overlay and f"overlays/{overlay}"
        yield record
    yield from (refuse(Path(issue.path), issue) for issue in found.refused)


def answer(config: Config, loaded: Bundle, path: Path) -> tuple[intake.Admitted, Finding]:
    """Examine one file; `describe` and `draw` take what this returns.

    Raises
    ------
    ImageFault
        It is no sound radiograph.
    """
    admitted = intake.read(intake.Item(path, _limits(config, loaded)))
    if isinstance(admitted, ImageFault):
        raise admitted
    (finding,) = loaded.predict([admitted.radiograph.pixels])
    return admitted, finding


def examine(
    loaded: Bundle, files: Sequence[Path], config: Config
) -> Iterator[tuple[Path, tuple[intake.Admitted, Finding] | ImageFault]]:
    """Yield each file as it was admitted with its finding, or with its fault.

    Radiographs are held a batch at a time, however many there are. Outside a repository, files must meet the
    limits that the model carries.
    """
    limits = _limits(config, loaded)
    items = [intake.Item(path, limits) for path in files]
    decoded = engine.process(intake.read, items, workers=config.run.workers, label="predict")
    remaining = iter(files)
    for batch in intake.batches(decoded):
        pixels = [each.radiograph.pixels for each in batch if not isinstance(each, ImageFault)]
        findings = iter(loaded.predict(pixels))
        for each in batch:
            yield next(remaining), each if isinstance(each, ImageFault) else (each, next(findings))


def _limits(config: Config, loaded: Bundle) -> Limits:
    return Limits.of(config.validation) if in_repository() else loaded.limits


def refuse(path: Path, fault: ImageFault | Issue) -> dict[str, Any]:
    """Make the JSON record of one file that is no sound radiograph, or of a folder that cannot be read."""
    reason, detail = (fault.issue, fault.detail) if isinstance(fault, Issue) else (fault.reason, str(fault))
    error = {"reason": reason, "detail": printable(detail.removeprefix(f"{path}: "))}
    return {"path": printable(path), "error": error}


def describe(path: Path, admitted: intake.Admitted, finding: Finding, loaded: Bundle) -> dict[str, Any]:
    """Make the JSON record of one radiograph; positions are (column, row) in its own pixels.

    ``body_part`` is null where it cannot be known, ``region_stands_out`` where the decision asks for no
    region; where it is false, no place is likely enough to be shown. Of each region: ``bbox`` [column, row,
    width, height]; ``score``; ``operating_point`` (``high_specificity`` or, for a region that is only
    possible, ``high_sensitivity``); ``peak``; ``area_share`` of the radiograph; ``contour``; ``position``:
    ``third`` along the bone, null where it cannot be known, ``side`` of the image, and both in ``words``.
    Of each of the ``notes`` on the file and of the model: ``code`` and ``detail``. ``scope``: ``score``,
    ``threshold``, ``in_scope`` and ``reason``; see `pipeline.predict.scope`.
    """
    upright = finding.placement.set_right(admitted.radiograph.pixels)
    return {
        "path": printable(path),
        "probability": round(finding.probability, 6),
        "decision": finding.decision,
        "body_part": finding.body_part or None,
        "regions": [_describe_region(region, upright, loaded) for region in finding.regions],
        "region_stands_out": finding.region_stands_out,
        "notes": intake.notes(admitted.issues, loaded.notes),
        "scope": finding.scope and finding.scope.record(),
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


def draw(
    path: Path,
    admitted: intake.Admitted,
    finding: Finding,
    loaded: Bundle,
    colormap: str,
    model: str = "",
) -> NDArray[np.uint8]:
    """Draw a finding over its radiograph, with warnings and the model below; a negative is set right."""
    of_file = [issue.issue for issue in admitted.issues]
    warnings = [_warnings("file", of_file), _warnings("model", [note.code for note in loaded.notes])]
    return overlays.overlay(
        finding.placement.set_right(admitted.radiograph.pixels),
        finding.region_map,
        finding.regions,
        loaded.region_settings.map_threshold,
        label=Label(
            printable(path),
            finding.probability,
            finding.decision,
            warnings="; ".join(filter(None, warnings)),
            model=model and f"model: {model}",
        ),
        colormap=colormap,
    )


def _warnings(of: str, codes: Iterable[str]) -> str:
    """Join the codes that need a look; empty where none does."""
    words = ", ".join(code.replace("_", " ") for code in dict.fromkeys(codes) if severity(code) == "warning")
    return f"{of}: {words}" if words else ""


def _write(folder: Path, results: Sequence[Mapping[str, Any]]) -> None:
    (folder / "overlays").mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(map(_cells, results), columns=list(_COLUMNS))
    table.to_csv(folder / names.PREDICTIONS, index=False, lineterminator="\n")
    text = json.dumps(results, indent=1) + "\n"
    (folder / "predictions.json").write_text(text, encoding="utf-8")


def _cells(result: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the table, which people open in spreadsheets; programs read the JSON beside it."""
    error = result.get("error", {"reason": None, "detail": ""})
    listed = {key: json.dumps(result.get(key, [])) for key in ("regions", "notes")}
    listed |= {key: json.dumps(result.get(key)) for key in ("scope", "model")}
    texts = {"path": cells.path(result["path"]), "detail": cells.text(error["detail"]) or None}
    return {**result, **listed, **texts, "reason": error["reason"]}


def _row(result: Mapping[str, Any], of_model: Set[str]) -> tuple[str, ...]:
    """One readable line of a file; notes of the model are told once for all, and named here."""
    if "error" in result:
        error = result["error"]
        return result["path"], intake.REFUSED, "", "", "", f"{error['reason']}: {error['detail']}", ""
    regions = result["regions"]
    where = result["scope"]["reason"] if result["scope"] else ""
    if result["region_stands_out"] is False:
        where = operating_points.NO_REGION
    if regions:
        left, top, width, height = regions[0]["bbox"]
        where = f"{regions[0]['score']:.2f} at row {top}, column {left}, {height} x {width} px"
        where += f": {regions[0]['position']['words']}"
    part = result["body_part"] or "not known"
    probability = f"{result['probability']:.3f}"
    notes = "; ".join(_note(note, of_model) for note in result["notes"])
    return result["path"], result["decision"], probability, part, str(len(regions)), where, notes


def _note(note: Mapping[str, str], of_model: Set[str]) -> str:
    """Tell what of a file needs a look with its detail, and all else by its code alone."""
    code = note["code"]
    return code if code in of_model or severity(code) == "note" else f"{code}: {note['detail']}"
