"""Which radiographs of a batch each replica of the network learns from, where several share it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Share(NamedTuple):
    """A replica's M radiographs of a batch of N.

    Attributes
    ----------
    positions
        int32 (M,), places in the batch; what fills the share up to M repeats the first radiograph.
    partners
        int32 (M,), places in the share of those that mixup lays over them.
    weight
        float32 (M,): 1, or 0 for what fills the share up.
    size
        int32, N.
    """

    positions: NDArray[np.int32]
    partners: NDArray[np.int32]
    weight: NDArray[np.float32]
    size: np.int32


def share(size: int, batch_size: int, replica: int, n_replicas: int) -> Share:
    """Deal the radiographs of a batch to the replicas, those that mixup lays over each other to the same.

    Parameters
    ----------
    size
        Radiographs in this batch, 1 to ``batch_size``.
    batch_size
        Those of a whole one. All shares are as large as it needs, so that one graph serves them all.
    replica, n_replicas
        Whose share it is, from 0 on, and of how many.
    """
    places = np.arange(size)
    own = places[np.minimum(places, size - 1 - places) % n_replicas == replica]
    n_missing = share_size(batch_size, n_replicas) - len(own)
    filled = np.arange(len(own), len(own) + n_missing)
    return Share(
        np.concatenate([own, np.zeros(n_missing)]).astype(np.int32),
        np.concatenate([np.arange(len(own))[::-1], filled]).astype(np.int32),
        np.concatenate([np.ones(len(own)), np.zeros(n_missing)]).astype(np.float32),
        np.int32(size),
    )


def share_size(batch_size: int, n_replicas: int) -> int:
    """How many radiographs a replica sees at a step."""
    n_pairs = -(-batch_size // 2)
    return 2 * -(-n_pairs // n_replicas)


def require_enough(batch_size: int, n_replicas: int) -> None:
    """Refuse a batch of which some replica would get nothing.

    Raises
    ------
    ValueError
        It has not two radiographs for each.
    """
    if batch_size < 2 * n_replicas:
        raise ValueError(
            f"train.batch_size must be at least two for each of the {n_replicas} devices or processes that "
            f"share a batch. Received: {batch_size}. Raise it, or train on fewer."
        )
