"""Commands on models: register, put before the gate, withdraw, compare, tell the history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Actor, Bundle, Json

app = typer.Typer()


@app.command()
def register(bundle: Bundle = None) -> None:
    """Register the current bundle, or one that was fitted to a place, as a model version; once a bundle."""
    from pipeline import config
    from pipeline.registry import registration

    settings = config.read()
    folder = bundle or settings.paths.models
    typer.echo(f"version {registration.register(settings, folder / 'bundle.json')}")


@app.command()
def release(
    name: Annotated[str, typer.Argument(help="Of the release; its folder is models/released/NAME.")],
    attribution: Annotated[
        Path, typer.Option(help="Text that names the data's authors and licence; becomes ATTRIBUTION.md.")
    ],
    data: Annotated[str, typer.Option(help="Title of the data, such as FracAtlas; answers name it.")] = "",
    folds: Annotated[
        bool, typer.Option("--folds", help="The figures of `fracture folds` belong to it, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make the current bundle the released model: at most 16 MiB, to be committed; one at a time."""
    from pipeline import config
    from pipeline.commands import release as command
    from pipeline.files import engine

    with engine.chosen((settings := config.read()).run):
        command.run(settings, name, attribution, data, folds=folds, as_json=as_json)


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
    bundle: Bundle = None,
    radiographs: Annotated[
        Path | None, typer.Option(help="With --bundle: the labelled radiographs that it was fitted to.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put the registered current bundle before the gate; make it champion if it passes.

    Exit code 4 when the gate refuses it. reports/promote/gate.md says each rule, its figure and its bar.
    """
    from pipeline import config
    from pipeline.commands import promote as command

    code = command.run(
        config.read(),
        version,
        dry_run=dry_run,
        reason=reason,
        actor=actor,
        as_json=as_json,
        fitted=bundle,
        radiographs=radiographs,
    )
    raise typer.Exit(code)


@app.command()
def rollback(
    reason: Annotated[str, typer.Option(help="Why the champion is withdrawn; the ledger keeps it.")],
    actor: Actor = None,
) -> None:
    """Withdraw the champion: the last one that was not withdrawn answers again, after it was tried."""
    from pipeline import config
    from pipeline.commands import rollback as command

    command.run(config.read(), reason=reason, actor=actor)


@app.command()
def history(as_json: Json = False) -> None:
    """Show who was champion when, and why.

    With --json a line a change, as the ledger holds it; nothing where there was none.
    """
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
