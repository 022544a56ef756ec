"""Errors of MLflow's store: which request failed, at which address, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.track.secrets import without_password

_LONGEST = 300  # characters of MLflow's own words that are passed on
_NAME_ANOTHER = "name another store in MLFLOW_TRACKING_URI or track.uri"
# The first that fits MLflow's words says what to do.
_ADVICE = (
    (r"\b40[13]\b|UNAUTHENTICATED|PERMISSION_DENIED",
     "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"),
    (r"database schema|locate revision",
     "Another version of MLflow made this database. Copy it, then run `mlflow db upgrade` with its address; "
     "where that cannot locate the revision, the database is the newer one: install the MLflow that made it"),
    (r"database is locked", "Another program holds the database: end that one, or wait for it"),
    (r"readonly database|attempt to write a read",
     "Make the database's file and folder writable for you, or {another}"),
    (r"disk is full|No space left", "Free space on the disk of that database, or {another}"),
    (r"must be in the 'active' state|is deleted|Run '?\w+'? not found",
     "Somebody deleted it in MLflow: `mlflow runs restore --run-id ID`, `mlflow experiments restore "
     "--experiment-id ID`; what `mlflow gc` removed comes back with `fracture sync`"),
    (r"\b404\b|valid JSON|unsupported URI|not a database|filesystem tracking",
     "This is no store of MLflow: correct MLFLOW_TRACKING_URI or track.uri"),
)  # fmt: skip


class StoreError(RuntimeError):
    """MLflow's store does not answer, or refuses; whatever was begun, the same command again finishes."""


class UnansweredError(StoreError):
    """The MLflow server cost more waiting than ``track.timeout_s`` allows."""


@contextmanager
def explained(uri: str, question: str) -> Iterator[None]:
    """Turn what MLflow, its database or the network raise into one message.

    Parameters
    ----------
    uri
        Address of the store.
    question
        What was requested: the name of MLflow's method, or a phrase.

    Raises
    ------
    StoreError
        The store does not answer, or refuses.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise StoreError(_message(error, uri, question)) from error


def _message(error: Exception, uri: str, question: str) -> str:
    words = _words(error)
    fitting = (advice for pattern, advice in _ADVICE if re.search(pattern, words))
    advice = next(fitting, f"See that it runs, or {_NAME_ANOTHER}")
    return (
        f"MLflow's store must answer. Received from {without_password(uri)}, asked for {question}: {words}. "
        f"{advice.format(another=_NAME_ANOTHER)}; then run the command again."
    )


def unreachable(error: BaseException) -> bool:
    """Whether the network was the cause, and not what was asked for."""
    return isinstance(_root(error), ConnectionError | TimeoutError)


def _words(error: BaseException) -> str:
    """Return the word of the network or the database where that is the cause, else MLflow's first line."""
    from sqlalchemy.exc import StatementError

    root = _root(error)
    databases = (one.orig for one in _chain(error) if isinstance(one, StatementError) and one.orig)
    words = root if isinstance(root, OSError) else next(databases, error)
    shown = without_password(str(words).strip()) or type(words).__name__
    return shown.splitlines()[0][:_LONGEST].rstrip(".")


def _root(error: BaseException) -> BaseException:
    """Return the error that all the others arose from."""
    return list(_chain(error))[-1]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, then what each arose from."""
    while True:
        yield error
        if (cause := error.__cause__ or error.__context__) is None:
            return
        error = cause
