"""The command line: ``fracture``, or ``python -m pipeline``.

Progress and messages go to standard error, results to standard output. TensorFlow and MLflow are
imported only by the commands that need them. Exit codes:

    0    done
    1    the input or a setting is wrong: one message says which, and what to do; also when `predict`
         refused a file, and when `doctor` found a problem
    2    the command was called wrongly
    3    `drift` found drift
    4    `promote`: the gate refused the model
    130  interrupted
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

log = logging.getLogger("pipeline")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Find bone fractures in radiographs, and say how sure we are.",
    epilog="Exit codes: 0 done; 1 input or setting wrong; 2 called wrongly; 3 drift found; "
    "4 refused by the gate; 130 interrupted.",
)

_STAGES = {
    "phantoms": "Draw the embedded default: procedural radiographs with known fractures.",
    "validate": "Decode every file, find faults and copies, split honestly.",
    "preprocess": "Bring every kept radiograph onto the canvas and write shards.",
    "train": "Train the classifier.",
    "evaluate": "Calibrate on val, score test.",
    "region-maps": "Draw and score region maps, seal and register the bundle.",
}

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Actor = Annotated[str | None, typer.Option(help="Who does it, for the ledger; git's user unless told.")]


@app.callback()
def options(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show details, and where an error arose.")
    ] = False,
) -> None:
    """Set up the messages on standard error."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for name in ("absl", "faiss.loader", "urllib3.connectionpool"):  # what matters of theirs, we say
        logging.getLogger(name).setLevel(logging.ERROR)
    log.setLevel(logging.DEBUG if verbose else logging.INFO)


def _stage_command(name: str) -> Callable[[], None]:
    def command() -> None:
        from pipeline import config
        from pipeline.data.outputs import die_with_parent

        if "DVC_STAGE" in os.environ:
            die_with_parent()
        import_module(f"pipeline.stages.{name.replace('-', '_')}").run(config.read())

    return command


for _name, _help in _STAGES.items():
    app.command(_name, help=_help, rich_help_panel="Stages (dvc.yaml calls these)")(_stage_command(_name))


@app.command()
def predict(
    paths: Annotated[list[Path], typer.Argument(help="Radiographs, or folders that are searched for them.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for overlays and predictions; new, or an earlier result.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Examine radiographs with the current bundle.

    Exit code 1 when a file was refused; the others still get their result.
    """
    from pipeline import config
    from pipeline.commands import predict as command

    raise typer.Exit(command.run(config.read(), paths, out, as_json=as_json))


@app.command()
def assess(
    folder: Annotated[
        Path,
        typer.Argument(help="Holds fractured/ and 'not fractured'/, at its top or in train/, val/, test/."),
    ],
    annotations: Annotated[
        Path | None, typer.Option(help="COCO file with fracture polygons; file_name relative to FOLDER.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the report; new, or an earlier result. [reports/assess/NAME]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score the current bundle on another folder: external validation."""
    from pipeline import config
    from pipeline.commands import assess as command

    command.run(config.read(), folder, annotations, out, as_json=as_json)


@app.command()
def drift(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="New radiographs, or folders that are searched for them.")
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(help="A profile instead of radiographs: reports/validate/profile.json.")
    ] = None,
    against: Annotated[
        str, typer.Option(help="`champion`, the folder of a bundle such as models, or a profile.")
    ] = "champion",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report; new, or an earlier result.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare new radiographs with those that the champion learnt from.

    Exit code 3 when they differ; 0 when they do not, or are too few to tell.
    """
    if bool(paths) == (profile is not None):
        raise typer.BadParameter("name radiographs, or a profile of them: one of the two")
    from pipeline import config
    from pipeline.commands import drift as command

    raise typer.Exit(command.run(config.read(), paths or [], profile, against, out, as_json=as_json))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is missing here, and how to mend it; exit code 1 when there is a problem."""
    from pipeline.commands import doctor as command

    raise typer.Exit(command.run(as_json=as_json))


@app.command()
def sync() -> None:
    """Project dvc.lock and the reports into MLflow; a second time changes nothing."""
    from pipeline import config
    from pipeline.track import runs

    synced = runs.sync(config.read())
    typer.echo(f"parent {synced.parent_id}, reused {list(synced.reused)}, made {list(synced.made)}")


@app.command()
def register() -> None:
    """Register the current bundle as a model version; once a bundle."""
    from pipeline import config
    from pipeline.track import registry

    settings = config.read()
    typer.echo(f"version {registry.register(settings, settings.paths.models / 'bundle.json')}")


@app.command()
def promote(
    version: Annotated[
        str | None, typer.Option(help="Refuse to go on unless the working folder's model is this version.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Decide and report; change nothing.")] = False,
    reason: Annotated[
        str, typer.Option(help="Why; needed to bring back a version that was rolled back.")
    ] = "",
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Put the registered current bundle before the gate; make it champion if it passes.

    Exit code 4 when the gate refuses it. reports/promote/gate.md says each rule, its figure and its bar.
    """
    from pipeline import config
    from pipeline.commands import promote as command

    code = command.run(config.read(), version, dry_run=dry_run, reason=reason, actor=actor, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def rollback(
    reason: Annotated[str, typer.Option(help="Why the champion is withdrawn; the ledger keeps it.")],
    actor: Actor = None,
) -> None:
    """Make the champion before this one champion again, after it was loaded and answered."""
    from pipeline import config
    from pipeline.commands import rollback as command

    command.run(config.read(), reason=reason, actor=actor)


@app.command()
def history(as_json: Json = False) -> None:
    """Show who was champion when, and why."""
    from pipeline import config
    from pipeline.commands import history as command

    command.run(config.read(), as_json=as_json)


@app.command()
def compare(
    first: Annotated[
        str,
        typer.Argument(
            help="A git revision, an experiment, a version or its alias, a run; `workspace` for the folder."
        ),
    ],
    second: Annotated[str, typer.Argument(help="Likewise.")],
    out: Annotated[
        Path | None, typer.Option(help="File that ends in .md or .html; with it, also region maps.")
    ] = None,
) -> None:
    """Show settings, figures, paired intervals and region maps of two models side by side, in Markdown."""
    from pipeline import config
    from pipeline.commands import compare as command

    command.run(config.read(), first, second, out)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def ui(context: typer.Context) -> None:
    """Open MLflow's pages on the store that the stages write to; options go on to `mlflow ui`."""
    from pipeline import config
    from pipeline.track import ui as command

    raise typer.Exit(command.run(config.read(), context.args))


def main() -> None:
    """Run the command line; a known error is one message and exit code 1."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        app()
    except ImportError as error:
        _fail(f"{error}. `fracture doctor` says what is missing.")
    except BrokenExecutor as error:
        _fail(f"a worker was killed, most often for want of memory: lower run.workers. Received: {error}")
    except (ValueError, OSError) as error:
        _fail(str(error))
    except RuntimeError as error:
        from pipeline.track.outage import StoreError
        from pipeline.track.state import NoPipelineError

        if not isinstance(error, NoPipelineError | StoreError):
            raise
        _fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(message: str) -> None:
    log.debug("where the error arose", exc_info=True)
    log.error("%s", message)
    sys.exit(1)


if __name__ == "__main__":
    main()
