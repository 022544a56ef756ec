"""``mlflow models serve`` with `limited` for its app, called as ``mlflow`` is.

    python -m pipeline.track.guard.launch models serve --env-manager local --model-uri MODEL ...

`fracture serve` is another service; this one serves versions of any age with their own code.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from mlflow.cli import cli
from mlflow.pyfunc import scoring_server

_APP = "mlflow.pyfunc.scoring_server.app:app"
_command = scoring_server.get_cmd


def limited(*arguments: Any, **options: Any) -> tuple[str, dict[str, str]]:
    """Build MLflow's command, with our app in the place of its own."""
    command, environment = _command(*arguments, **options)
    if not command.endswith(_APP):
        raise RuntimeError(
            f"MLflow must serve {_APP}. Received: {command}. Install the MLflow that is locked."
        )
    ours = f"--app-dir {shlex.quote(str(Path(__file__).parent))} limited:app --factory"
    return command.removesuffix(_APP) + ours, environment


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    scoring_server.get_cmd = limited
    cli()
