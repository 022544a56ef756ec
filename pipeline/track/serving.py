"""The model bundle as MLflow serves it: models from code, so nothing is pickled.

MLflow copies this file and the package beside the bundle and runs it to load the model. Input:
a table with a column `image`, the bytes of a radiograph's file, or these in base64 (HTTP knows no bytes).
Each goes through `intake.admit`, as for `predict`, by the limits that the bundle carries.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from pipeline.drift import served
from pipeline.files import images, tensorflow_log
from pipeline.files.faults import ImageFault, Note
from pipeline.files.limits import Limits
from pipeline.files.printable import printable
from pipeline.track.guard import received
from pipeline.validate import intake
from pipeline.validate.intake import Admitted

if TYPE_CHECKING:
    from pipeline.predict.bundle import Bundle, Finding

ARTIFACT = "bundle"  # name of the bundle's folder among the model's artifacts
SCORED_VARIABLE = "FRACTURE_SCORED"  # set where `scoring` scores a set that `validate` accepted: no limits

log = logging.getLogger(__name__)

_ANY = Limits(sys.maxsize, 1, 1.0)
_COLUMNS = (
    "probability", "decision", "body_part", "regions", "region_map", "reason", "detail", "notes", "scope",
    "region_stands_out", "model",
)  # fmt: skip


class FractureModel(PythonModel):
    """A bundle behind MLflow's `predict`."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle; TensorFlow is imported here and not before."""
        tensorflow_log.filter_imports()
        from pipeline.predict import bundle, fitted_here, origin

        folder = Path(context.artifacts[ARTIFACT])
        self._bundle: Bundle = bundle.load(folder)
        self._model = json.dumps(origin.record(folder, os.environ.get(origin.VARIABLE, "served")))
        self._notes = (*self._bundle.notes, *fitted_here.served_notes())

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Examine radiographs. What is no sound radiograph is refused, and the others get their answer.

        Parameters
        ----------
        model_input
            Column `image`: a file's bytes, or these in base64; or its name below the folder that the
            environment variable ``FRACTURE_IMAGES`` names.
        params
            `region_map`: whether maps are wanted; true by default.

        Returns
        -------
        pandas.DataFrame
            One row a radiograph: `probability` 0..1, `decision`, `body_part` (empty where it cannot be
            known), `regions` (JSON: a list of `bbox` [column, row, width, height] in pixels and `score`
            0..1), `region_map`, a grey PNG in base64 of the radiograph's own size, 0 for probability 0
            and 255 for 1, empty if unwanted, `notes` (JSON: a list of `code` and `detail`), what is odd
            about the file and what the model warns of with every answer, `scope` (JSON: `score`,
            `threshold`, `in_scope`, `reason`), and `region_stands_out`, whether `regions` holds one, null
            where the decision asks for none, and `model` (JSON: `name`, `sha256`, `learnt_from`), which
            model answers. Out of scope, `decision` is ``out of scope``, without
            regions, and the map is black. Of a refused one: `decision` is ``refused``, `probability` null,
            `reason` a code and `detail` a sentence.
        """
        with_map = (params or {}).get("region_map", True)
        batches = intake.batches(self._admit(model_input["image"]))
        rows = [{**row, "model": self._model} for batch in batches for row in self._answer(batch, with_map)]
        any_refused = any(row["reason"] for row in rows)  # of a column of numbers, JSON has `NaN` for null
        return pd.DataFrame(rows, columns=list(_COLUMNS), dtype=object if any_refused else None)

    def _admit(self, sent: Iterable[object]) -> Iterator[Admitted | ImageFault]:
        """Decode one after another, to hold few at once; refuse what goes beyond a request's pixels."""
        limits = _ANY if os.environ.get(SCORED_VARIABLE) else self._bundle.limits
        most = int(os.environ.get(received.PIXELS_VARIABLE, sys.maxsize))
        left = most
        for row, image in enumerate(sent):
            if left <= 0:
                yield ImageFault("too_large", f"a request may hold {most} pixels in all. Send fewer files.")
                continue
            try:
                admitted = _read(image, f"row {row}", limits)
            except ImageFault as fault:
                yield fault
            else:
                left -= admitted.radiograph.pixels.size
                yield admitted

    def _answer(self, batch: list[Admitted | ImageFault], with_map: bool) -> Iterator[dict[str, Any]]:
        pixels = [each.radiograph.pixels for each in batch if isinstance(each, Admitted)]
        findings = iter(self._bundle.predict(pixels))
        for each in batch:
            if isinstance(each, Admitted):
                yield _row(next(findings), each, self._notes, with_map)
            else:
                yield _refused(each)


def _read(image: object, name: str, limits: Limits) -> Admitted:
    data, name = _data(image, name)
    try:
        admitted = intake.admit(data, name, limits)
    except ImageFault as fault:
        raise ImageFault(fault.reason, str(fault).removeprefix(f"{name}: ")) from fault
    if folder := os.environ.get(served.FOLDER_VARIABLE):
        try:
            served.note(Path(folder), admitted.radiograph, len(data))
        except OSError as error:  # a prediction is worth more than a record of it
            log.warning("%s: what was seen is not noted: %s", folder, error)
    return admitted


def _data(image: object, name: str) -> tuple[bytes, str]:
    """Return a file's bytes, and how to name it: its suffix is compared with what it is."""
    folder = os.environ.get(received.FOLDER_VARIABLE)
    try:
        sent = received.data(image, Path(folder) if folder else None)
    except received.NotReceivedError as error:
        raise ImageFault("not_base64", str(error)) from None
    if isinstance(sent, bytes):
        return sent, name
    try:
        return images.read_bytes(sent), str(image)
    except ImageFault as fault:  # nobody need know where the server's folder lies
        raise ImageFault(fault.reason, str(fault).removeprefix(f"{sent}: ")) from fault


def _row(finding: Finding, admitted: Admitted, of_model: tuple[Note, ...], with_map: bool) -> dict[str, Any]:
    boxes = [{"bbox": [r.column, r.row, r.width_px, r.height_px], "score": r.score} for r in finding.regions]
    grey = np.rint(255 * finding.region_map).astype(np.uint8) if with_map else None
    return {
        "probability": finding.probability,
        "decision": finding.decision,
        "body_part": finding.body_part,
        "regions": json.dumps(boxes),
        "region_stands_out": finding.region_stands_out,
        "region_map": "" if grey is None else base64.b64encode(images.encode_png(grey)).decode(),
        "reason": "",
        "detail": "",
        "notes": json.dumps(intake.notes(admitted.issues, of_model)),
        "scope": json.dumps(finding.scope and finding.scope.record()),
    }


def _refused(fault: ImageFault) -> dict[str, Any]:
    nothing = {
        "body_part": "", "regions": "[]", "region_stands_out": None, "region_map": "", "notes": "[]",
        "scope": "null",
    }  # fmt: skip
    refusal = {"decision": intake.REFUSED, "reason": fault.reason, "detail": printable(str(fault))}
    return {"probability": None, **nothing, **refusal}


set_model(FractureModel())
