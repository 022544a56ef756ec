from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config import Config
from pipeline.train import sharing
from pipeline.train.augmentation import Augmentation

SIZES = [(16, 16, 2), (16, 16, 3), (5, 16, 2), (1, 16, 4), (7, 7, 3), (6, 6, 1)]


@pytest.mark.parametrize(("size", "batch_size", "n_replicas"), SIZES)
def test_each_radiograph_of_a_batch_counts_once(size: int, batch_size: int, n_replicas: int) -> None:
    shares = [sharing.share(size, batch_size, replica, n_replicas) for replica in range(n_replicas)]
    counted = np.zeros(size)
    for share in shares:
        np.add.at(counted, share.positions, share.weight)
    assert counted.tolist() == [1.0] * size
    assert {len(share.positions) for share in shares} == {sharing.share_size(batch_size, n_replicas)}


@pytest.mark.parametrize(("size", "batch_size", "n_replicas"), SIZES)
def test_what_mixup_lays_over_a_radiograph_is_in_the_same_share(
    size: int, batch_size: int, n_replicas: int
) -> None:
    for replica in range(n_replicas):
        share = sharing.share(size, batch_size, replica, n_replicas)
        own = share.weight > 0
        partners = share.positions[share.partners]
        assert partners[own].tolist() == (size - 1 - share.positions[own]).tolist()


def test_a_batch_too_small_to_share_is_refused() -> None:
    sharing.require_enough(6, 3)
    with pytest.raises(ValueError, match=r"each of the 4 devices or processes .* Received: 6\. Raise it"):
        sharing.require_enough(6, 4)


def test_a_share_is_changed_as_in_the_whole_batch(params: Config) -> None:
    """Every change is on, mixtures and other devices too; the last batch is smaller."""
    amounts = {"aspect": 0.2, "marker_cutout": 0.5, "acquisition": 0.5, "style": 0.5, "mixup": 0.4}
    amounts |= {"closeup": 0.5}
    augment = Augmentation(params.train.augment.model_copy(update=amounts), seed=7)
    canvases = np.random.default_rng(7).integers(0, 255, (11, 32, 32, 1), np.uint8)
    given = (canvases, np.eye(11, 1, dtype=np.float32), (canvases > 99).astype(np.float32))
    whole = augment.apply(tf.data.Dataset.from_tensor_slices(given).batch(6), 3)
    expected = [np.concatenate(parts) for parts in zip(*whole.as_numpy_iterator(), strict=True)]
    shares = [sharing.share(size, 6, replica, 2) for size in (6, 5) for replica in range(2)]
    starts = [0, 0, 6, 6]
    rows = np.concatenate([start + share.positions for start, share in zip(starts, shares, strict=True)])
    columns = tf.data.Dataset.from_tensor_slices(tuple(map(np.stack, zip(*shares, strict=True))))
    read = tf.data.Dataset.from_tensor_slices(tuple(part[rows] for part in given)).batch(4)
    found = augment.apply_to_shares(tf.data.Dataset.zip(read, columns), 3, 2).as_numpy_iterator()
    for start, share, (parts, _) in zip(starts, shares, found, strict=True):
        own = share.weight > 0
        for part, whole_part in zip(parts, expected, strict=True):
            assert np.allclose(part[own], whole_part[start + share.positions[own]], atol=1e-3)
