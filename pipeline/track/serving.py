"""The model bundle as MLflow serves it: models from code, so nothing is pickled.

MLflow copies this file and the package beside the bundle and runs it to load the model. Input:
a table with a text column `image`, the path of a radiograph or its bytes in base64. Output:
`probability`, `decision` and `regions`, the boxes in JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from pipeline.data import images

if TYPE_CHECKING:
    from pipeline.model.bundle import Bundle, Finding

ARTIFACT = "bundle"  # name of the bundle's folder among the model's artifacts

_LONGEST_PATH = 1024  # base64 of any radiograph is longer


class FractureModel(PythonModel):
    """A bundle behind MLflow's `predict`."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle; TensorFlow is imported here and not before."""
        from pipeline.model import bundle

        self._bundle: Bundle = bundle.load(Path(context.artifacts[ARTIFACT]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Examine radiographs.

        Parameters
        ----------
        model_input
            Column `image`: a path, or the file's bytes in base64.

        Returns
        -------
        pandas.DataFrame
            One row a radiograph: `probability` 0..1, `decision`, `regions` (JSON: a list of
            `bbox` [column, row, width, height] in pixels and `score` 0..1).

        Raises
        ------
        ImageFault
            A radiograph cannot be decoded; the message names its row.
        """
        pixels = [_read(image, row).pixels for row, image in enumerate(model_input["image"])]
        return pd.DataFrame(
            map(_row, self._bundle.predict(pixels)), columns=["probability", "decision", "regions"]
        )


def _read(image: str, row: int) -> images.Radiograph:
    if len(image) <= _LONGEST_PATH and Path(image).is_file():
        return images.read(Path(image))
    try:
        data = base64.b64decode(image, validate=True)
    except binascii.Error:
        raise images.ImageFault(
            "unreadable", f"row {row}: no such file, and not base64. Received: {image[:80]!r}"
        ) from None
    return images.decode(data, f"row {row}")


def _row(finding: Finding) -> dict[str, Any]:
    boxes = [{"bbox": [r.column, r.row, r.width_px, r.height_px], "score": r.score} for r in finding.regions]
    return {"probability": finding.probability, "decision": finding.decision, "regions": json.dumps(boxes)}


set_model(FractureModel())
