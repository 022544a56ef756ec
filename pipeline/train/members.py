"""Several networks that answer together (``train.members``): each learns by a seed of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import keras
import pandas as pd

from pipeline.config import Config, Train
from pipeline.network import inference, members
from pipeline.train import self_training, training

log = logging.getLogger(__name__)


class Trained(NamedTuple):
    """A network, or several as one, and how each of them learnt."""

    model: keras.Model
    histories: list[list[dict[str, float]]]


def fit(
    config: Config,
    examples: training.Examples,
    checkpoints: Path,
    on_epoch: training.OnEpoch = lambda epoch, row: None,
) -> Trained:
    """Train ``train.members`` networks one after another, and average them.

    Parameters
    ----------
    config, examples
        As for :func:`pipeline.train.self_training.fit`. The first network learns by ``run.seed``, each other
        one by the next seed.
    checkpoints
        Folder of their checkpoints. A network whose training has ended is not trained again.
    on_epoch
        Called after each epoch. From the second network on, names of the measures begin with ``member2_`` and
        so on.
    """
    fitted = [_fit(config, examples, checkpoints, on_epoch, n) for n in range(1, config.train.members + 1)]
    models, histories = zip(*fitted, strict=True)
    return Trained(members.averaged(models), list(histories))


def _fit(
    config: Config, examples: training.Examples, checkpoints: Path, on_epoch: training.OnEpoch, number: int
) -> tuple[keras.Model, list[dict[str, float]]]:
    own = config.model_copy(
        update={"run": config.run.model_copy(update={"seed": config.run.seed + number - 1})}
    )
    if config.train.members > 1:
        log.info("train: network %d of %d", number, config.train.members)
    prefix = "" if number == 1 else f"member{number}_"

    def on_own_epoch(epoch: int, row: dict[str, float]) -> None:
        on_epoch(epoch, {f"{prefix}{name}": value for name, value in row.items()})

    return self_training.fit(own, examples, config.train, checkpoints / f"{prefix}training.npz", on_own_epoch)


def figures(trained: Trained, examples: training.Examples, settings: Train) -> dict[str, Any]:
    """Score several networks on ``val``, together and each alone; nothing of one that is alone.

    Returns
    -------
    dict
        ``train_loss``, the mean over the networks; ``val_loss`` and ``val_auroc``, of all together;
        ``members``, by number from 1 on, with the ``val_loss`` and ``val_auroc`` of each.
    """
    if len(trained.histories) == 1:
        return {}
    kept = [training.selected_epoch(history, settings.checkpoint) for history in trained.histories]
    own = {
        str(number): {name: row[name] for name in ("val_loss", "val_auroc")}
        for number, row in enumerate(kept, start=1)
    }
    together = training.validated(inference.predictor(trained.model), examples, settings.batch_size)
    return {"train_loss": fmean(row["train_loss"] for row in kept), **together, "members": own}


def table(histories: Sequence[list[dict[str, float]]]) -> pd.DataFrame:
    """Lay the histories of several networks side by side, an epoch a row; see :func:`fit` for the names."""
    first, *others = (pd.DataFrame(history).set_index("epoch") for history in histories)
    named = [each.add_prefix(f"member{number}_") for number, each in enumerate(others, start=2)]
    return pd.concat([first, *named], axis=1).reset_index()
