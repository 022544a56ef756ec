"""The command line: ``fracture``, or ``python -m pipeline``.

Progress and messages go to standard error, results to standard output. TensorFlow and MLflow are
imported only by the commands that need them. Exit codes:

    0    done
    1    the input or a setting is wrong: one message says which, and what to do; also when `predict`
         refused a file, when `doctor` found a problem, and when `canary` was answered badly
    2    the command was called wrongly
    3    `drift` found drift
    4    `promote`: the gate refused the model
    130  interrupted
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
from concurrent.futures import BrokenExecutor
from typing import Annotated

import typer

from pipeline.cli import champion, examine, folds, importing, node, record, serving, stages
from pipeline.commands import terminal
from pipeline.files import outputs, tensorflow_log
from pipeline.track import secrets

log = logging.getLogger("pipeline")

# Libraries of whose messages we say ourselves what matters.
_QUIET = (
    "absl",
    "aiobotocore",
    "botocore",
    "dvc.output",
    "faiss.loader",
    "tf2onnx",
    "urllib3.connectionpool",
)
_NEW_OBJECTS = 100_000  # between two looks for garbage: most of what imports make lives to the end
# Read by others when they start; what the user sets is left. TensorFlow's allocator keeps the memory that it
# frees, where the system's would hand large tensors back and fault them in anew at every operation. MLflow
# tells nobody what is done with patients' data, keeps standard output for results, and asks a dead server
# twice: its own eight times take minutes.
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_CPU_ALLOCATOR_USE_BFC": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Find bone fractures in radiographs, and say how sure we are.",
    epilog="Exit codes: 0 done; 1 input or setting wrong; 2 called wrongly; 3 drift found; "
    "4 refused by the gate; 130 interrupted.",
)
for _part in (stages, importing, folds, examine, node, champion, serving, record):
    app.add_typer(_part.app)


@app.callback()
def options(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show details, and where an error arose.")
    ] = False,
) -> None:
    """Set up the messages on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(terminal.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    log.setLevel(logging.DEBUG if verbose else logging.INFO)


def set_up() -> None:
    """Set what TensorFlow and MLflow read from the environment; call it before either is imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    tensorflow_log.filter_imports()


def main() -> None:
    """Run the command line; a known error is one message and exit code 1."""
    secrets.guard()
    gc.set_threshold(_NEW_OBJECTS)
    atexit.register(gc.freeze)  # else Python walks all of TensorFlow and MLflow once more, for seconds
    set_up()
    terminal.print_what_can_be(sys.stdout, sys.stderr)
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        message = _cause(error)
        if message is None:
            raise
        log.debug("where the error arose", exc_info=True)
        log.error("%s", message)
        sys.exit(1)


def _cause(error: Exception) -> str | None:
    """Say in one message what a known error means; None for one that nobody foresaw."""
    if outputs.is_no_space(error):
        known = isinstance(error, outputs.NoSpaceError)
        return str(error) if known else f"no space left: make room, then run it again. Received: {error}"
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        received = str(error).partition("\n")[0] or type(error).__name__
        return f"out of memory: lower train.batch_size and run.workers in params.yaml. Received: {received}"
    if isinstance(error, ImportError):
        return f"{error}. `fracture doctor` says what is missing."
    if isinstance(error, BrokenExecutor):
        return f"a worker was killed, most often for want of memory: lower run.workers. Received: {error}"
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"a file must be there. Received: none at {error.filename}. If a stage writes it: `dvc repro`."
    if isinstance(error, ValueError | OSError):
        return str(error)
    if isinstance(error, RuntimeError):
        from pipeline.track.outage import StoreError
        from pipeline.track.state import NoPipelineError

        return str(error) if isinstance(error, NoPipelineError | StoreError) else None
    return None


if __name__ == "__main__":
    main()
