"""Two machines on which work is done, and what networks are tried with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.config import Config
from pipeline.files import engine
from tests import clusters
from tests.networks import _narrow_backbone, _repeatable, network, network_file, settings

__all__ = ["_narrow_backbone", "_repeatable", "network", "network_file", "settings"]


@pytest.fixture(scope="module")
def two_machines(params: Config) -> Iterator[None]:
    with clusters.machines(2) as two, engine.chosen(clusters.joining(params.run, two)):
        yield
