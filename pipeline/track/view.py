"""The table of runs as MLflow opens it for a reader: eight figures first, then what tells runs apart.

MLflow keeps views of its table in tags of the experiment, and lists them under *Views*.
"""

from __future__ import annotations

import json

# Wherever MLflow sorts figures by name, these come first, in this order; `tags` puts them first in the table.
HEADLINE = {
    "1 AUROC": "test.auroc",
    "2 Sensitivity": "test.high_sensitivity.sensitivity",
    "3 Specificity": "test.high_sensitivity.specificity",
    "4 Calibration error": "test.ece",
    "5 Pointing game": "pointing_game",
    "6 Accuracy": "test.accuracy",
    "7 Loss": "test.loss",
    "8 Guaranteed sensitivity": "test.high_sensitivity.guaranteed_sensitivity",
}
KEY = "headline"  # in the address: ?viewStateShareKey=headline
_NAME = "attributes.`Run Name`"
_COLUMNS = (
    *(f"metrics.`{name}`" for name in HEADLINE),
    "params.`preprocess.height_px`",
    "params.`train.learning_rate`",
    "tags.`dvc.exp_name`",
    "attributes.`Dataset`",
)


def tags() -> dict[str, str]:
    """Tags of a new experiment: the view, what the experiment is, and that it trains models."""
    table = {
        "selectedColumns": _COLUMNS,
        "columnOrder": [_NAME, "runDateAndNestInfo", *_COLUMNS],
        "columnWidths": {_NAME: 290},
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
    }
    view = {"name": "Headline figures", "createdAt": 0, "updatedAt": 0, "state": json.dumps(table)}
    return {
        f"mlflow.sharedViewState.{KEY}": json.dumps(view),
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.note.content": (
            "A run stands for a state of the pipeline; the runs below it are executions of its stages. "
            "Open *Views*, *Headline figures* for the table."
        ),
    }
