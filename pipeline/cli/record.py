"""Commands on the record and on this machine: bring MLflow up to date, show it, say what is missing."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import Json

app = typer.Typer()


@app.command()
def sync() -> None:
    """Write what dvc.lock and the reports hold into MLflow; a second time changes nothing."""
    from pipeline import config
    from pipeline.track import runs

    synced = runs.sync(config.read())
    typer.echo(f"parent {synced.parent_id}, reused {list(synced.reused)}, made {list(synced.made)}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def ui(context: typer.Context) -> None:
    """Serve MLflow's pages on the store that the stages write to; options go on to `mlflow ui`."""
    from pipeline import config
    from pipeline.track import ui as command

    raise typer.Exit(command.run(config.read(), context.args))


@app.command()
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would go; change nothing.")] = False,
    keep: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many champions back `rollback` must reach.",
            show_default="all that ever were champion",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove what nothing needs any more: from DVC's cache, from MLflow, and what killed runs left."""
    from pipeline import config
    from pipeline.commands import gc as command

    command.run(config.read(), dry_run=dry_run, keep=keep, as_json=as_json)


@app.command()
def doctor(
    as_json: Json = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only what keeps `dvc repro` from starting; a second.")
    ] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help="Mend files of DVC that a kill tore; keeps a copy of dvc.lock.")
    ] = False,
) -> None:
    """Say what is missing here, and how to mend it; exit code 1 when there is a problem."""
    from pipeline.commands import doctor as command

    raise typer.Exit(command.run(as_json=as_json, quick=quick, mend=mend))
