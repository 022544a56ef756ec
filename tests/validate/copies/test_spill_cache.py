import pickle

import numpy as np
import pytest

from pipeline.validate.copies import spill_cache, thumbnails


def test_features_that_were_spilled_are_read_again_as_they_were(hands, tmp_path):
    made = [spill_cache.extract(pixels) for pixels in hands]
    spilled = [spill_cache.spill(features, tmp_path) for features in made]
    for features, place in zip(made, spilled, strict=True):
        read = spill_cache.load(place)
        np.testing.assert_array_equal(read.thumbnail, features.thumbnail)
        for part, expected in zip(read.keypoints, features.keypoints, strict=True):
            np.testing.assert_array_equal(part, expected)
        assert place.shape == features.shape


def test_a_place_travels_lighter_than_what_lies_there(hand, tmp_path):
    features = spill_cache.extract(hand)
    assert len(pickle.dumps(spill_cache.spill(features, tmp_path))) < 300 < features.thumbnail.nbytes


def test_features_in_memory_are_returned_themselves(hand):
    features = spill_cache.extract(hand)
    assert spill_cache.load(features) is features


def test_the_coarse_thumbnail_is_half_as_large(hand):
    features = spill_cache.extract(hand)
    assert tuple(2 * side for side in features.coarse[0].shape) == features.fine[0].shape == features.shape
    np.testing.assert_array_equal(features.fine[0], thumbnails.detail(features.thumbnail)[0])
    assert len(features.invariants) == len(features.keypoints.places)


@pytest.mark.parametrize(("shape", "is_long"), [((480, 400), False), ((400, 480), False), ((300, 700), True)])
def test_only_long_radiographs_are_described_as_a_square_too(shape, is_long, tmp_path):
    pixels = np.random.default_rng(2).integers(0, 255, shape).astype(np.uint8)
    view, spilled = spill_cache.squared(pixels), spill_cache.squared(pixels, tmp_path)
    assert (view is not None, spilled is not None) == (is_long, is_long)
    if is_long:
        assert spilled.features.shape == (thumbnails.SIDE_PX, thumbnails.SIDE_PX)
        np.testing.assert_array_equal(spill_cache.load(spilled.features).thumbnail, view.features.thumbnail)
