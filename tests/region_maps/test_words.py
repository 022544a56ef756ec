import pytest

from pipeline.predict.position import Position
from pipeline.region_maps import words


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (Position("left", "upper"), "upper third of the bone as seen, left half of the image"),
        (Position("centre", "right"), "right third of the bone as seen, midline of the image"),
        (Position("right", None), "no clear bone axis, right half of the image"),
    ],
)
def test_places_in_words(place, said):
    assert words.position(place) == said
