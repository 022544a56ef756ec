"""The table of runs as MLflow opens it for a reader: eight figures first, then what tells runs apart.

MLflow keeps views of its table in tags of the experiment, and lists them under *Views*. Whether its pages
open on training runs or on traces of language models, MLflow 3.17 decides by the address, then by what the
reader's browser remembers; the experiment's kind, which other versions read, no longer counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

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
_VIEW, _KIND, _NOTE = f"mlflow.sharedViewState.{KEY}", "mlflow.experimentKind", "mlflow.note.content"
_NAME = "attributes.`Run Name`"
_COLUMNS = (
    *(f"metrics.`{name}`" for name in HEADLINE),
    "params.`preprocess.height_px`",
    "params.`train.learning_rate`",
    "tags.`dvc.exp_name`",
    "attributes.`Dataset`",
)


def tags() -> dict[str, str]:
    """Tags of a new experiment that do not depend on its number."""
    table = {
        "selectedColumns": _COLUMNS,
        "columnOrder": [_NAME, "runDateAndNestInfo", *_COLUMNS],
        "columnWidths": {_NAME: 290},
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
    }
    view = {"name": "Headline figures", "createdAt": 0, "updatedAt": 0, "state": json.dumps(table)}
    return {_VIEW: json.dumps(view)}


def lacking(number: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Return what an experiment has not been told: that it trains models, and a note that leads to its table.

    What somebody chose, an empty note too, stays.
    """
    note = (
        "A run stands for a state of the pipeline; the runs below it are executions of its stages. "
        f"[Headline figures of all runs]({fragment(number, tags)})"
    )
    wanted = {_KIND: "custom_model_development", _NOTE: note}
    return {name: value for name, value in wanted.items() if name not in tags}


def fragment(number: str, tags: Mapping[str, str]) -> str:
    """Return the end of the address at which MLflow shows the table of an experiment's training runs.

    Parameters
    ----------
    number, tags
        Of the experiment; one that lacks the view opens with MLflow's own columns.
    """
    shown = f"viewStateShareKey={KEY}&" if _VIEW in tags else ""
    return f"#/experiments/{number}/runs?{shown}workflowType=machine_learning"
