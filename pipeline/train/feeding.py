"""What training learns from, an epoch at a time: batches, or shares of them where replicas share a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.config import Train
from pipeline.preprocess import shards
from pipeline.train import sharing, steps
from pipeline.train.augmentation import Augmentation
from pipeline.train.workers import Workers


@dataclass(frozen=True)
class Examples:
    """Shards and the index rows of them to train on and to choose by.

    Attributes
    ----------
    folder
        Where the shards lie.
    train, val
        Rows of their index.
    masks
        By path, the PNG of a mask that stands in for what is drawn; see ``shards.dataset``.
    """

    folder: Path
    train: pd.DataFrame
    val: pd.DataFrame
    masks: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def has_boxes(self) -> bool:
        """Whether a fracture is drawn on a radiograph of ``train`` for which no mask stands in."""
        return bool(((self.train["fractures"] > 0) & ~self.train["path"].isin([*self.masks])).any())

    @property
    def drawn_share(self) -> float:
        """Share of the fractured radiographs of ``train`` with a mask, drawn or standing in; 0..1."""
        fractured = self.train[self.train["fractured"].astype(bool)]
        drawn = (fractured["fractures"] > 0) | fractured["path"].isin([*self.masks])
        return float(drawn.mean()) if len(drawn) else 0.0


@dataclass(frozen=True)
class Feed:
    """Batches of radiographs, changed at random, for the replicas of this process.

    Attributes
    ----------
    examples, settings, seed
        As for ``training.fit``.
    with_outlines
        Whether the network learns boxes.
    team
        Who shares a batch.
    """

    examples: Examples
    settings: Train
    seed: int
    with_outlines: bool
    team: Workers

    def epoch(self, drawn: NDArray[np.int64], epoch: int) -> Iterable[Any]:
        """Give what a step of :mod:`pipeline.train.steps` takes, batch by batch, of the rows drawn."""
        augment = Augmentation(self.settings.augment, self.seed, self.examples.drawn_share)
        if self.team.n_replicas == 1:
            whole: Iterable[Any] = augment.apply(self._read(drawn, self.settings.batch_size), epoch)
            return whole
        shares = self._shares(len(drawn))
        starts = np.repeat(np.arange(0, len(drawn), self.settings.batch_size), len(self.team.own_replicas))
        rows = np.concatenate([start + share.positions for start, share in zip(starts, shares, strict=True)])
        read = self._read(drawn[rows], len(shares[0].positions))
        columns = tf.data.Dataset.from_tensor_slices(tuple(map(np.stack, zip(*shares, strict=True))))
        both = tf.data.Dataset.zip(read, columns.map(sharing.Share))
        return self.team.deal(augment.apply_to_shares(both, epoch, len(self.team.own_replicas)))

    def _shares(self, n_drawn: int) -> list[sharing.Share]:
        """Shares of this process's replicas, batch after batch."""
        batch_size, n_replicas = self.settings.batch_size, self.team.n_replicas
        sharing.require_enough(batch_size, n_replicas)
        sizes = [min(batch_size, n_drawn - start) for start in range(0, n_drawn, batch_size)]
        return [
            sharing.share(size, batch_size, replica, n_replicas)
            for size in sizes
            for replica in self.team.own_replicas
        ]

    def _read(self, drawn: NDArray[np.int64], batch_size: int) -> tf.data.Dataset:
        return shards.dataset(
            self.examples.folder,
            self.examples.train.iloc[drawn],
            batch_size,
            with_masks=steps.with_masks(self.settings),
            with_outlines=self.with_outlines,
            masks=self.examples.masks,
        )
