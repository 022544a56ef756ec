import numpy as np
import pandas as pd
import pytest

from pipeline.report.copies import kinship
from pipeline.report.copies.kinship import Relation

WIDE, HIGH = (10, 30), (30, 10)  # (height_px, width_px)
QUARTER = np.array([[0.0, 1, 0], [-1, 0, 29]])  # np.rot90 of a picture 30 wide
BACK = np.array([[0.0, -1, 9], [1, 0, 0]])  # a quarter clockwise, of one 10 high
MIRROR = np.array([[-1.0, 0, 29], [0, 1, 0]])
UPSIDE_DOWN = np.array([[1.0, 0, 0], [0, -1, 9]])
HALF_SIZE = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25]])


@pytest.mark.parametrize(
    ("transform", "other", "expected"),
    [
        (np.eye(2, 3), WIDE, Relation()),
        (QUARTER, HIGH, Relation(turn_deg=90)),
        (BACK, HIGH, Relation(turn_deg=-90)),
        (MIRROR, WIDE, Relation(mirrored=True)),
        (UPSIDE_DOWN, WIDE, Relation(turn_deg=-180, mirrored=True)),
        (HALF_SIZE, (5, 15), Relation(scale=0.5)),
        (np.eye(2, 3), (10, 15), Relation(area=0.5)),
        (HALF_SIZE, (5, 30), Relation(scale=0.5, area=2.0)),
    ],
)
def test_a_transform_is_read_as_what_was_done(transform, other, expected):
    assert kinship.relation(transform, WIDE, other, inverted=False) == pytest.approx(expected)


def linked(*rows):
    return pd.DataFrame(rows, columns=["path", "copy_of", "transform", "inverted"])


def test_links_are_followed_both_ways():
    links = linked(("a", "b", QUARTER, True), ("c", "b", MIRROR, True))
    shapes = {"a": WIDE, "b": HIGH, "c": HIGH}
    found = kinship.relations("a", links, shapes)
    assert found["a"] == Relation()
    assert found["b"] == pytest.approx(Relation(turn_deg=90, inverted=True))
    assert found["c"] == pytest.approx(Relation(turn_deg=-90, mirrored=True))  # inverted twice


def test_there_and_back_again_is_as_it_was():
    links = linked(("a", "b", QUARTER, False), ("b", "c", BACK, False))
    found = kinship.relations("a", links, {"a": WIDE, "b": HIGH, "c": WIDE})
    assert found["c"] == pytest.approx(Relation())


def test_who_is_not_linked_is_not_reached():
    links = linked(("a", "b", np.eye(2, 3), False), ("c", "d", np.eye(2, 3), False))
    assert set(kinship.relations("a", links, dict.fromkeys("abcd", WIDE))) == {"a", "b"}


@pytest.mark.parametrize(
    ("found", "phrase"),
    [
        (Relation(turn_deg=0.4, scale=1.01, area=0.98), ""),
        (Relation(turn_deg=38.2), "turned by 38° anticlockwise"),
        (Relation(turn_deg=-8, inverted=True), "turned by 8° clockwise, inverted"),
        (Relation(turn_deg=-180, mirrored=True), "mirrored, turned by 180°"),
        (Relation(scale=0.5, area=0.64), "scaled to 50\xa0%, cropped to 64\xa0% of the area"),
        (Relation(area=1.3), "in a frame of 130\xa0% of the area"),
    ],
)
def test_words(found, phrase):
    assert kinship.words(found) == phrase


@pytest.mark.parametrize(
    ("found", "phrase"),
    [
        ([Relation(), Relation(turn_deg=0.2)], ""),
        ([Relation(turn_deg=-38), Relation(turn_deg=12)], "turned by up to 38°"),
        (
            [Relation(mirrored=True), Relation(), Relation(inverted=True)],
            "mirrored (1 of 3), inverted (1 of 3)",
        ),
        ([Relation(scale=0.5), Relation(scale=2), Relation()], "scaled to between 50\xa0% and 200\xa0%"),
        ([Relation(scale=0.5), Relation(area=0.7)], "scaled to 50\xa0%, cropped (1 of 2)"),
    ],
)
def test_the_summary_of_several(found, phrase):
    assert kinship.summary(found) == phrase


def test_shapes_are_looked_up_by_path():
    sizes = pd.DataFrame({"path": ["a"], "height_px": [10], "width_px": [30]}).convert_dtypes()
    assert kinship.shapes(sizes) == {"a": WIDE}
