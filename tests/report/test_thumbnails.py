import base64

import numpy as np
import pytest

from pipeline.files import images
from pipeline.report import thumbnails


def test_a_file_is_read_once(tmp_path, monkeypatch):
    images.write(tmp_path / "a.png", np.full((50, 40), 7, np.uint8))
    look = thumbnails.reader(tmp_path, max_pixels=10_000)
    first = look("a.png")
    (tmp_path / "a.png").unlink()
    assert look("a.png") is first


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_what_cannot_be_decoded_is_no_picture(tmp_path, data):
    (tmp_path / "a.png").write_bytes(data)
    look = thumbnails.reader(tmp_path, max_pixels=10_000)
    assert look("a.png") is look("not there.png") is None


@pytest.mark.parametrize(
    ("shape", "fitted"), [((640, 480), (320, 240)), ((40, 80), (160, 320)), ((3000, 2), (320, 1))]
)
def test_the_longer_side_is_as_asked(shape, fitted):
    assert thumbnails.fitted(np.zeros(shape, np.uint8), 320).shape == fitted


def test_an_address_holds_a_small_jpeg():
    kind, data = thumbnails.address(np.full((320, 240), 90, np.uint8), 160).split(",")
    assert kind == "data:image/jpeg;base64"
    assert images.decode(base64.b64decode(data), "a.jpg").pixels.shape == (160, 120)


def test_colours_keep_their_size():
    data = thumbnails.address(np.zeros((40, 30, 3), np.uint8), 160).split(",")[1]
    assert images.decode(base64.b64decode(data), "a.jpg").pixels.shape == (40, 30)


def test_no_picture_has_no_address():
    assert thumbnails.address(None) is None


@pytest.mark.parametrize(("n_pictures", "shown"), [(1, 1), (8, 8), (9, 7), (97, 7)])
def test_a_row_leaves_a_place_for_the_number_of_the_others(n_pictures, shown):
    assert thumbnails.n_shown(n_pictures) == shown
