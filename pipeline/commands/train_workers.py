"""Train by several processes: start them on this machine, or be one of them."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from pipeline.config import Config
from pipeline.files import processes
from pipeline.network import cluster
from pipeline.network.cluster import VARIABLE, Cluster

log = logging.getLogger(__name__)

_GRACE_S = 5.0  # for the others to see that one has ended, and to say so
_LOOPBACK = "127.0.0.1"
_STAGE = "DVC_STAGE"


class WorkersError(ValueError):
    """The processes that train together cannot be started, or one has failed."""


def started(config: Config, workers: str | None, rank: int | None) -> bool:
    """Train by several processes of this machine, to the end, where that is asked; else set ``TF_CONFIG``.

    Parameters
    ----------
    config
        ``train.workers``: how many, where nothing else is said.
    workers
        How many, or the ``HOST:PORT`` of each, with commas between.
    rank
        With addresses, which of them this process is.

    Returns
    -------
    bool
        Whether training is done; else this process is to train, alone or as one of those of ``TF_CONFIG``.

    Raises
    ------
    WorkersError, ClusterError
        What is asked contradicts itself, ``TF_CONFIG`` or, in a stage that DVC runs, ``train.workers``; or
        one of the processes has failed.
    """
    together = _named(workers, rank)
    n = together.size if together.size > 1 else _number(workers, config)
    _require_recipe(n, config)
    if together.size == 1 and n > 1:
        _train_here(n)
        return True
    if together.size > 1:
        os.environ[VARIABLE] = together.variable()
    return False


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """Let one of several processes end without TensorFlow's farewell to the others: it can take minutes."""
    code = 1
    try:
        yield
        code = 0
    except KeyboardInterrupt:
        code = 130
        raise
    finally:
        if cluster.read().size > 1:
            atexit.register(_leave, code)  # the last to be registered is the first to be called


def _leave(code: int) -> None:
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


def _named(workers: str | None, rank: int | None) -> Cluster:
    """Find the processes that are named one by one, by the options or by ``TF_CONFIG``."""
    given = cluster.read()
    if workers is not None and given.size > 1:
        raise WorkersError(f"--workers and {VARIABLE} both say who trains. Unset one of them.")
    addresses = tuple(workers.split(",")) if workers and ":" in workers else ()
    if (rank is None) == bool(addresses) or not 0 <= (rank or 0) < max(1, len(addresses)):
        raise WorkersError(
            "--rank says which of the addresses of --workers this process is, from 0 on. "
            f"Received: --rank {rank}, --workers {workers}."
        )
    return Cluster(addresses, rank or 0) if addresses else given


def _number(workers: str | None, config: Config) -> int:
    if workers is None:
        return config.train.workers
    if not workers.isdecimal() or int(workers) < 1:
        raise WorkersError(
            f"--workers must be a number from 1 on, or HOST:PORT,HOST:PORT. Received: {workers}."
        )
    return int(workers)


def _require_recipe(n: int, config: Config) -> None:
    """Refuse another number than DVC will write down with what is learnt."""
    if _STAGE in os.environ and n != config.train.workers:
        raise WorkersError(
            f"train.workers must be the number of processes that train in `dvc repro`, which records it. "
            f"Received: {config.train.workers}, and {n} processes in {VARIABLE}. Set train.workers: {n}."
        )


def _train_here(n: int) -> None:
    """Run the stage in ``n`` processes that talk over the loopback device."""
    processes.die_with_dvc()
    addresses = tuple(f"{_LOOPBACK}:{port}" for port in _free_ports(n))
    environments = [{**os.environ, VARIABLE: Cluster(addresses, rank).variable()} for rank in range(n)]
    command = [sys.executable, "-m", "pipeline", "train"]
    log.info("train: by %d processes of this machine", n)
    ended = processes.run_together(command, environments, _GRACE_S)
    if any(code for code, _ in ended):
        raise WorkersError(_failure(ended))


def _failure(ended: Sequence[tuple[int | None, str]]) -> str:
    """Name the processes that failed by themselves, how, and what each said last."""
    told = []
    for rank, (code, written) in enumerate(ended):
        last = written.strip().rpartition("\n")[2]
        told += [f"worker {rank} {_how(code)}" + (f" ({last})" if last else "")] if code else []
    return (
        f"All workers must train to the end. Received: {'; '.join(told)}. Start it again: training goes on "
        "after its last whole epoch."
    )


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _free_ports(n: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind((_LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]
