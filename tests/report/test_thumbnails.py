import base64

import numpy as np
import pytest

from pipeline.files import images
from pipeline.report import thumbnails
from pipeline.validate import page_thumbnails


@pytest.fixture
def drawn(tmp_path):
    images.write(tmp_path / "a.png", np.full((50, 40), 7, np.uint8))
    page_thumbnails.draw({"a.png"}, tmp_path, 10_000, tmp_path / "thumbnails")
    return tmp_path / "thumbnails"


def test_a_file_is_read_once(drawn):
    look = thumbnails.reader(drawn)
    first = look("a.png")
    assert np.array_equal(first, np.full((320, 256), 7))
    (drawn / "000.png").unlink()
    assert look("a.png") is first


def test_what_was_not_drawn_is_no_picture(drawn):
    assert thumbnails.reader(drawn)("not there.png") is None


def test_an_address_holds_a_small_jpeg():
    kind, data = thumbnails.address(np.full((320, 240), 90, np.uint8), 160).split(",")
    assert kind == "data:image/jpeg;base64"
    assert images.decode(base64.b64decode(data), "a.jpg").pixels.shape == (160, 120)


def test_colours_keep_their_size():
    data = thumbnails.address(np.zeros((40, 30, 3), np.uint8), 160).split(",")[1]
    assert images.decode(base64.b64decode(data), "a.jpg").pixels.shape == (40, 30)


def test_no_picture_has_no_address():
    assert thumbnails.address(None) is None


@pytest.mark.reliability(
    "a thumbnail is gone or torn when `report` reads it", "the page comes without it, told"
)
@pytest.mark.parametrize("left", [None, 0, 60])
def test_a_thumbnail_that_is_gone_or_torn_is_told_and_left_out(drawn, left, caplog):
    data = (drawn / "000.png").read_bytes()
    (drawn / "000.png").unlink()
    if left is not None:
        (drawn / "000.png").write_bytes(data[:left])
    assert thumbnails.reader(drawn)("a.png") is None
    assert "no thumbnail of a.png" in caplog.text
