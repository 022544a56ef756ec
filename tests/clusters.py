"""Ray clusters of several machines, each of them processes of this one, bound to loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from pipeline.config import Run

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # no address but loopback
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "0" * 64,  # else Ray writes one into the user's home
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
MACHINE = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}


@contextmanager
def machines(number: int) -> Iterator[Cluster]:
    """So many machines of one core each; all of them end with the block."""
    with mock.patch.dict(os.environ, ENVIRONMENT):
        pytest.importorskip("ray", reason="the extra `ray` is not installed")
        from ray.cluster_utils import Cluster

        with TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder:
            os.environ["RAY_TMPDIR"] = folder
            (Path(folder) / "ray").mkdir()  # where Ray notes the address, once the first machine is up
            cluster = Cluster()
            try:
                for _ in range(number):
                    add(cluster, folder)
                yield cluster
            finally:
                cluster.shutdown()


def add(cluster: Cluster, folder: str | None = None) -> None:
    """Add a machine; once more where all cores are so busy that it does not start in time."""
    own = MACHINE | ({"temp_dir": folder} if folder else {})
    try:
        cluster.add_node(**own)
    except Exception:
        cluster.add_node(**own)


def joining(run: Run, cluster: Cluster) -> Run:
    """The settings with which a command works on a cluster."""
    return run.model_copy(update={"engine": "ray", "ray_address": cluster.address, "workers": 0})
