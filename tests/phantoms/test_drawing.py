from collections import Counter

import cv2
import numpy as np
import pytest

from pipeline.phantoms import draw
from pipeline.phantoms.anatomy import BODY_PARTS
from pipeline.phantoms.fractures import KINDS

SMALL = (140, 180)


@pytest.fixture(scope="module")
def pairs():
    """Radiographs 0 to 59 of a split, each broken and as its unbroken twin."""
    return [
        tuple(draw(7, "val", index, fractured=broken, side_px=SMALL) for broken in (True, False))
        for index in range(60)
    ]


def inside(phantom):
    mask = np.zeros(phantom.pixels.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(phantom.polygon).astype(np.int32)], 1)
    return cv2.dilate(mask, np.ones((5, 5), np.uint8)).astype(bool)


def test_the_same_address_gives_the_same_pixels():
    first, second = (draw(7, "train", 3, fractured=True, side_px=SMALL) for _ in range(2))
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.polygon, second.polygon)


@pytest.mark.parametrize("other", [(8, "train", 3), (7, "val", 3), (7, "train", 4)])
def test_another_seed_split_or_index_gives_another_radiograph(other):
    first = draw(7, "train", 3, fractured=True, side_px=SMALL)
    assert not np.array_equal(first.pixels, draw(*other, fractured=True, side_px=SMALL).pixels)


def test_the_class_decides_nothing_but_the_fracture(pairs):
    for broken, whole in pairs:
        assert broken.pixels.shape == whole.pixels.shape
        assert broken.body_part == whole.body_part
        assert broken.hardware == whole.hardware
        assert broken.exposure == whole.exposure
        assert whole.kind is None
        assert whole.polygon is None


def test_twins_differ_most_inside_the_polygon(pairs):
    ratios = []
    for broken, whole in pairs:
        difference = np.abs(broken.pixels.astype(float) - whole.pixels)
        mask = inside(broken)
        ratios.append(difference[mask].mean() / (difference[~mask].mean() + 0.1))
    assert np.quantile(ratios, 0.1) > 3


def test_a_polygon_lies_on_bone_inside_the_radiograph(pairs):
    for broken, whole in pairs:
        height_px, width_px = broken.pixels.shape
        assert broken.polygon.min() >= 0
        assert (broken.polygon <= (width_px, height_px)).all()
        grey = whole.pixels.astype(float)
        grey = 255 - grey if whole.exposure.negative else grey
        mask = inside(broken)
        assert np.quantile(grey[mask], 0.9) > np.median(grey)


def test_polygons_take_a_small_share_of_the_radiograph(pairs):
    shares = [cv2.contourArea(broken.polygon.astype(np.float32)) / broken.pixels.size for broken, _ in pairs]
    assert min(shares) > 0.0005
    assert max(shares) < 0.12
    assert 0.008 < np.median(shares) < 0.03


def test_every_kind_and_every_body_part_is_drawn(pairs):
    assert set(Counter(broken.kind for broken, _ in pairs)) == set(KINDS)
    assert {whole.body_part for _, whole in pairs} == set(BODY_PARTS)


def test_some_are_negatives_some_collimated_some_hold_metal(pairs):
    wholes = [whole for _, whole in pairs]
    for found in (
        [whole.exposure.negative for whole in wholes],
        [whole.exposure.inset is not None for whole in wholes],
        [whole.hardware for whole in wholes],
        [whole.exposure.laterality == "L" for whole in wholes],
    ):
        assert 0 < sum(found) < len(wholes)


def test_sides_stay_within_their_limits(pairs):
    sides = np.array([whole.pixels.shape for _, whole in pairs])
    assert sides.min() >= SMALL[0]
    assert sides.max() <= SMALL[1]
