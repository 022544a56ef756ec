"""The service as a process: a model, an app, a socket, until somebody ends it."""

from __future__ import annotations

import logging
import math
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn

from pipeline.config import Config, Serve
from pipeline.predict import origin
from pipeline.registry import loading
from pipeline.serve import app, following, guard
from pipeline.serve.connections import Connection

log = logging.getLogger(__name__)

_CONNECTIONS = 1000  # open at once; uvicorn answers others 503
_QUIET = ("uvicorn", "uvicorn.error", "uvicorn.asgi", "python_multipart")  # what matters of theirs, we say


def run(config: Config, model: str | None, seen: Path | None) -> None:
    """Serve until interrupted or terminated; what was begun is answered first.

    Parameters
    ----------
    model
        Which one; see `model_choice.opened`. A later champion takes over while it runs.
    seen
        Folder for a line about each radiograph that is seen; None for no record.

    Raises
    ------
    ValueError
        It listens to others, and no token is set; or there is no such model.
    OSError
        The address is taken, or none of this machine's.
    """
    settings = config.serve
    _check(settings)
    with _bound(settings) as here:
        loaded = loading.load_with_card(config, model)
        loading.warm(loaded.bundle, loaded.told)
        log.info("serve: the model is %s", origin.title(loaded.told))
        if seen is not None:
            log.info("serve: what is seen is described in %s, without pictures and names", seen)
        name = loading.followed(model)
        later = following.Follower(config, name).later if name else None
        made = app.create(config, loaded.bundle, loaded.told, card=loaded.card, seen=seen, later=later)
        _listen(here, settings)
        log.info("serve: %s", guard.address(*here.getsockname()[:2]))
        signal.signal(signal.SIGTERM, _terminated)
        _server(made, settings).run([here])


def _check(settings: Serve) -> None:
    token = guard.token(settings)
    if not guard.is_here(settings.host) and not token:
        raise ValueError(
            f"a service that others reach needs a token. Received: serve.host {settings.host}, and nothing "
            f"in the environment variable {settings.token_variable}. Set a long random text there, or listen "
            "to this machine alone: serve.host 127.0.0.1."
        )


def _bound(settings: Serve) -> socket.socket:
    """Take the address before the model is loaded; connections are refused until uvicorn listens."""
    here = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        here.bind((settings.host, settings.port))
    except OSError as error:
        here.close()
        raise _taken(settings, error) from None
    return here


def _listen(here: socket.socket, settings: Serve) -> None:
    """Listen before uvicorn does: a service that was started at the same moment may have come first."""
    try:
        here.listen()
    except OSError as error:
        raise _taken(settings, error) from None


def _taken(settings: Serve, error: OSError) -> OSError:
    return OSError(
        f"{settings.host}, port {settings.port} must be free: {error.strerror or error}. Choose another: "
        "`--port`, or serve.port in params.yaml."
    )


def _server(made: object, settings: Serve) -> uvicorn.Server:
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    return uvicorn.Server(
        uvicorn.Config(
            made,  # type: ignore[arg-type]
            log_config=None,  # lines of access would hold what clients call things
            access_log=False,
            proxy_headers=False,  # the rate is of the peer: any client may write a header
            server_header=False,
            http=partial(Connection, settings.timeout_s),  # type: ignore[arg-type]
            ws="none",
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=math.ceil(settings.timeout_s),
        )
    )


def _terminated(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # uvicorn drains first, and then hands the signal on
