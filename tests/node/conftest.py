"""Settings of a node that waits for nobody."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

import pytest
from pynetdicom.transport import AssociationSocket

from pipeline.config import Config, Node
from tests.commands.conftest import config, learnt, models, work  # noqa: F401 - fixtures


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the spool, and whether to end, more often."""
    monkeypatch.setattr("pipeline.node.running._LOOK_S", 0.02)
    monkeypatch.setattr("pipeline.node.running._TROUBLE_S", 0.05)
    monkeypatch.setattr("pipeline.node.receiving._POLL_S", 0.02)


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Close sockets whose other end went first; pynetdicom leaves those to the garbage collector."""

    def shut(of: AssociationSocket) -> None:
        if of.socket is not None:
            with suppress(OSError):
                of.socket.shutdown(socket.SHUT_RDWR)
            of.socket.close()

    monkeypatch.setattr(AssociationSocket, "_shutdown_socket", shut)


@pytest.fixture
def settings(params: Config, tmp_path: Path) -> Node:
    changes = {
        "port": 0, "callers": ("XRAY1",), "spool": tmp_path / "spool", "quiet_s": 0.0,
        "retry_first_s": 0.01, "retry_most_s": 0.05, "retry_tries": 4, "min_free_mb": 0.0,
    }  # fmt: skip
    return params.node.model_copy(update=changes)


@pytest.fixture
def receiving(settings: Node) -> Node:
    """The same for a node that only receives: no study is ever quiet."""
    return settings.model_copy(update={"quiet_s": 3600.0})
