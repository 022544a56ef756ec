import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.validate import pyramid


@pytest.mark.parametrize(
    ("shape", "medium", "half", "small"),
    [
        ((256, 200), (256, 200), (256, 200), (256, 200)),
        ((511, 400), (511, 400), (511, 400), (256, 200)),
        ((799, 640), (799, 640), (399, 320), (256, 205)),
        ((800, 601), (400, 300), (400, 300), (256, 192)),
        ((1200, 986), (600, 493), (300, 246), (256, 210)),
        ((1000, 3201), (125, 400), (125, 400), (80, 256)),
        ((1, 5000), (1, 5000), (1, 5000), (1, 256)),
        ((2, 5000), (1, 2500), (1, 2500), (1, 256)),
    ],
)
def test_each_level_has_its_size(shape, medium, half, small):
    built = pyramid.build(np.zeros(shape, np.uint8))
    assert [level.shape for level in built[:4]] == [shape, medium, half, small]


def test_a_radiograph_that_is_small_is_not_copied():
    pixels = np.zeros((256, 100), np.uint8)
    assert all(level is pixels for level in pyramid.build(pixels)[:3])


def test_halving_averages_blocks_of_two_by_two():
    coarse = np.random.default_rng(0).integers(20, 236, (400, 300))
    fine = np.kron(coarse, np.ones((2, 2), int)) + np.tile([[-10, 10], [20, -20]], (400, 300))
    assert np.array_equal(pyramid.build(fine.astype(np.uint8)).medium, coarse)


@given(level=st.integers(0, 255), rows=st.integers(1, 900), columns=st.sampled_from([1, 90, 850]))
def test_what_is_flat_stays_flat(level, rows, columns):
    built = pyramid.build(np.full((rows, columns), level, np.uint8))
    assert {int(value) for one in built for value in (one.min(), one.max())} == {level}


@given(rows=st.integers(1, 1700), columns=st.sampled_from([1, 90, 850]))
def test_a_level_built_again_stays_as_it_is(rows, columns):
    built = pyramid.build(np.zeros((rows, columns), np.uint8))
    again = pyramid.build(built.medium)
    assert again.medium is built.medium
    assert again.small.shape == built.small.shape
    assert pyramid.build(built.small).small is built.small
