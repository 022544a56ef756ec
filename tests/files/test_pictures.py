"""Deep colours, every kind of TIFF, damaged metadata: against what was put in."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from pipeline.files import images
from pipeline.files.images import ImageFault
from tests.conftest import SHARED
from tests.files.test_images import GREY, jpeg, png, saved
from tests.files.test_window import by_percentiles

ODD = SHARED / "odd/png-tiff-16bit"
DEEP = np.add.outer(np.arange(48) * 40, np.arange(64) * 30).astype(np.uint16)  # 12 bits in 16
RGB = np.stack([DEEP, DEEP // 2, DEEP // 3], axis=2)
SHOWN = by_percentiles(DEEP)
OPAQUE = np.full((48, 64, 1), 65535, np.uint16)


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def weighed(rgb: np.ndarray) -> np.ndarray:
    return by_percentiles(rgb @ np.array([0.299, 0.587, 0.114]))


@pytest.mark.reliability("PNG and TIFF with 16 bits a channel", "all grey levels stay")
@pytest.mark.parametrize(
    "data",
    [
        imagecodecs.png_encode(RGB),
        imagecodecs.png_encode(np.concatenate([RGB, OPAQUE], axis=2)),
        tiff(RGB, photometric="rgb"),
        tiff(np.moveaxis(RGB, 2, 0).copy(), photometric="rgb", planarconfig="separate"),
        tiff(RGB, photometric="rgb", compression="lzw", predictor=True, tile=(16, 16), byteorder=">"),
        tiff(RGB.astype(np.float32), photometric="rgb"),
        tiff(RGB.astype(np.uint32), photometric="rgb"),
    ],
    ids=["PNG", "PNG with opacity", "TIFF", "planar TIFF", "LZW tiles, big endian", "floats", "32 bits"],
)
def test_deep_colours_keep_all_levels(data):
    radiograph = images.decode(data, "a")
    assert "windowed" in radiograph.codes
    assert np.abs(radiograph.pixels.astype(int) - weighed(RGB)).max() <= 1


LEVELS = {"photometric": "minisblack"}
ALPHA = np.concatenate([DEEP[..., None], OPAQUE], axis=2)
TWELVE = {"bitspersample": 12} | LEVELS


@pytest.mark.parametrize(
    "data",
    [
        tiff(DEEP, **LEVELS),
        tiff(DEEP, **TWELVE),
        tiff(DEEP, **LEVELS, bigtiff=True, byteorder=">"),
        tiff(DEEP, **LEVELS, compression="zlib", predictor=True),
        tiff(DEEP.astype(np.int16) - 900, **LEVELS),
        tiff(DEEP.astype(np.float32), **LEVELS, compression="zlib", predictor=True, byteorder=">"),
        tiff(DEEP.astype(np.float64), **LEVELS),
        tiff(DEEP.astype(np.float16), **LEVELS),
        tiff(DEEP.astype(np.uint32) * 1000, **LEVELS),
        tiff(ALPHA, **LEVELS, planarconfig="contig", extrasamples=["unassalpha"]),
        tiff(ALPHA, **LEVELS, planarconfig="contig", extrasamples=["unspecified"]),
        imagecodecs.png_encode(ALPHA),
        imagecodecs.png_encode(DEEP),
    ],
)
def test_deep_grey_of_every_kind_is_shown_alike(data):
    assert np.abs(images.decode(data, "a").pixels.astype(int) - SHOWN).max() <= 1


@pytest.mark.reliability("TIFF in which white is zero, of 8, 16 and 32 bits", "black and white as meant")
@pytest.mark.parametrize("dtype", ["uint16", ">u2", "int16", "uint32", "float32"])
def test_white_is_zero_at_any_depth(dtype):
    inverted = tiff(DEEP.astype(dtype), photometric="miniswhite")
    assert np.abs(images.decode(inverted, "a").pixels.astype(int) - (255 - SHOWN)).max() <= 1
    assert np.array_equal(images.decode(tiff(255 - GREY, photometric="miniswhite"), "a").pixels, GREY)


def test_odd_depths_of_others_are_read_as_they_are():
    if not ODD.is_dir():
        pytest.skip(f"{ODD} is not here")
    eight, sixteen = (
        images.read(ODD / name).pixels for name in ("12_min_is_white8.tif", "13_min_is_white16.tif")
    )
    assert np.corrcoef(eight.ravel(), sixteen.ravel())[0, 1] > 0.99
    assert len(np.unique(images.read(ODD / "09_rgb16_12bit.png").pixels)) > 200


def test_a_turned_deep_tiff_stands_upright():
    data = tiff(DEEP, **LEVELS, extratags=[(274, 3, 1, 6, True)])
    radiograph = images.decode(data, "a")
    assert "exif_orientation" in radiograph.codes
    np.testing.assert_array_equal(radiograph.pixels, np.rot90(SHOWN, -1))


def with_exif(exif: bytes) -> bytes:
    return jpeg()[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif + jpeg()[2:]


@pytest.mark.reliability("JPEG with damaged EXIF", "shown as it is")
@pytest.mark.parametrize("exif", [b"Exif\0\0II*\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0rubbish" * 9])
def test_damaged_exif_alone_refuses_nothing(exif):
    pixels = images.decode(with_exif(exif), "a.jpg").pixels
    np.testing.assert_array_equal(pixels, images.decode(jpeg(), "a.jpg").pixels)


def with_chunk(kind: bytes, body: bytes) -> bytes:
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png()[:33] + chunk + png()[33:]


BOMB = zlib.compress(bytes(2**24))


@pytest.mark.reliability("PNG whose profile or text unfolds to megabytes", "read without it, with a note")
@pytest.mark.parametrize(
    "data",
    [with_chunk(b"iCCP", b"a\0\0" + BOMB), with_chunk(b"zTXt", b"a\0\0" + BOMB)],
    ids=["profile", "text"],
)
def test_a_bomb_beside_the_pixels_is_not_unfolded(data):
    radiograph = images.decode(data, "a.png")
    np.testing.assert_array_equal(radiograph.pixels, GREY)


def huge_tile() -> bytes:
    data = bytearray(tiff(DEEP, **LEVELS, compression="zlib", tile=(64, 64)))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        for tag in ("TileWidth", "TileLength"):
            struct.pack_into("<H", data, file.pages.first.tags[tag].valueoffset, 65_520)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (huge_tile(), "too_large"),
        (tiff(DEEP, **LEVELS)[:-9], "truncated"),
        (tiff(np.zeros((9, 9, 7), np.uint8), photometric="minisblack", planarconfig="contig"), "multi_frame"),
        (saved(Image.fromarray(GREY), "WEBP")[:-40], "broken"),
    ],
    ids=["tile of gigabytes", "cut", "seven channels", "cut WebP"],
)
def test_faulty_pictures_are_refused_with_a_reason(data, reason):
    with pytest.raises(ImageFault) as caught:
        images.decode(data, "a", max_pixels=10**7)
    assert caught.value.reason == reason


def test_jpeg_inside_tiff_is_read_strictly(capfd):
    data = tiff(np.tile(GREY, (4, 4)), compression="jpeg")
    assert images.decode(data, "a.tif").codes == ()
    middle = len(data) * 2 // 3
    with pytest.raises(ImageFault):
        images.decode(data[:middle] + b"\xff\xd9\x00\x00" + data[middle + 4 :], "a.tif")
    assert capfd.readouterr().err == ""


def test_the_process_keeps_pillows_own_limit():
    before = Image.MAX_IMAGE_PIXELS
    assert before
    images.decode(png(), "a.png")
    assert before == Image.MAX_IMAGE_PIXELS
