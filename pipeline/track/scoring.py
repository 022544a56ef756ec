"""Score radiographs by a registered model and its own code: a script, for a process of its own.

    python -P scoring.py MODEL RADIOGRAPHS.json SCORES.json

Reads a list of paths (or of files in base64), writes ``probability`` and ``decision`` for each. It imports
nothing of ours: MLflow puts the model's own copy of the package first on the path, and so what is scored
is what is served, with its preprocessing, whatever this working folder holds. Models of any age take base64.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

import mlflow
import pandas as pd

_BATCH = 16  # radiographs held in memory at once


def main(model: str, radiographs: str, scores: str) -> None:
    """Load the model, predict batch by batch, write the predictions."""
    os.environ["FRACTURE_SCORED"] = "1"  # `validate` accepted them, perhaps by other limits than the model's
    loaded = mlflow.pyfunc.load_model(model)
    images = json.loads(Path(radiographs).read_text(encoding="utf-8"))
    batches = [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]
    tables = (pd.DataFrame({"image": [_encoded(image) for image in batch]}) for batch in batches)
    rows = pd.concat([loaded.predict(table, params={"region_map": False}) for table in tables])
    columns = rows[["probability", "decision"]].to_dict("list")
    if "reason" in rows:
        columns["reason"] = [f"{row.reason}: {row.detail}" if row.reason else "" for row in rows.itertuples()]
    Path(scores).write_text(json.dumps(columns), encoding="utf-8")


def _encoded(image: str) -> str:
    """Read a file into base64; what names no file is in base64 already."""
    if not os.path.isfile(image):  # noqa: PTH113 - of a long text, `Path.is_file` raises
        return image
    return base64.b64encode(Path(image).read_bytes()).decode()


if __name__ == "__main__":
    main(*sys.argv[1:])
