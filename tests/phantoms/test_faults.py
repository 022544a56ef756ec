from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from pipeline.config import Phantoms
from pipeline.files import images
from pipeline.phantoms.faults import FAULTS, Order, make, plan

SETTINGS = Phantoms(
    train=40, val=20, test=30, fractured_share=0.4, min_side_px=140, max_side_px=180, fault_share=0.3
)
SOUND = Order("val/fractured/val-0005.png", "val", 5, fractured=True)


@cache
def made(fault=""):
    return make(replace(SOUND, fault=fault), seed=7, side_px=(140, 180))


def mask(phantom):
    canvas = np.zeros(phantom.pixels.shape, np.uint8)
    cv2.fillPoly(canvas, [np.round(phantom.polygon - 0.5).astype(np.int32)], 1)
    return canvas


def test_without_faults_the_class_folders_hold_the_asked_counts():
    orders = plan(SETTINGS.model_copy(update={"fault_share": 0.0}), seed=7)
    folders = [order.path.rsplit("/", 1)[0] for order in orders]
    assert {folder: folders.count(folder) for folder in folders} == {
        "train/fractured": 16, "train/not fractured": 24,
        "val/fractured": 8, "val/not fractured": 12,
        "test/fractured": 12, "test/not fractured": 18,
    }  # fmt: skip


def test_the_share_of_faults_is_planted_and_every_kind_among_them():
    faulty = [order for order in plan(SETTINGS, seed=7) if order.fault]
    assert len(faulty) == round(0.3 * 90)
    assert {order.fault for order in faulty} == set(FAULTS)


def test_paths_are_unique_and_sorted():
    paths = [order.path for order in plan(SETTINGS, seed=7)]
    assert paths == sorted(set(paths))


def test_copies_keep_the_class_of_a_sound_source():
    orders = {order.path: order for order in plan(SETTINGS, seed=7)}
    for order in orders.values():
        if order.source:
            source = orders[order.source]
            assert not source.fault
            assert (source.split, source.index, source.fractured) == (
                order.split,
                order.index,
                order.fractured,
            )
            assert source.path.split("/")[1] == order.path.split("/")[1]


def test_copies_cross_the_splits_unless_they_say_otherwise():
    for order in plan(SETTINGS, seed=7):
        if order.source:
            same_split = order.path.split("/")[0] == order.source.split("/")[0]
            assert same_split == (order.fault == "byte_copy")


def test_larger_counts_leave_the_first_radiographs_as_they_were():
    few = plan(SETTINGS.model_copy(update={"fault_share": 0.0}), seed=7)
    many = plan(SETTINGS.model_copy(update={"fault_share": 0.0, "train": 60}), seed=7)
    assert set(few) < set(many)


@pytest.mark.parametrize("fault", ["byte_copy", "byte_copy_across_splits"])
def test_byte_copies_are_byte_copies(fault):
    assert made(fault).data == made().data


def test_a_truncated_file_is_refused_by_the_decoder():
    jpeg = replace(SOUND, path="val/fractured/val-0005.jpg", fault="truncated")
    with pytest.raises(images.ImageFault) as refused:
        images.decode(make(jpeg, seed=7, side_px=(140, 180)).data, "val-0005.jpg")
    assert refused.value.reason == "truncated"


def test_a_wrong_extension_hides_a_sound_image():
    radiograph = images.decode(made("jpeg_named_png").data, "val-0005.png")
    assert "extension_mismatch" in radiograph.codes


def test_a_flipped_copy_mirrors_pixels_and_polygon():
    flipped, plain = made("flipped_copy").phantom, made().phantom
    assert np.array_equal(flipped.pixels, plain.pixels[:, ::-1])
    np.testing.assert_allclose(flipped.polygon, (plain.pixels.shape[1], 0) + plain.polygon * (-1, 1))


def test_a_quarter_turned_copy_takes_its_polygon_along():
    turned, plain = made("quarter_turn_copy").phantom, made().phantom
    assert np.array_equal(turned.pixels, np.rot90(plain.pixels))
    assert (mask(turned) == np.rot90(mask(plain))).mean() > 0.995


def test_a_rotated_copy_takes_its_polygon_along_and_has_black_corners():
    rotated, plain = made("rotated_copy").phantom, made().phantom
    centre = (np.array(plain.pixels.shape[::-1]) - 1) / 2
    before, after = plain.polygon - 0.5 - centre, rotated.polygon - 0.5 - centre
    turns = np.rad2deg(np.angle((after @ (1, 1j)) / (before @ (1, 1j))))
    np.testing.assert_allclose(turns, turns[0], atol=1e-6)
    assert 5 <= abs(turns[0]) <= 15
    back = cv2.getRotationMatrix2D(tuple(centre), float(turns[0]), 1.0)  # OpenCV turns the other way
    restored = cv2.warpAffine(rotated.pixels, back, plain.pixels.shape[::-1])
    middle = tuple(slice(side // 4, -side // 4) for side in plain.pixels.shape)
    assert np.corrcoef(restored[middle].ravel(), plain.pixels[middle].ravel())[0, 1] > 0.98
    assert rotated.pixels[0, 0] == 0
