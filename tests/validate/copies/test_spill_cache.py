import pickle

import numpy as np

from pipeline.validate.copies import spill_cache, thumbnails


def test_what_was_set_aside_is_read_again_as_it_was(hands, tmp_path):
    made = [spill_cache.of(pixels) for pixels in hands]
    kept = [spill_cache.set_aside(subject, tmp_path) for subject in made]
    for subject, place in zip(made, kept, strict=True):
        read = spill_cache.at_hand(place)
        np.testing.assert_array_equal(read.look, subject.look)
        for part, expected in zip(read.keypoints, subject.keypoints, strict=True):
            np.testing.assert_array_equal(part, expected)
        assert place.shape == subject.shape


def test_a_place_travels_lighter_than_what_lies_there(hand, tmp_path):
    subject = spill_cache.of(hand)
    assert len(pickle.dumps(spill_cache.set_aside(subject, tmp_path))) < 300 < subject.look.nbytes


def test_a_subject_in_memory_is_itself_at_hand(hand):
    subject = spill_cache.of(hand)
    assert spill_cache.at_hand(subject) is subject


def test_the_coarse_look_is_half_as_large(hand):
    subject = spill_cache.of(hand)
    assert tuple(2 * side for side in subject.coarse[0].shape) == subject.fine[0].shape == subject.shape
    np.testing.assert_array_equal(subject.fine[0], thumbnails.detail(subject.look)[0])
    assert len(subject.invariants) == len(subject.keypoints.places)
