from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.validate.copies import alignment, candidate_search
from pipeline.validate.copies.agreement import Agreement
from pipeline.validate.copies.keypoints import NO_KEYPOINTS
from pipeline.validate.copies.spill_cache import CopyFeatures
from pipeline.validate.copies.verification import Pair, Verdict, verify
from tests import alterations
from tests.validate.copies import cached

MIN_SCORE = cached.SETTINGS.copy_agreement
SURE = Agreement(0.95, 0.05, 1.0, 0.4, 0.8, 0.2, 1.0, inverted=False)


def is_copy(first: np.ndarray, second: np.ndarray) -> bool:
    return verified(cached.features(first), cached.features(second)).is_copy(MIN_SCORE)


def verified(first: CopyFeatures, second: CopyFeatures) -> Verdict:
    """Lay one over the other from what their keypoints, compared with no others, vote for."""
    matched = candidate_search.candidates([first.keypoints, second.keypoints], {})
    return verify(Pair(first, second, tuple(matched.transforms)))


def lies_as(agreement: Agreement) -> bool:
    return Verdict(agreement, np.eye(2, 3)).is_copy(0.8)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", alterations.ALTERATIONS)
def test_a_copy_is_one_after(hand, name, seed):
    copy = alterations.ALTERATIONS[name](hand, np.random.default_rng(seed))
    assert is_copy(hand, np.ascontiguousarray(copy))


@pytest.mark.parametrize(("first", "second"), [(0, 1), (0, 2), (1, 2)])
def test_another_hand_is_no_copy(hands, first, second):
    assert not is_copy(hands[first], hands[second])


def test_text_that_is_the_same_in_two_radiographs_makes_no_copy(hands):
    stamped = [cv2.resize(pixels, (500, 500)) for pixels in hands[:2]]
    for row, text in ((40, "CITY HOSPITAL"), (90, "12.03.2019"), (480, "SMITH 42 M")):
        stamped = [
            cv2.putText(pixels, text, (10, row), cv2.FONT_HERSHEY_SIMPLEX, 1.3, 255, 3) for pixels in stamped
        ]
    pair = [cached.features(pixels) for pixels in stamped]
    found = verify(Pair(*pair, framed=(np.eye(2, 3),)))
    assert found.agreement.structure > 0
    assert not found.is_copy(MIN_SCORE)


def test_the_transform_is_that_of_the_alteration(hand):
    original = cached.features(hand)
    copy = cached.features(alterations.turned(hand, 25))
    degrees, scale, mirrored = alignment.described(verified(original, copy).transform)
    assert degrees == pytest.approx(25, abs=0.3)
    assert scale == pytest.approx(1, abs=0.005)
    assert not mirrored


def test_a_guess_helps_where_there_are_no_keypoints(hand):
    blind = replace(cached.features(hand), keypoints=NO_KEYPOINTS)
    aside = np.array([[1.0, 0, 60], [0, 1, 0]])
    assert not verify(Pair(blind, blind)).is_copy(MIN_SCORE)
    assert not verify(Pair(blind, blind, framed=(aside,))).is_copy(MIN_SCORE)
    assert verify(Pair(blind, blind, framed=(aside, np.eye(2, 3)))).is_copy(MIN_SCORE)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 2), (40, 700), (90, 80)])
@pytest.mark.parametrize("level", [0, 130])
def test_blank_radiographs_are_no_copies_however_thin(shape, level):
    blank = cached.features(np.full(shape, level, np.uint8))
    assert not verify(Pair(blank, blank, framed=(np.eye(2, 3),))).is_copy(MIN_SCORE)


@pytest.mark.parametrize(
    "lacking",
    [
        {"correlation": 0.8},
        {"moved_px": 0.3},
        {"inverted": True, "correlation": 0.87},
        {"overlap": 0.64},
        {"structure": 0.04},
        {"common": 0.59},
        {"corners": 0.02},
        {"spread": 0.79},
    ],
    ids=str,
)
def test_all_must_agree(lacking):
    assert lies_as(SURE)
    assert not lies_as(SURE._replace(**lacking))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"correlation": 0.75, "common": 0.9}, True),  # blurred, but nearly everything agrees
        ({"correlation": 0.75, "common": 0.9, "corners": 0.044}, False),
        ({"correlation": 0.75, "common": 0.98, "corners": 0.044}, False),
        ({"common": 0.98, "corners": 0.044}, True),  # a bare shaft, of which everything agrees
        ({"common": 0.97, "corners": 0.044}, False),
        ({"common": 0.98, "corners": 0.044, "correlation": 0.93}, False),
        ({"correlation": 0.72, "common": 0.9}, False),
        ({"moved_px": 0.4, "common": 0.95}, True),  # noise that seems to have moved
        ({"moved_px": 0.4, "common": 0.94}, False),
        ({"moved_px": 0.4, "common": 0.95, "overlap": 0.89}, False),
    ],
)
def test_what_a_copy_must_reach_depends_on_how_much_agrees(changes, expected):
    assert lies_as(SURE._replace(**changes)) == expected
