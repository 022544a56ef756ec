"""Commands of the running service: start it, and send it canaries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Json, Model

app = typer.Typer()

_MLFLOW = "`mlflow models serve` does that, behind `python -m pipeline.track.guard.launch`"


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def serve(
    context: typer.Context,
    model: Model = None,
    version: Annotated[
        str | None, typer.Option(help="Number or alias of a registered version; as --model models:/...")
    ] = None,
    seen: Annotated[
        Path | None,
        typer.Option(
            help="Folder for a line about each radiograph seen, without pictures and names: for `drift`."
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on; others than this machine's take a token in FRACTURE_TOKEN.",
            show_default="serve.host",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on; 0: a free one.", min=0, max=65535, show_default="serve.port"),
    ] = None,
) -> None:
    """Serve a model and its reading page over HTTP; a later champion takes over while it runs."""
    if context.args:
        raise typer.BadParameter(
            f"this option is not known. Received: {' '.join(context.args)}. The service reads no path that a "
            f"client names, and takes no option of MLflow's: {_MLFLOW}; see docs/how-to/serve.md."
        )
    if model is not None and version is not None:
        raise typer.BadParameter("name a model or a version: one of the two")
    from pipeline import config
    from pipeline.serve import running

    settings = config.read_anywhere().listening(host, port)
    if version is not None:
        name = settings.track.model_name
        model = f"models:/{name}{'/' if version.isdigit() else '@'}{version}"
    running.run(settings, model, seen)


@app.command()
def canary(
    address: Annotated[
        str | None, typer.Option(help="Of the service.", show_default="serve.host and serve.port")
    ] = None,
    model: Model = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the drawings; another one draws others.", min=0)
    ] = None,
    as_json: Json = False,
) -> None:
    """Send phantoms with known answers to a running service, and hold what it answers to floors.

    Exit code 1 when it answers worse. A service whose model learnt from radiographs is compared with the same
    model here: name it as you did for `serve`.
    """
    from pipeline import config
    from pipeline.serve import asking

    raise typer.Exit(asking.run(config.read_anywhere(), address, model, seed, as_json=as_json))
