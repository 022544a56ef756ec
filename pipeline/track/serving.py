"""The model bundle as MLflow serves it: models from code, so nothing is pickled.

MLflow copies this file and the package beside the bundle and runs it to load the model. Input:
a table with a column `image`, the path of a radiograph, its bytes, or these in base64 (HTTP knows no
bytes). Output: `probability`, `decision`, `body_part`, `regions`, the boxes in JSON, and `region_map`,
a picture.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from pipeline.drift import served
from pipeline.files import images

if TYPE_CHECKING:
    from pipeline.predict.bundle import Bundle, Finding

ARTIFACT = "bundle"  # name of the bundle's folder among the model's artifacts

log = logging.getLogger(__name__)

_LONGEST_PATH = 1024  # base64 of any radiograph is longer
_COLUMNS = ("probability", "decision", "body_part", "regions", "region_map")


class FractureModel(PythonModel):
    """A bundle behind MLflow's `predict`."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle; TensorFlow is imported here and not before."""
        from pipeline.predict import bundle

        self._bundle: Bundle = bundle.load(Path(context.artifacts[ARTIFACT]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Examine radiographs.

        Parameters
        ----------
        model_input
            Column `image`: a path, the file's bytes, or these in base64.
        params
            `region_map`: whether maps are wanted; true by default.

        Returns
        -------
        pandas.DataFrame
            One row a radiograph: `probability` 0..1, `decision`, `body_part` (empty where it cannot be
            known), `regions` (JSON: a list of `bbox` [column, row, width, height] in pixels and `score`
            0..1), and `region_map`, a grey PNG in base64 of the radiograph's own size, 0 for probability 0
            and 255 for 1; empty if unwanted.

        Raises
        ------
        ImageFault
            A radiograph cannot be decoded; the message names its row.
        """
        radiographs = [_read(image, row) for row, image in enumerate(model_input["image"])]
        findings = self._bundle.predict([radiograph.pixels for radiograph in radiographs])
        with_map = (params or {}).get("region_map", True)
        return pd.DataFrame([_row(finding, with_map) for finding in findings], columns=list(_COLUMNS))


def _read(image: str | bytes, row: int) -> images.Radiograph:
    data, name = _data(image, row)
    radiograph = images.decode(data, name)
    if folder := os.environ.get(served.FOLDER_VARIABLE):
        try:
            served.note(Path(folder), radiograph, len(data))
        except OSError as error:  # a prediction is worth more than a record of it
            log.warning("%s: what was seen is not noted: %s", folder, error)
    return radiograph


def _data(image: str | bytes, row: int) -> tuple[bytes, str]:
    """Return a file's bytes, and how to name it in messages."""
    if isinstance(image, bytes):
        return image, f"row {row}"
    if len(image) <= _LONGEST_PATH and Path(image).is_file():
        return images.read_bytes(Path(image)), image
    try:
        return base64.b64decode(image, validate=True), f"row {row}"
    except binascii.Error:
        raise images.ImageFault(
            "unreadable", f"row {row}: no such file, and not base64. Received: {image[:80]!r}"
        ) from None


def _row(finding: Finding, with_map: bool) -> dict[str, Any]:
    boxes = [{"bbox": [r.column, r.row, r.width_px, r.height_px], "score": r.score} for r in finding.regions]
    grey = np.rint(255 * finding.region_map).astype(np.uint8) if with_map else None
    return {
        "probability": finding.probability,
        "decision": finding.decision,
        "body_part": finding.body_part,
        "regions": json.dumps(boxes),
        "region_map": "" if grey is None else base64.b64encode(images.encode_png(grey)).decode(),
    }


set_model(FractureModel())
