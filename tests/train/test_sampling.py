from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.train import sampling

# A group of four and one of one, fractured; three of one, not fractured.
INDEX = pd.DataFrame(
    {
        "fractured": [True] * 5 + [False] * 3,
        "sampling_weight": [0.25] * 4 + [1.0] * 4,
    }
)


def test_each_group_weighs_as_one() -> None:
    expected = sampling.expected_draws(INDEX, group_balanced=True, class_balanced=False)
    assert expected.tolist() == [0.25] * 4 + [1.0] * 4


def test_balanced_classes_are_drawn_equally_often() -> None:
    expected = sampling.expected_draws(INDEX, group_balanced=True, class_balanced=True)
    assert expected.sum() == pytest.approx(5)  # the groups
    assert expected[:5].sum() == pytest.approx(2.5)
    assert expected[:4].sum() == pytest.approx(expected[4])  # groups of a class weigh alike
    assert expected[5:] == pytest.approx([2.5 / 3] * 3)


def test_rows_weigh_as_one_each_if_asked() -> None:
    expected = sampling.expected_draws(INDEX, group_balanced=False, class_balanced=False)
    assert expected == pytest.approx([5 / 8] * 8)  # an epoch is as long as with groups
    expected = sampling.expected_draws(INDEX, group_balanced=False, class_balanced=True)
    assert expected == pytest.approx([2.5 / 5] * 5 + [2.5 / 3] * 3)


def test_one_class_alone_takes_all_draws() -> None:
    expected = sampling.expected_draws(INDEX[:5], group_balanced=True, class_balanced=True)
    assert expected == pytest.approx([0.25] * 4 + [1.0])


shares = st.lists(st.floats(0.01, 5), min_size=1, max_size=40).map(np.array).filter(lambda x: x.sum() >= 0.6)


@given(shares, st.integers(0, 99), st.integers(0, 99))
def test_each_row_comes_its_expected_number_of_times(expected: np.ndarray, seed: int, epoch: int) -> None:
    drawn = sampling.draw_epoch(expected, seed, epoch)
    scaled = expected * len(drawn) / expected.sum()
    counts = np.bincount(drawn, minlength=len(expected))
    assert len(drawn) == round(float(expected.sum()))
    assert (np.abs(counts - scaled) < 1 + 1e-6).all()


def test_equal_seed_and_epoch_draw_alike() -> None:
    expected = np.full(50, 0.5)
    first = sampling.draw_epoch(expected, 7, 3)
    assert np.array_equal(first, sampling.draw_epoch(expected, 7, 3))
    assert not np.array_equal(first, sampling.draw_epoch(expected, 7, 4))
    assert not np.array_equal(first, sampling.draw_epoch(expected, 8, 3))


def test_rows_come_in_no_order() -> None:
    drawn = sampling.draw_epoch(np.ones(50), 7, 0)
    assert sorted(drawn) == list(range(50))
    assert not np.array_equal(drawn, np.sort(drawn))
