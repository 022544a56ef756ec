"""Where the runs are kept: one MLflow experiment, found or made, with a bound on all waiting."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from pipeline.config import Track
from pipeline.track import view
from pipeline.track.outage import UnansweredError, explained, without_password

if TYPE_CHECKING:
    from mlflow.entities import Run

_FREE_S = 0.25  # a response within this time is free: only waiting counts
_POLL_S = 0.05
_BATCH = 100  # params and tags that MLflow takes at once


class Client:
    """An ``MlflowClient`` that gives up once its server has cost ``timeout_s`` of waiting.

    By default one call to a silent server blocks for minutes, and a slow one would be waited for again at
    each of thirty calls. Here all calls share one allowance. What MLflow reads about that in environment
    variables belongs to the whole process, so the waiting is bounded from outside: each call has a thread of
    its own. A local database is never given up: it is busy, not dead.
    """

    def __init__(self, uri: str, timeout_s: float) -> None:
        from mlflow import MlflowClient

        with explained(uri, "its address"):
            self.raw = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._uri = uri
        self.remote = uri.startswith(("http://", "https://"))
        self._timeout_s = timeout_s
        self._waited_s = 0.0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the client's method of that name, bounded."""
        method: Callable[..., Any] = getattr(self.raw, name)
        return lambda *args, **kwargs: self._call(method, *args, **kwargs)

    def _call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with explained(self._uri, method.__name__):
            return self._within(method, *args, **kwargs) if self.remote else method(*args, **kwargs)

    def _within(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Wait for an answer while the allowance lasts; a thread given up ends with the process."""
        future: Future[Any] = Future()
        started = time.monotonic()
        if (left_s := self._timeout_s - self._waited_s) > 0:
            thread = Thread(target=_fulfil, args=(future, method, args, kwargs), name="mlflow", daemon=True)
            thread.start()
            thread.join(left_s)
        if not future.done():
            self._waited_s = self._timeout_s
            raise UnansweredError(
                "MLflow's store must answer within track.timeout_s. Received from "
                f"{without_password(self._uri)}: timed out after {self._timeout_s:g} s of waiting. Run the "
                "command again, or raise track.timeout_s."
            )
        self._waited_s += max(0.0, time.monotonic() - started - _FREE_S)
        return future.result()


def _fulfil(future: Future[Any], method: Callable[..., Any], args: Any, kwargs: Any) -> None:
    try:
        future.set_result(method(*args, **kwargs))
    except BaseException as error:
        future.set_exception(error)


@dataclass(frozen=True)
class Store:
    """An open experiment."""

    client: Client
    uri: str
    experiment_id: str
    lock_file: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process of this repository at a time find or make what must be there once."""
        with locked(self.lock_file):
            yield

    def find(self, tags: Mapping[str, str], status: str | None = None) -> list[Run]:
        """Return the runs that carry all these tags and have that status, oldest first."""
        clauses = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
        clauses += [f"attributes.status = '{status}'"] if status else []
        query = " and ".join(clauses)
        return list(
            self.client.search_runs([self.experiment_id], query, order_by=["attributes.start_time ASC"])
        )

    def log(
        self,
        run_id: str,
        figures: Mapping[str, float] | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        step: int = 0,
    ) -> None:
        """Log figures, params and tags in as few requests as MLflow allows."""
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        metrics = [Metric(_allowed(name), value, now, step) for name, value in (figures or {}).items()]
        settings = [Param(_allowed(name), str(value)) for name, value in (params or {}).items()]
        labels = [RunTag(_allowed(name), value) for name, value in (tags or {}).items()]
        for start in range(0, max(len(metrics), len(settings), len(labels)), _BATCH):
            part = slice(start, start + _BATCH)
            self.client.log_batch(run_id, metrics[part], settings[part], labels[part])


def resolve_uri(uri: str, root: Path) -> str:
    """Return the tracking URI: of the environment, else of the settings, else of the repository.

    Parameters
    ----------
    uri
        ``track.uri`` of the settings; may be empty.
    root
        The main repository: the temporary one of ``dvc exp run --temp`` is deleted at its end.
    """
    file = str(root.resolve() / "mlflow.db").replace("%", "%25").replace("?", "%3F")  # SQLAlchemy decodes it
    return os.environ.get("MLFLOW_TRACKING_URI") or uri or f"sqlite:///{file}"


def connect(track: Track, root: Path) -> Store:
    """Open the experiment, making the database and the experiment where they are missing.

    A fresh SQLite file is initialised under a lock: several processes at once break it for good.

    Raises
    ------
    StoreError
        The store does not answer within ``track.timeout_s``, or refuses.
    """
    uri = resolve_uri(track.uri, root)
    lock_file = root / ".dvc" / "tmp" / "mlflow.lock"
    with locked(lock_file):
        client = Client(uri, track.timeout_s)
        experiment_id = _experiment(client, track.experiment, uri, root)
    return Store(client, uri, experiment_id, lock_file)


def _experiment(client: Client, name: str, uri: str, root: Path) -> str:
    """Return the experiment's id; a server keeps artifacts where it wants, a local database beside itself."""
    if experiment := client.get_experiment_by_name(name):
        return str(experiment.experiment_id)
    local = uri.startswith("sqlite:")
    artifacts = (root.resolve() / "mlartifacts").as_uri() if local else None
    return str(client.create_experiment(name, artifact_location=artifacts, tags=view.tags()))


def _allowed(name: str) -> str:
    """Return the name without what MLflow forbids in it (a subgroup may be called `age>=65`)."""
    return re.sub(r"[^\w.\-/: ]", "_", name)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file; the operating system releases it when its holder dies."""
    from zc.lockfile import LockError, LockFile

    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            lock = LockFile(str(path))
            break
        except LockError:
            time.sleep(_POLL_S)
    try:
        yield
    finally:
        lock.close()
