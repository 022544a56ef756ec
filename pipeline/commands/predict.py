"""Examine radiographs with a model: probability, decision, and where to look.

Every file is decoded strictly. One that is faulty is reported with its reason, and the others still
get their result; the exit code is then 1. What is odd about a file that is used stands in its ``notes``,
as does what the model warns of with every answer. Each answer names the model and what it learnt from.
With ``--out``, writes an overlay of each radiograph under ``overlays/``, ``predictions.csv`` and
``predictions.json``, which says where each overlay lies. Views of one study can be answered together, and
results written as DICOM objects, under ``dicom/``.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.commands import destination, file_records, prediction_rows, study_records, terminal
from pipeline.config import Config
from pipeline.dataset import names
from pipeline.examine import examination, record
from pipeline.files import outputs
from pipeline.files.printable import printable
from pipeline.predict import origin
from pipeline.predict.bundle import Bundle
from pipeline.registry import loading
from pipeline.validate import intake

log = logging.getLogger(__name__)

IMAGE, STUDY = "image", "study"
_OUTPUTS = ("overlays", names.PREDICTIONS, "predictions.json", study_records.DICOM)
_COLUMNS = (
    "path", "probability", "decision", "body_part", "regions", "reason", "detail", "notes", "overlay",
    "scope", "region_stands_out", "model", "study",
)  # fmt: skip


def run(
    config: Config,
    paths: Sequence[Path],
    out: Path | None,
    *,
    as_json: bool,
    model: str | None = None,
    by: str = IMAGE,
    with_dicom: bool = False,
) -> int:
    """Examine files and folders, write the results, and return the exit code.

    Parameters
    ----------
    model
        Which one answers; see `model_choice.opened`.
    by
        `STUDY` answers the views of a study together, `IMAGE` each file alone.
    with_dicom
        Whether results are written as DICOM objects, too, into ``out``.

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
    folder = None
    if out is not None:
        folder = destination.check(out, _OUTPUTS, [*found.files, *paths], newer=[study_records.DICOM])
    loaded, told = loading.load(config, model)
    log.info("predict: the model is %s", origin.title(told))
    with nullcontext() if folder is None else outputs.staged(folder) as private:
        answers = list(_answers(config, loaded, found, told, private, by=by, with_dicom=with_dicom))
        if private is not None:
            _write(private, answers)
    if as_json:
        sys.stdout.write(json.dumps(answers, indent=1) + "\n")
    else:
        _show(answers, loaded, by)
    if found.passed_over:
        log.info("passed over: %s", found.passed_over)
    files = _files(answers)
    refused = sum("error" in each for each in files)
    log.info("predict: %d examined, %d refused", len(files) - refused, refused)
    return 1 if refused else 0


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
        The model's name, as `loading.load` returns it.
    """
    for path, result in examination.examine(loaded, found.files, config):
        yield file_records.of(config, loaded, told, path, result, found.shared, folder)
    yield from (record.refuse(Path(issue.path), issue) for issue in found.refused)


def _answers(
    config: Config,
    loaded: Bundle,
    found: intake.Listing,
    told: Mapping[str, str],
    folder: Path | None,
    *,
    by: str,
    with_dicom: bool,
) -> Iterator[dict[str, Any]]:
    """Yield a record of each file or of each study; DICOM results are made a study at a time either way."""
    if by == IMAGE and not with_dicom:
        yield from records(config, loaded, found, told, folder)
        return
    studies = study_records.records(config, loaded, found, told, folder, with_dicom=with_dicom)
    if by == STUDY:
        yield from studies
        return
    order = {printable(path): place for place, path in enumerate(found.files)}
    yield from sorted(_files(list(studies)), key=lambda each: order.get(each["path"], len(order)))


def _files(answers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """List the records of files, whether they stand alone or in studies."""
    return [view for answer in answers for view in answer.get("views", [answer])]


def _show(answers: Sequence[Mapping[str, Any]], loaded: Bundle, by: str) -> None:
    codes = {note.code for note in loaded.notes}
    if by == STUDY:
        rows = (prediction_rows.of_study(answer, codes) for answer in answers)
        terminal.show(prediction_rows.STUDY_HEAD, rows)
    else:
        terminal.show(prediction_rows.HEAD, (prediction_rows.of_file(answer, codes) for answer in answers))
    for note in loaded.notes:
        log.warning("predict: %s: %s", note.code, note.detail)


def _write(folder: Path, results: Sequence[dict[str, Any]]) -> None:
    (folder / "overlays").mkdir(parents=True, exist_ok=True)
    rows = map(prediction_rows.of_table, _files(results))
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    table.to_csv(folder / names.PREDICTIONS, index=False, lineterminator="\n")
    text = json.dumps(results, indent=1) + "\n"
    (folder / "predictions.json").write_text(text, encoding="utf-8")
