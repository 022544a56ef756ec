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


@pytest.mark.parametrize(("stored", "shown"), [(DEEP, SHOWN), (GREY, GREY)], ids=["16 bits", "8 bits"])
@pytest.mark.parametrize("said", [(274, 3, 1, 6, True), (274, 3, 2, (6, 6), True)], ids=["once", "twice"])
def test_a_turned_tiff_stands_upright(said, stored, shown):
    data = tiff(stored, **LEVELS, extratags=[said])
    radiograph = images.decode(data, "a")
    assert radiograph.codes.count("exif_orientation") == 1
    np.testing.assert_array_equal(radiograph.pixels, np.rot90(shown, -1))


@pytest.mark.reliability("TIFF whose orientation makes no sense", "shown as it is stored")
@pytest.mark.parametrize("said", [(274, 3, 1, 99, True), (274, 2, 3, "no", True)])
@pytest.mark.parametrize(("stored", "shown"), [(DEEP, SHOWN), (GREY, GREY)], ids=["16 bits", "8 bits"])
def test_an_orientation_that_makes_no_sense_refuses_nothing(said, stored, shown):
    pixels = images.decode(tiff(stored, **LEVELS, extratags=[said]), "a").pixels
    np.testing.assert_array_equal(pixels, shown)


def with_exif(exif: bytes) -> bytes:
    return jpeg()[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif + jpeg()[2:]


@pytest.mark.reliability("JPEG with damaged EXIF", "shown as it is")
@pytest.mark.parametrize("exif", [b"Exif\0\0II*\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0rubbish" * 9])
def test_damaged_exif_alone_refuses_nothing(exif):
    pixels = images.decode(with_exif(exif), "a.jpg").pixels
    np.testing.assert_array_equal(pixels, images.decode(jpeg(), "a.jpg").pixels)


def with_chunk(kind: bytes, body: bytes) -> bytes:
    return png()[:33] + chunk_of(kind, body) + png()[33:]


def chunk_of(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


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


def of_no_kind() -> bytes:
    data = bytearray(tiff(DEEP, **LEVELS))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        struct.pack_into("<H", data, file.pages.first.tags["PhotometricInterpretation"].valueoffset, 99)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (huge_tile(), "too_large"),
        (of_no_kind(), "no_decoder"),
        (tiff(DEEP, **LEVELS)[:-9], "truncated"),
        (tiff(DEEP, **LEVELS)[:4] + bytes(4), "truncated"),
        (b"II*\0" + (2**20).to_bytes(4, "little") + DEEP.tobytes(), "truncated"),
        (tiff(np.zeros((9, 9, 7), np.uint8), photometric="minisblack", planarconfig="contig"), "multi_frame"),
        (saved(Image.fromarray(GREY), "WEBP")[:-40], "broken"),
    ],
    ids=[
        "tile of gigabytes",
        "channels of no known kind",
        "cut",
        "cut to its header",
        "list cut off",
        "seven channels",
        "cut WebP",
    ],
)
def test_faulty_pictures_are_refused_with_a_reason(data, reason):
    with pytest.raises(ImageFault) as caught:
        images.decode(data, "a", max_pixels=10**7)
    assert caught.value.reason == reason


PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def of_rows(pixels: np.ndarray, height: int, *, interlaced: bool = False) -> bytes:
    """A PNG that says it has so many rows, with these pixels, compressed to a sound end."""
    passes = [pixels[row::down, column::right] for row, column, down, right in PASSES]
    parts = passes if interlaced else [pixels]
    rows = b"".join(b"\0" + row.tobytes() for part in parts if part.size for row in part)
    colours = 2 if pixels.ndim == 3 else 0
    header = struct.pack(">IIBBBBB", pixels.shape[1], height, 8, colours, 0, 0, interlaced)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(chunk_of, *zip(*chunks, strict=True)))


@pytest.mark.reliability("PNG: fewer rows than its header says", "refused as truncated")
@pytest.mark.parametrize("pixels", [GREY, np.stack([GREY] * 3, axis=2)], ids=["grey", "colours"])
@pytest.mark.parametrize("interlaced", [False, True])
def test_a_png_with_too_few_rows_is_truncated(pixels, interlaced):
    for height, width in ((48, 64), (37, 43), (5, 1)):
        part = np.ascontiguousarray(pixels[:height, :width])
        sound = images.decode(of_rows(part, height, interlaced=interlaced), "a.png").pixels
        np.testing.assert_array_equal(sound, GREY[:height, :width])
        with pytest.raises(ImageFault) as caught:
            images.decode(of_rows(part[:-3], height, interlaced=interlaced), "a.png")
        assert caught.value.reason == "truncated"


@pytest.mark.reliability("TIFF: a strip with fewer rows than its header says", "refused as truncated")
def test_a_short_strip_of_jpeg_is_truncated():
    data = bytearray(tiff(GREY[:24], compression="jpeg"))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        for tag in ("ImageLength", "RowsPerStrip"):
            struct.pack_into("<H", data, file.pages.first.tags[tag].valueoffset, len(GREY))
    with pytest.raises(ImageFault) as caught:
        images.decode(bytes(data), "a.tif")
    assert caught.value.reason == "truncated"


@pytest.mark.parametrize(
    ("data", "reason", "received"),
    [
        (imagecodecs.jpeg8_encode(DEEP, bitspersample=12), "no_decoder", "a JPEG of 12 bits"),
        (tiff(GREY, compression="jpeg2000", **LEVELS), "no_decoder", "a TIFF of unusual"),
        (saved(Image.fromarray(GREY), "PNG").replace(b"\r\n", b"\n", 1), "not_an_image", "text mode"),
        (b"\0\0\0\x18ftypheic" + bytes(99), "not_an_image", "HEIC"),
        (b"%PDF-1.7\n", "not_an_image", "a PDF"),
        (b"<html>", "not_an_image", "HTML"),
        (b"\5\6\7\1", "not_an_image", "05 06 07 01"),
    ],
)
def test_a_refusal_says_what_was_received(data, reason, received):
    with pytest.raises(ImageFault, match=received) as caught:
        images.decode(data, "a")
    assert caught.value.reason == reason


def test_a_damaged_remark_in_a_png_is_named():
    data = with_chunk(b"tEXt", b"a\0b").replace(b"tEXta\0b", b"tEXta\0c")
    with pytest.raises(ImageFault, match="tEXt") as caught:
        images.decode(data, "a.png")
    assert caught.value.reason == "broken"


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
