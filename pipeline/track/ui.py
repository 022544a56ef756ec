"""MLflow's pages on the store that the stages write to, for this machine alone."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.config import Config
from pipeline.track import repository
from pipeline.track.secrets import relay, without_password
from pipeline.track.store import resolve_uri

log = logging.getLogger(__name__)

_STORE_VARIABLE = "MLFLOW_BACKEND_STORE_URI"  # MLflow's, for --backend-store-uri
_HOST, _PORT, _PORTS_TRIED = "127.0.0.1", 5000, 20


def run(config: Config, options: Sequence[str]) -> int:
    """Bring the store up to date, serve it until interrupted, and return the server's exit code.

    A store that is itself a server needs no other: then only its address is said.

    Parameters
    ----------
    options
        Passed on to ``mlflow ui``, and stronger than what is chosen here.
    """
    root = repository.root()
    uri = resolve_uri(config.track.uri, root)
    if uri.startswith(("http://", "https://")):
        log.info("the store is a server with pages of its own: %s", without_password(uri))
        return 0
    _sync(config)
    around = os.environ | {_STORE_VARIABLE: uri}  # everybody on this machine may read arguments
    return relay(command(uri, root, options), around, sys.stderr.write)


def command(uri: str, root: Path, options: Sequence[str]) -> list[str]:
    """Build the command: bound to this machine, on the first free port from 5000 on.

    Parameters
    ----------
    uri
        Address of the store, which the server takes from its environment.
    """
    chosen = [sys.executable, "-m", "mlflow", "ui"]
    chosen += ["--default-artifact-root", (root / "mlartifacts").as_uri()]
    if not _names(options, "--workers", "-w"):
        chosen += ["--workers", "1"]  # one reader; each further one starts as slowly as the first
    return [*chosen, *address_options(options, without_password(uri)), *options]


def address_options(options: Sequence[str], name: str) -> list[str]:
    """Choose this machine and a free port, unless the options say otherwise."""
    chosen = []
    if not _names(options, "--host", "-h"):
        chosen += ["--host", _HOST]
    if not _names(options, "--port", "-p"):
        port = free_port()
        chosen += ["--port", str(port)]
        log.info("%s: open http://%s:%d, end with Ctrl-C", name, _HOST, port)
    return chosen


def free_port() -> int:
    """Return the first port from 5000 on that nobody listens on.

    Raises
    ------
    OSError
        The twenty ports from 5000 on are taken.
    """
    for port in range(_PORT, _PORT + _PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_HOST, port))
            except OSError:
                continue
            return port
    last = _PORT + _PORTS_TRIED - 1
    raise OSError(f"ports {_PORT} to {last} are taken. Name a free one: fracture ui --port PORT.")


def _sync(config: Config) -> None:
    """Show what DVC did since; a store that cannot be brought up to date is still shown."""
    from pipeline.track import runs  # pandas and DVC come with it

    try:
        runs.sync(config)
    except Exception as error:
        log.warning("the pages may lack the newest runs: %s", without_password(str(error)))


def _names(options: Sequence[str], long: str, short: str) -> bool:
    return any(option in (long, short) or option.startswith(f"{long}=") for option in options)
