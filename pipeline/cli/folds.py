"""The command for small sets: every group tested once, one figure over all."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import Json

app = typer.Typer()


@app.command()
def folds(
    number: Annotated[
        int | None,
        typer.Option("--folds", help="How many, 3 to 20.", show_default="validate.folds in params.yaml"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the pipeline once a fold, and pool what each says of the groups that it did not learn from.

    Call it again after a kill: it goes on where it was. reports/folds/report.html shows the figures.
    """
    from pipeline import config
    from pipeline.commands import folds as command
    from pipeline.commands.checks import settings

    settings.require(chosen := config.read())
    command.run(chosen, number, as_json=as_json)
