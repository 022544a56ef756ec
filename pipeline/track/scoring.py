"""Score radiographs by a registered model and its own code: a script, for a process of its own.

    python -P scoring.py MODEL RADIOGRAPHS.json SCORES.json

Reads a list of paths (or of files in base64), writes ``probability`` and ``decision`` for each. It imports
nothing of ours: MLflow puts the model's own copy of the package first on the path, and so what is scored
is what is served, with its preprocessing, whatever this working folder holds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mlflow
import pandas as pd

_BATCH = 16  # radiographs held in memory at once


def main(model: str, radiographs: str, scores: str) -> None:
    """Load the model, predict batch by batch, write the predictions."""
    loaded = mlflow.pyfunc.load_model(model)
    images = json.loads(Path(radiographs).read_text(encoding="utf-8"))
    batches = [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]
    tables = (pd.DataFrame({"image": batch}) for batch in batches)
    rows = pd.concat([loaded.predict(table, params={"region_map": False}) for table in tables])
    columns = rows[["probability", "decision"]].to_dict("list")
    Path(scores).write_text(json.dumps(columns), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
