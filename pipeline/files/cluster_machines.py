"""One process on each machine of a Ray cluster, for work that keeps all its cores busy by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from itertools import count
from typing import Any, Generic, NamedTuple, TypeVar

from pipeline.files import worker_environment
from pipeline.files.bounded import in_order
from pipeline.files.cluster_work import Machine, Outcome, Place

T = TypeVar("T")
R = TypeVar("R")

log = logging.getLogger(__name__)

_AHEAD = 2  # pieces of work queued per machine


class _Submitted(NamedTuple):
    item: Any
    actor: Any
    reference: Any


class Machines(Generic[T, R]):
    """Processes that hold a function, one a machine that is alive when this is made.

    A process that is lost with its machine is not replaced: the others do what it had before it.
    """

    def __init__(self, ray: Any, function: Callable[[T], R]) -> None:
        self._ray, self._turn = ray, count()
        actor, place, held = ray.remote(Machine), Place.here(), ray.put(function)
        self._actors = [actor.options(**_options(ray, node)).remote(place, held) for node in alive(ray)]

    def process(self, items: Iterable[T]) -> Iterator[R]:
        """Apply the function, and yield the results in order.

        Raises
        ------
        concurrent.futures.BrokenExecutor
            All machines are lost.
        """
        n_ahead = _AHEAD * len(self._actors)
        yield from in_order(items, n_ahead, self._submit, self._result, self._cancel)

    def _submit(self, item: T) -> _Submitted:
        actor = self._actors[next(self._turn) % len(self._actors)]
        return _Submitted(item, actor, actor.work.remote(item))

    def _result(self, submitted: _Submitted) -> R:
        errors = self._ray.exceptions
        while True:
            try:
                outcome: Outcome[R] = self._ray.get(submitted.reference)
                return outcome.take()
            except (errors.RayActorError, errors.ObjectLostError) as error:
                self._actors = [actor for actor in self._actors if actor != submitted.actor]
                if not self._actors:
                    raise BrokenExecutor(f"every machine of the cluster was lost: {error}") from error
                log.warning("a machine of the cluster was lost, %d are left", len(self._actors))
                submitted = self._submit(submitted.item)

    def _cancel(self, submitted: _Submitted) -> None:
        self._ray.cancel(submitted.reference)


def alive(ray: Any) -> list[dict[str, Any]]:
    """List the machines that have cores for us."""
    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]


def _options(ray: Any, node: dict[str, Any]) -> dict[str, Any]:
    """Stay on that machine, on all of its cores and one GPU where it has any."""
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    threads = dict.fromkeys(worker_environment.THREADS, str(int(node["Resources"]["CPU"])))
    return {
        "scheduling_strategy": strategy,
        "num_cpus": 0,  # tasks that feed it need the cores, too
        "num_gpus": min(1, node["Resources"].get("GPU", 0)),
        "runtime_env": {"env_vars": threads},
        "max_restarts": 0,
    }
