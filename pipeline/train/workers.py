"""What the replicas of a network tell each other, on several devices or in several processes."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.config import Run
from pipeline.network import cluster, device
from pipeline.types import AnyArray

_TASK = re.compile(r"/job:worker/replica:0/task:(\d+)")  # a process in TensorFlow's errors


class WorkerLostError(ValueError):
    """Another process that trained with this one has ended, or is out of reach."""


@dataclass(frozen=True)
class Workers:
    """The processes that train together, and the replicas of the network in this one.

    Attributes
    ----------
    strategy
        How the replicas reach each other.
    processes
        Which processes there are.
    """

    strategy: tf.distribute.Strategy
    processes: cluster.Cluster

    @property
    def n_replicas(self) -> int:
        """Replicas in all processes."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def own_replicas(self) -> range:
        """Numbers of those in this process."""
        each = self.n_replicas // self.processes.size
        return range(self.processes.rank * each, (self.processes.rank + 1) * each)

    def deal(self, shares: Iterable[Any]) -> Iterator[Any]:
        """Give each replica of this process its share of a batch; they come in the replicas' order."""
        first, waiting = self.own_replicas.start, iter(shares)
        while own := list(islice(waiting, len(self.own_replicas))):
            yield self._values(lambda replica, own=own: own[replica - first])

    def summed(self, array: AnyArray) -> AnyArray:
        """Add up one array of each process, of float32, float64, int32 or int64; all get the sum."""
        if self.processes.size == 1:
            return array
        first = self.own_replicas.start
        values = self._values(
            lambda replica: tf.constant(array if replica == first else np.zeros_like(array))
        )
        return np.asarray(self.strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None).numpy())

    def from_chief(self, arrays: Iterable[AnyArray]) -> list[AnyArray]:
        """Give all processes the first one's arrays, of float32, float64, int32 or int64."""
        chief = self.processes.is_chief
        return [self.summed(array if chief else np.zeros_like(array)) for array in arrays]

    def require_same(self, what: str) -> None:
        """Refuse to train where processes differ in what they learn from.

        Raises
        ------
        ValueError
            The text of another process is another one.
        """
        own = np.frombuffer(hashlib.sha256(what.encode()).digest(), np.uint16).astype(np.int64)
        told = np.zeros((self.processes.size, own.size), np.int64)
        told[self.processes.rank] = own
        told = self.summed(told)
        if others := [rank for rank, digest in enumerate(told) if (digest != told[0]).any()]:
            raise ValueError(
                "All workers must have the same settings and shards. Received: other ones than worker 0's in "
                f"worker {', '.join(map(str, others))}. Bring them to one commit, and run `dvc pull` there."
            )

    @contextmanager
    def checkpoint(self, path: Path) -> Iterator[Path]:
        """Name the file that this process goes on from: the chief's own, or a copy of it."""
        if self.processes.is_chief:
            self._send(path)
            yield path
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            self._receive(copy)
            yield copy

    def _send(self, path: Path) -> None:
        content = path.read_bytes() if path.is_file() else b""
        self.summed(np.array([len(content)], np.int64))
        if content:
            self.summed(np.frombuffer(content + bytes(-len(content) % 4), np.int32))

    def _receive(self, path: Path) -> None:
        size = int(self.summed(np.zeros(1, np.int64))[0])
        if size:
            path.write_bytes(self.summed(np.zeros(-(-size // 4), np.int32)).tobytes()[:size])

    def _values(self, of_replica: Any) -> Any:
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: of_replica(context.replica_id_in_sync_group)
        )


def present() -> Workers:
    """Say which there are, in the scope of the strategy that is in force."""
    strategy = tf.distribute.get_strategy()
    several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    return Workers(strategy, cluster.read() if several else cluster.ALONE)


def meet(settings: Run) -> None:
    """Reach the other processes, where several train: TensorFlow can only before it computes anything.

    Raises
    ------
    WorkerLostError
        One of them has ended, or is out of reach.
    """
    processes = cluster.read()
    if processes.size > 1:
        with told_if_lost(processes):
            device.spread(settings, processes)


@contextmanager
def told_if_lost(processes: cluster.Cluster) -> Iterator[None]:
    """Say in words that another process has ended, where TensorFlow could not reach it.

    Raises
    ------
    WorkerLostError
        In place of TensorFlow's own error.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if processes.size == 1 or isinstance(error, device.OUT_OF_MEMORY):
            raise
        lost = sorted({int(rank) for rank in _TASK.findall(str(error))} - {processes.rank})
        which = ", ".join(f"{rank} ({processes.addresses[rank]})" for rank in lost) or "not said"
        raise WorkerLostError(
            "All workers must train to the end. Received: no answer from another one, which has ended or "
            f"cannot be reached: {which} ({type(error).__name__}). Start all workers again: training "
            "goes on after its last whole epoch."
        ) from error
