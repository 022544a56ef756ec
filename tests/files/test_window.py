"""The window against NumPy's percentiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.files import levels, window
from pipeline.files.images import ImageFault

SHAPES = st.tuples(st.integers(1, 60), st.integers(1, 60))


def by_percentiles(values: np.ndarray) -> np.ndarray:
    values = values.astype(np.float64)
    low, high = np.percentile(values, levels.PERCENTILES)
    if high <= low:
        low, high = values.min(), values.max()
    share = (values - low) / max(high - low, np.finfo(np.float64).tiny)
    return np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "uint32", "float32", ">u2", ">f4"])
@given(shape=SHAPES, seed=st.integers(0, 99), spread=st.sampled_from([1, 300, 20_000]))
def test_grey_is_what_percentiles_give(dtype, shape, seed, spread):
    values = np.random.default_rng(seed).normal(100, spread, shape)
    if np.dtype(dtype).kind != "f":
        values = values.round().clip(np.iinfo(dtype).min, np.iinfo(dtype).max)
    values = values.astype(dtype)
    pixels, notes = window.grey(values, "a")
    if [note.code for note in notes] == ["windowed"]:
        np.testing.assert_array_equal(pixels, by_percentiles(values))
        np.testing.assert_array_equal(window.grey(values, "a", negative=True)[0], 255 - pixels)


STRIP = np.linspace(0, 4000, 100 * 80).reshape(100, 80).astype(np.uint16)


@pytest.mark.reliability("16 bits with a white strip at the edge", "left out of the window and shown black")
@pytest.mark.parametrize("dtype", ["uint16", "int32"])
def test_a_strip_of_an_extreme_value_is_black(dtype):
    values = STRIP.astype(dtype)
    values[:10] = 65535
    pixels, notes = window.grey(values, "a")
    np.testing.assert_array_equal(pixels[10:], by_percentiles(values[10:]))
    assert pixels[:10].max() == 0
    assert notes[1].detail == "10.0% of the pixels have the value 65535, a filling; shown black"


@pytest.mark.reliability("16 bits used to 85 %, with a white strip", "left out of the window and shown black")
def test_a_strip_that_is_not_far_from_all_others_is_black_too():
    values = STRIP * 14
    values[:, :5] = 65535
    pixels, _ = window.grey(values, "a")
    np.testing.assert_array_equal(pixels[:, 5:], by_percentiles(values[:, 5:]))
    assert pixels[:, :5].max() == 0


@pytest.mark.reliability("floating-point or 32-bit values with a filling", "left out of the window, a note")
@pytest.mark.parametrize(
    ("dtype", "filling"), [("f4", -3.4e38), ("f4", -9999.5), ("i4", -(2**31)), ("f8", 1e9)]
)
def test_a_filling_among_values_too_many_to_count_is_black(dtype, filling):
    values = (STRIP + 0.25 * (dtype != "i4")).astype(dtype)
    values[:10] = filling
    pixels, notes = window.grey(values, "a")
    np.testing.assert_array_equal(pixels[10:], by_percentiles(values[10:]))
    assert pixels[:10].max() == 0
    assert [note.code for note in notes] == ["windowed", "padding"]


@pytest.mark.reliability("16 bits with white lettering", "left out of the window and shown white")
def test_lettering_of_an_extreme_value_stays_white():
    values = STRIP.copy()
    values[40:50, 30:50] = 65535
    pixels, notes = window.grey(values, "a")
    assert pixels[40:50, 30:50].min() == 255
    assert notes[1].detail.endswith("outside the window")


def test_saturated_pixels_are_no_padding():
    assert [note.code for note in window.grey(np.minimum(STRIP, 3000), "a")[1]] == ["windowed"]
    mask = np.where(STRIP > 2000, 65535, 0)
    assert set(np.unique(window.grey(mask, "a")[0])) == {0, 255}


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_what_is_no_number_is_a_fault(value):
    values = STRIP.astype(np.float64) + 0.5
    values[3, 3] = value
    with pytest.raises(ImageFault, match="finite"):
        window.grey(values, "a")
