"""Where a training stands, in one file that is whole or absent."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.files import outputs
from pipeline.train import given_up

log = logging.getLogger(__name__)


@dataclass
class Progress:
    """The epochs done so far, and the best weights among them.

    Attributes
    ----------
    history
        One dict an epoch.
    selected_epoch
        Index into ``history``, -1 before the first.
    selected_weights
        The network's weights after that epoch.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    selected_epoch: int = -1
    selected_weights: list[NDArray[Any]] = field(default_factory=list)


def save(path: Path, variables: Sequence[keras.Variable | tf.Variable], progress: Progress) -> None:
    """Write the values of ``variables`` and the progress."""
    arrays: dict[str, Any] = {
        f"variable{i}": tf.convert_to_tensor(value).numpy() for i, value in enumerate(variables)
    }
    arrays |= {f"best{i}": weight for i, weight in enumerate(progress.selected_weights)}
    state = json.dumps({"history": progress.history, "kept_epoch": progress.selected_epoch})
    with outputs.staged(path) as private, private.open("wb") as file:
        np.savez(file, **arrays, state=np.array(state))


def try_to_save(path: Path, variables: Sequence[keras.Variable | tf.Variable], progress: Progress) -> None:
    """Save; where that fails, as on a full disk, the last one stays whole and training goes on."""
    try:
        save(path, variables, progress)
    except (OSError, ValueError) as error:  # a ZIP archive that could not be written raises both
        log.warning(
            "Checkpoint %s cannot be written (%s). Free space on its disk: training goes on, and would "
            "resume from the last checkpoint that is whole.",
            path,
            error,
        )


def restore(path: Path, variables: Sequence[keras.Variable | tf.Variable]) -> Progress:
    """Set ``variables`` to the saved values and return the progress; a fresh one where none is usable."""
    if not path.is_file():
        return Progress()
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        state = json.loads(str(arrays["state"]))
        values, best = _numbered(arrays, "variable"), _numbered(arrays, "best")
        if any(
            value.shape != tuple(variable.shape) for value, variable in zip(values, variables, strict=True)
        ):
            raise ValueError("it belongs to another network")
    except Exception as error:  # a damaged archive can raise nearly anything
        log.warning("Checkpoint %s cannot be used (%s): training starts anew.", path, error)
        path.unlink()
        return Progress()
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    log.info("Resumed after epoch %d from %s", len(state["history"]), path)
    return Progress(state["history"], state["kept_epoch"], best)


def clear(folder: Path) -> None:
    """Remove the checkpoints of a training that has ended, and those beside them that are a week old.

    Beside them lie those of trainings under other settings that were killed or given up.
    """
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # another training may remove its own meanwhile
        for other in given_up.folders(folder.parent):
            shutil.rmtree(other, ignore_errors=True)


def _numbered(arrays: dict[str, NDArray[Any]], prefix: str) -> list[NDArray[Any]]:
    """Return the arrays named ``prefix`` and a number, in the numbers' order."""
    return [arrays[f"{prefix}{i}"] for i in range(sum(name.startswith(prefix) for name in arrays))]
