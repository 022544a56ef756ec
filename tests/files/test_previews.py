"""Smaller pictures beside the one that is meant: what phones and scanners write, and what stays refused."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from pipeline.files import images
from pipeline.files.images import ImageFault
from tests.files.test_images import GREY, jpeg
from tests.files.test_pictures import DEEP, LEVELS, RGB

SMALL = GREY[::4, ::4]
UNDEFINED, THUMBNAIL, DISPARITY = 0x000000, 0x010001, 0x020002


def phone(*others: np.ndarray, kind: int = UNDEFINED, **options: object) -> bytes:
    """A multi-picture file whose further pictures are of this kind."""
    buffer = io.BytesIO()
    more = [Image.fromarray(other) for other in others]
    Image.fromarray(GREY).save(buffer, "MPO", save_all=True, append_images=more, quality=90, **options)
    data = bytearray(buffer.getvalue())
    entry = data.index(b"MPF\0") + 54  # of the first picture, behind the index's header and three fields
    for place in range(1, len(others) + 1):
        struct.pack_into("<L", data, entry + 16 * place, kind)
    return bytes(data)


def behind_cut_off(data: bytes) -> bytes:
    return data[: data.rindex(b"\xff\xd8")]


def pages(*kinds: tuple[np.ndarray, int], **options: object) -> bytes:
    """A TIFF of pages, each marked as 1, a reduced view, 4, a mask, or 0, neither."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, **options) as file:
        for pixels, kind in kinds:
            more = (
                {"photometric": "mask"}
                if kind == 4
                else LEVELS
                if pixels.ndim == 2
                else {"photometric": "rgb"}
            )
            file.write(pixels, subfiletype=kind, contiguous=False, metadata=None, **more)
    return buffer.getvalue()


@pytest.mark.reliability("JPEG of a phone, with a preview or a gain map behind it", "read without them")
@pytest.mark.parametrize(
    "data",
    [phone(SMALL), phone(SMALL, GREY[::2, ::2]), phone(SMALL, kind=THUMBNAIL), behind_cut_off(phone(GREY))],
    ids=["gain map", "two", "thumbnail", "cut behind the first"],
)
def test_the_first_picture_of_a_phone_is_read(data):
    radiograph = images.decode(data, "a.jpg")
    np.testing.assert_array_equal(radiograph.pixels, images.decode(jpeg(), "a.jpg").pixels)
    assert (radiograph.format, radiograph.codes) == ("JPEG", ("preview",))


def test_a_phones_picture_is_turned_upright_by_its_exif():
    exif = Image.Exif()
    exif[0x0112] = 6
    radiograph = images.decode(phone(SMALL, exif=exif), "a.jpg")
    assert radiograph.pixels.shape == GREY.T.shape
    assert set(radiograph.codes) == {"preview", "exif_orientation"}


@pytest.mark.reliability("TIFF with reduced pages or a mask beside its picture", "read without them")
@pytest.mark.parametrize(
    "options", [{}, {"bigtiff": True}, {"byteorder": ">"}], ids=["plain", "big", "motorola"]
)
@pytest.mark.parametrize("pixels", [GREY, DEEP, RGB], ids=["8 bits", "16 bits", "colours"])
def test_the_whole_page_of_a_tiff_is_read_wherever_it_stands(pixels, options):
    alone = images.decode(pages((pixels, 0), **options), "a.tif").pixels
    small = (pixels[::4, ::4].copy(), 1)
    for data in (
        pages((pixels, 0), small, **options),
        pages(small, (pixels, 0), (GREY > 9, 4), **options),
    ):
        radiograph = images.decode(data, "a.tif")
        np.testing.assert_array_equal(radiograph.pixels, alone)
        assert "preview" in radiograph.codes


@pytest.mark.parametrize(
    "data",
    [
        phone(GREY),
        phone(SMALL, GREY),
        phone(SMALL, kind=DISPARITY),
        pages((GREY, 0), (SMALL, 0)),
        pages((SMALL, 1), (SMALL, 1)),
    ],
    ids=["two views", "a third view", "series", "pages that are not marked", "reduced pages alone"],
)
def test_pictures_side_by_side_are_refused(data):
    with pytest.raises(ImageFault) as caught:
        images.decode(data, "a")
    assert caught.value.reason == "multi_frame"


def test_a_cut_picture_before_a_preview_is_refused():
    data = phone(SMALL)
    with pytest.raises(ImageFault, match="lacks its end"):
        images.decode(data[: len(jpeg()) // 2], "a.jpg")
