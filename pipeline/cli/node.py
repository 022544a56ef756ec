"""The command that runs for as long as a hospital sends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.options import Model

app = typer.Typer()


@app.command()
def node(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="node.host")] = None,
    port: Annotated[
        int | None, typer.Option(help="TCP port; 0 for a free one.", show_default="node.port")
    ] = None,
    ae_title: Annotated[str | None, typer.Option(help="Its own.", show_default="node.ae_title")] = None,
    caller: Annotated[
        list[str] | None,
        typer.Option(
            help="AE title that may send; can be given more than once.", show_default="node.callers"
        ),
    ] = None,
    caller_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Address or network that callers may come from; can be given more than once.",
            show_default="node.caller_hosts",
        ),
    ] = None,
    peer: Annotated[
        str | None,
        typer.Option(
            metavar="AE_TITLE@HOST:PORT", help="Where results go by C-STORE.", show_default="node.peer_*"
        ),
    ] = None,
    dicomweb: Annotated[
        str | None, typer.Option(help="Or where to by STOW-RS, a URL.", show_default="node.dicomweb")
    ] = None,
    spool: Annotated[
        Path | None, typer.Option(help="Folder of what was accepted.", show_default="node.spool")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Try again what was set aside.")] = False,
    model: Model = None,
) -> None:
    """Take DICOM studies by C-STORE, answer them, and send the results to a peer.

    Ends at SIGTERM or Ctrl-C; what is not done then waits in the spool for the next start.
    """
    from pipeline import config
    from pipeline.commands import node as command

    given: dict[str, Any] = {"host": host, "port": port, "ae_title": ae_title, "callers": caller}
    given |= {"caller_hosts": caller_host, "spool": spool}
    changes = {key: value for key, value in given.items() if value is not None}
    if peer is not None and dicomweb is not None:
        raise typer.BadParameter("results go one way: to a peer or to DICOMweb", param_hint="--dicomweb")
    if peer is not None:
        changes |= _parts(peer) | {"dicomweb": ""}
    if dicomweb is not None:
        changes |= {"dicomweb": dicomweb, "peer_host": ""}
    command.run(config.read_anywhere().with_node(changes), model, again=again)


def _parts(peer: str) -> dict[str, str]:
    title, at, address = peer.rpartition("@")
    host, _, port = address.rpartition(":")
    if not (title and at and host and port.isdecimal()):
        raise typer.BadParameter(f"must be AE_TITLE@HOST:PORT. Received: {peer}", param_hint="--peer")
    return {"peer_ae_title": title, "peer_host": host.strip("[]"), "peer_port": port}
