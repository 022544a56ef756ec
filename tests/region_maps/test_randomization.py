from __future__ import annotations

import numpy as np
import pytest

from pipeline.region_maps import randomization
from tests.region_maps.reader import SHAPE, radiograph


@pytest.mark.parametrize(("power", "expected"), [(3, 1.0), (-1, -1.0)])
def test_rank_correlation_ignores_a_monotone_change(power, expected):
    region_map = np.random.default_rng(0).uniform(0.1, 1, SHAPE)
    assert randomization.rank_correlation(region_map, region_map**power) == pytest.approx(expected)


def test_rank_correlation_by_hand():
    # Squared rank differences 0, 1, 1, 0 of four: 1 - 6 * 2 / (4 * 15).
    assert randomization.rank_correlation(
        np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 3.0], [2.0, 4.0]])
    ) == pytest.approx(0.8)


def test_a_constant_map_has_no_order_to_correlate():
    assert randomization.rank_correlation(np.ones(SHAPE), radiograph().astype(float)) == 0.0


def test_maps_of_two_shapes_are_not_compared():
    with pytest.raises(ValueError, match="one shape"):
        randomization.rank_correlation(np.ones((2, 3)), np.ones((3, 2)))
