"""A Ray cluster that takes the place of a process pool: joined, or started here with the first work.

Ray is imported with the first work, too. Its own messages stay in its session's folder; what our functions
log and warn of comes back with their results (`cluster_work`).

References
----------
P. Moritz et al., "Ray: A Distributed Framework for Emerging AI Applications", OSDI 2018.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from functools import partial
from importlib import util
from pathlib import Path
from typing import Any, Self, TypeVar

import pipeline
from pipeline.files import worker_environment
from pipeline.files.bounded import in_order
from pipeline.files.cluster_machines import Machines, alive
from pipeline.files.cluster_work import Outcome, Place, work

T = TypeVar("T")
R = TypeVar("R")

_RETRIES = 3  # of a task whose process or machine is gone
_AHEAD = 4  # tasks queued per core: bounds memory, keeps every core busy
_LONGEST = 33  # characters of a folder in which the names of Ray's sockets have room
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nobody is told
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else Ray warns that this will be so
}
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # read when Ray is imported: no address but loopback


class Cluster:
    """A Ray cluster.

    Parameters
    ----------
    address
        Of the cluster to join, such as ``10.0.0.1:6379``, or ``auto`` for the one that runs on this machine.
        Empty: one of this machine alone is started, bound to loopback, and ended with us.
    workers
        Cores of a cluster that is started; 0 takes all.

    Raises
    ------
    ValueError
        Ray is not installed.
    """

    def __init__(self, address: str, workers: int) -> None:
        require()
        self._address, self._workers = address, workers
        self._stack = contextlib.ExitStack()
        self._ray: Any = None
        self._machines: tuple[Callable[..., Any], Machines[Any, Any]] | None = None

    @property
    def is_joined(self) -> bool:
        """Whether others run it, perhaps on other machines."""
        return bool(self._address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._machines = None
        self._stack.close()
        self._ray = None

    def process(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Apply a function to every item, one a core, and yield the results in order.

        What is lost with a process or a machine is done again elsewhere.

        Raises
        ------
        concurrent.futures.BrokenExecutor
            It was lost again and again.
        """
        ray = self._started()
        task = ray.remote(work).options(num_cpus=1, max_retries=_RETRIES)
        n_ahead = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 0)))
        submit = partial(task.remote, Place.here(), ray.put(function))
        yield from in_order(items, n_ahead, submit, partial(_result, ray), ray.cancel)

    def has_several_machines(self) -> bool:
        """Whether there is more than the one that we run on."""
        return self.is_joined and len(alive(self._started())) > 1

    def on_machines(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Apply a function by one process a machine; they stay for the next call with the same function."""
        if self._machines is None or self._machines[0] != function:
            self._machines = None  # the processes of the one before end first
            self._machines = function, Machines(self._started(), function)
        try:
            yield from self._machines[1].process(items)
        except BrokenExecutor:
            self._machines = None  # the next call starts others
            raise

    def _started(self) -> Any:
        if self._ray is None:
            for name, value in (_ENVIRONMENT | ({} if self.is_joined else _LOOPBACK)).items():
                os.environ.setdefault(name, value)
            import ray

            # Of a process that was killed Ray tells on standard output, which is kept for results.
            ray._private.worker._worker_logs_enabled = False
            where = {"address": self._address} if self.is_joined else self._own()
            self._stack.callback(ray.shutdown)  # ends what was started, and leaves what was joined
            self._connect(ray, where)
            self._ray = ray
        return self._ray

    def _connect(self, ray: Any, where: dict[str, Any]) -> None:
        """Start or join; Ray gives up after half a minute, which is short where all cores are busy.

        Raises
        ------
        OSError
            That failed.
        """
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        for left in (1, 0):
            try:
                ray.init(runtime_env=_runtime_environment(), **quiet, **where)
                return
            except Exception as error:
                ray.shutdown()
                if left and not self.is_joined:
                    continue
                what = f"joined at {self._address}" if self.is_joined else "started"
                raise OSError(
                    f"run.engine: ray needs a cluster. Received: it cannot be {what}: {error}. "
                    "Look at run.ray_address and `ray status`, or set run.engine: local."
                ) from error

    def _own(self) -> dict[str, Any]:
        return {
            "address": "local",
            "num_cpus": self._workers or os.cpu_count(),
            "include_dashboard": False,
            "_temp_dir": self._stack.enter_context(_folder()),
        }


def require() -> None:
    """Refuse where Ray is not installed.

    Raises
    ------
    ValueError
        It is not.
    """
    if util.find_spec("ray") is None:
        raise ValueError(
            "run.engine: ray needs the package Ray. Received: none installed. Install it: "
            "pip install 'fracture-pipeline[ray]', or set run.engine: local."
        )


def _result(ray: Any, reference: Any) -> Any:
    try:
        outcome: Outcome[Any] = ray.get(reference)
    except ray.exceptions.RayTaskError as error:  # ours are part of the outcome
        raise OSError(f"a machine of the cluster must have this package. Received: {error}") from error
    except ray.exceptions.RayError as error:
        raise BrokenExecutor(f"a task was lost {_RETRIES + 1} times: {error}") from error
    return outcome.take()


def _folder() -> contextlib.AbstractContextManager[str]:
    """Make a folder for Ray's session, with so short a name that its sockets can be opened there."""
    usual = tempfile.gettempdir()
    place = usual if len(usual) <= _LONGEST else "/tmp"
    return tempfile.TemporaryDirectory(prefix="r", dir=place, ignore_cleanup_errors=True)


def _runtime_environment() -> dict[str, Any]:
    """Let tasks find this package, keep to one core each, and round as TensorFlow does here."""
    ours = {name: value for name, value in os.environ.items() if name.startswith("TF_")}
    paths = filter(None, [str(Path(pipeline.__file__).parents[1]), os.environ.get("PYTHONPATH")])
    return {"env_vars": ours | worker_environment.own_core() | {"PYTHONPATH": os.pathsep.join(paths)}}
