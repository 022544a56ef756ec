"""MLflow's pages on the store that the stages write to, for this machine alone."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.config import Config
from pipeline.track import repository, view
from pipeline.track.outage import StoreError
from pipeline.track.secrets import relay, without_password
from pipeline.track.store import existing, resolve_uri

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
        address = without_password(uri).rstrip("/") + _table(config, root)
        log.info("the store is a server with pages of its own: open %s", address)
        return 0
    _sync(config)
    around = os.environ | {_STORE_VARIABLE: uri}  # everybody on this machine may read arguments
    return relay(command(uri, root, options, _table(config, root)), around, sys.stderr.write)


def command(uri: str, root: Path, options: Sequence[str], page: str = "") -> list[str]:
    """Build the command: bound to this machine, on the first free port from 5000 on.

    Parameters
    ----------
    uri
        Address of the store, which the server takes from its environment.
    page
        End of the address to open.
    """
    chosen = [sys.executable, "-m", "mlflow", "ui"]
    chosen += ["--default-artifact-root", (root / "mlartifacts").as_uri()]
    if _value(options, "--workers", "-w") is None:
        chosen += ["--workers", "1"]  # one reader; each further one starts as slowly as the first
    return [*chosen, *address_options(options, without_password(uri), page), *options]


def address_options(options: Sequence[str], name: str, page: str = "") -> list[str]:
    """Choose this machine and a free port, unless the options say otherwise; say what to open."""
    chosen = []
    host, port = _value(options, "--host", "-h"), _value(options, "--port", "-p")
    if host is None:
        chosen += ["--host", _HOST]
    if port is None:
        port = str(free_port())
        chosen += ["--port", port]
    log.info("%s: open http://%s:%s%s, end with Ctrl-C", name, host or _HOST, port, page)
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


def _table(config: Config, root: Path) -> str:
    """Return the end of the address of the headline table; "" where the store cannot name it."""
    try:
        store = existing(config.track, root)
        experiment = store.client.get_experiment_by_name(config.track.experiment) if store else None
    except StoreError as error:
        log.warning("the address of the table is not known: %s", error)
        return ""
    return f"/{view.fragment(str(experiment.experiment_id), experiment.tags)}" if experiment else ""


def _value(options: Sequence[str], long: str, short: str) -> str | None:
    """Return what an option is given, in any of the forms that the command line takes; None without it."""
    for option, following in zip(options, [*options, ""][1:], strict=True):
        if option in (long, short):
            return following
        if option.startswith(f"{long}="):
            return option.partition("=")[2]
    return None
