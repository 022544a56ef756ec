"""Where the runs are kept: one MLflow experiment, found or made, with a bound on all waiting."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Track
from pipeline.track import view
from pipeline.track.outage import StoreError, UnansweredError, explained
from pipeline.track.secrets import remember, without_password
from pipeline.track.waiting import Earned, OutOfPatienceError, Patience, to_move

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_BUSY_S, _FILLING_S = 30.0, 120.0  # a local database may be locked, a fresh one is filled with tables
_LOCK_S, _POLL_S = 300.0, 0.05
_BATCH = 100  # params and tags that MLflow takes at once


class Client:
    """An ``MlflowClient`` that gives up once its store has cost ``timeout_s`` of waiting.

    A local database is busy rather than dead, and a fresh one is filled first: both get longer.
    """

    def __init__(self, uri: str, timeout_s: float) -> None:
        self.uri = uri
        self.remote = uri.startswith(("http://", "https://"))
        self._busy_s = _BUSY_S if uri.startswith("sqlite:") else 0.0
        self._patience = Patience(timeout_s)
        with explained(uri, "its address"):
            self.raw = self._raw()

    def _raw(self) -> MlflowClient:
        """Make MLflow's client, which asks a database at once, and a server not yet."""
        from mlflow import MlflowClient
        from mlflow.store.db.db_types import DATABASE_ENGINES

        if re.split(r"[:+]", self.uri)[0] not in DATABASE_ENGINES:
            return MlflowClient(self.uri, self.uri)
        filling_s = _FILLING_S if self.call("its database", lambda: _is_fresh(self.uri)) else 0.0
        raw: MlflowClient = self.call(
            "its database", lambda: MlflowClient(self.uri, self.uri), lambda: filling_s
        )
        return raw

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the client's method of that name, bounded."""
        method: Callable[..., Any] = getattr(self.raw, name)
        return lambda *args, **kwargs: self.call(name, lambda: method(*args, **kwargs))

    def call(self, question: str, call: Callable[[], Any], earned: Earned = lambda: 0.0) -> Any:
        """Make a call, bounded; what goes wrong is a ``StoreError``.

        Parameters
        ----------
        question
            What is requested, for messages.
        earned
            Seconds that it may take besides, as known by now.
        """
        with explained(self.uri, question):
            try:
                return self._patience.wait(call, lambda: earned() + self._busy_s)
            except OutOfPatienceError:
                raise UnansweredError(
                    "MLflow's store must answer within track.timeout_s. Received from "
                    f"{without_password(self.uri)}: timed out after {self._patience.timeout_s:g} s of "
                    "waiting. Run the command again, or raise track.timeout_s."
                ) from None

    def upload(self, run_id: str, path: Path, folder: Path = Path()) -> None:
        """Upload a file, or a folder with all in it, to a run's artifacts; a large one gets longer."""
        where = folder.as_posix() if folder.parts else None
        self.call(
            "log_artifact", lambda: self.raw.log_artifact(run_id, str(path), where), lambda: to_move(path)
        )


def _is_fresh(uri: str) -> bool:
    """Whether a database has no table of MLflow's; out of reach it raises, where MLflow tries for an hour."""
    from sqlalchemy import create_engine, inspect, make_url

    if uri.startswith("sqlite:"):  # not opened: it may be locked for a while
        file = Path(make_url(uri).database or "")
        return not file.is_file() or not file.stat().st_size
    engine = create_engine(uri)
    try:
        return not inspect(engine).has_table("alembic_version")
    finally:
        engine.dispose()


@dataclass(frozen=True)
class Store:
    """An open experiment."""

    client: Client
    uri: str
    experiment_id: str
    lock_file: Path

    def locked(self) -> AbstractContextManager[None]:
        """Let one process of this repository at a time find or make what must be there once."""
        return locked(self.lock_file)

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
    return remember(os.environ.get("MLFLOW_TRACKING_URI") or uri or f"sqlite:///{file}")


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


def existing(track: Track, root: Path) -> Store | None:
    """Open the store to read what is registered; nothing is made, and None where there is no store yet.

    Raises
    ------
    StoreError
        It does not answer within ``track.timeout_s``, or refuses.
    """
    uri = resolve_uri(track.uri, root)
    if uri.startswith("sqlite:") and _is_fresh(uri):
        return None
    return Store(Client(uri, track.timeout_s), uri, "", root / ".dvc" / "tmp" / "mlflow.lock")


def _experiment(client: Client, name: str, uri: str, root: Path) -> str:
    """Return the experiment's id; a server keeps artifacts where it wants, a local database beside itself."""
    if experiment := client.get_experiment_by_name(name):
        number = str(experiment.experiment_id)
        if experiment.lifecycle_stage == "active":
            _complete(client, number, experiment.tags)
            return number
        raise StoreError(
            f"the experiment of track.experiment must not be deleted. Received: {name}, number {number}, "
            f"which is. Restore it: MLFLOW_TRACKING_URI='{without_password(uri)}' mlflow experiments restore "
            f"--experiment-id {number}; or name another one in track.experiment."
        )
    local = uri.startswith("sqlite:")
    artifacts = (root.resolve() / "mlartifacts").as_uri() if local else None
    number = str(client.create_experiment(name, artifact_location=artifacts, tags=view.tags()))
    _complete(client, number, view.tags())
    return number


def _complete(client: Client, number: str, tags: Mapping[str, str]) -> None:
    """Tell MLflow's pages what they show first; a request only for what nobody said yet."""
    for name, value in view.lacking(number, tags).items():
        client.set_experiment_tag(number, name, value)


def _allowed(name: str) -> str:
    """Return the name without what MLflow forbids in it (a subgroup may be called `age>=65`)."""
    return re.sub(r"[^\w.\-/: ]", "_", name)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file; the operating system releases it when its holder dies."""
    from zc.lockfile import LockError, LockFile

    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + _LOCK_S
    while True:
        try:
            lock = LockFile(str(path))
            break
        except LockError:
            if time.monotonic() > until:
                raise StoreError(
                    f"one process at a time opens MLflow's store. Received: {path}, held by another one for "
                    f"{_LOCK_S:.0f} s; its number stands in the file. End that one, or wait for it."
                ) from None
            time.sleep(_POLL_S)
    try:
        yield
    finally:
        lock.close()
