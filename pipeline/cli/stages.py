"""One command a stage: what ``dvc.yaml`` calls, and a user by hand."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

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
        from pipeline import config
        from pipeline.commands.checks import settings
        from pipeline.files import engine, processes, temporary

        processes.die_with_dvc()
        settings.require(chosen := config.read())
        with temporary.gathered(), engine.chosen(chosen.run):
            import_module(f"pipeline.stages.{name.replace('-', '_')}").run(chosen)

    return command


for _name, _help in _STAGES.items():
    app.command(_name, help=_help, rich_help_panel="Stages (dvc.yaml calls these)")(_command(_name))
