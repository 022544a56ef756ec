"""One command a stage: what ``dvc.yaml`` calls, and a user by hand."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated

import typer

app = typer.Typer()

_STAGES = {
    "phantoms": "Draw the embedded default: procedural radiographs with known fractures.",
    "validate": "Decode every file, find faults and copies, split honestly.",
    "preprocess": "Bring every kept radiograph onto the canvas and write shards.",
    "train": "Train the classifier.",
    "evaluate": "Calibrate on val, score test.",
    "region-maps": "Draw and score region maps, seal and register the bundle.",
    "report": "Make every stage's page and charts from what the stages wrote.",
}


def _command(name: str) -> Callable[[], None]:
    def command() -> None:
        _run(name)

    return command


def _train(
    workers: Annotated[
        str | None,
        typer.Option(
            help="How many processes of this machine train together, or the HOST:PORT of each, with commas.",
            show_default="train.workers in params.yaml",
        ),
    ] = None,
    rank: Annotated[
        int | None, typer.Option(help="Which of the HOST:PORT this process is, from 0 on.", min=0)
    ] = None,
) -> None:
    from pipeline import config
    from pipeline.commands import train_workers

    if not train_workers.started(config.read(), workers, rank):
        with train_workers.leaving_at_once():
            _run("train")


def _run(name: str) -> None:
    from pipeline import config
    from pipeline.commands.checks import settings
    from pipeline.files import engine, processes, temporary

    processes.die_with_dvc()
    settings.require(chosen := config.read())
    with temporary.gathered(), engine.chosen(chosen.run):
        import_module(f"pipeline.stages.{name.replace('-', '_')}").run(chosen)


for _name, _help in _STAGES.items():
    _call = _train if _name == "train" else _command(_name)
    app.command(_name, help=_help, rich_help_panel="Stages (dvc.yaml calls these)")(_call)
