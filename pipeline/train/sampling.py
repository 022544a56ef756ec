"""Which radiographs an epoch shows: groups can weigh as one, and classes can be balanced."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def expected_draws(index: pd.DataFrame, *, group_balanced: bool, class_balanced: bool) -> NDArray[np.float64]:
    """How often each row is to be drawn in one epoch, on average.

    Parameters
    ----------
    index
        Rows with ``sampling_weight`` (one over the group's size) and ``fractured``.
    group_balanced
        Whether all rows of a group together are drawn as often as a group of one.
    class_balanced
        Whether both classes are drawn equally often.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        Sums to the number of groups, so an epoch is as long in either case.
    """
    share_of_group = index["sampling_weight"].to_numpy(np.float64)
    n_groups = share_of_group.sum()
    weight = share_of_group if group_balanced else np.ones_like(share_of_group)
    if class_balanced:
        fractured = index["fractured"].to_numpy(bool)
        for of_class in (fractured, ~fractured):
            weight = np.where(of_class, weight / max(weight[of_class].sum(), 1e-12), weight)
    return np.asarray(weight * n_groups / weight.sum())


def draw_epoch(expected: NDArray[np.float64], seed: int, epoch: int) -> NDArray[np.int64]:
    """Draw the rows of one epoch, in a random order.

    Systematic sampling over a shuffled order: each row comes its expected number of times,
    rounded down or up, so an epoch misses far less than independent draws would.

    Parameters
    ----------
    expected
        (n_rows,), draws per epoch.
    seed, epoch
        Equal pairs give equal draws.

    Returns
    -------
    ndarray of shape (round(expected.sum()),), int64
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(expected))
    edges = np.cumsum(expected[order])
    n_draws = round(float(edges[-1]))
    ticks = (np.arange(n_draws) + random.random()) * (edges[-1] / n_draws)
    drawn = order[np.searchsorted(edges, ticks, side="right").clip(max=len(order) - 1)]
    return random.permutation(drawn)
