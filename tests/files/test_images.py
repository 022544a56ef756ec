"""What bytes are decoded to: grey pixels, a warning of what was put right, or a fault with its reason."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.files import images
from pipeline.files.images import ImageFault

RNG = np.random.default_rng(0)
GREY = np.clip(np.add.outer(np.arange(48) * 3, np.arange(64) * 2) + RNG.integers(0, 20, (48, 64)), 0, 255)
GREY = GREY.astype(np.uint8)
CORNERS = np.zeros((48, 64), np.uint8)  # tells every orientation from every other
CORNERS[:24, :32], CORNERS[:24, 32:], CORNERS[24:, :32] = 250, 160, 80


def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def jpeg() -> bytes:
    return saved(Image.fromarray(GREY), "JPEG", quality=90)


def png() -> bytes:
    return saved(Image.fromarray(GREY), "PNG")


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def wrong_check_sum() -> bytes:
    data = bytearray(png())
    data[data.index(b"IEND") - 6] ^= 1  # the last pixel chunk's own check sum
    return bytes(data)


def frames(file_format: str, **options: object) -> bytes:
    other = Image.fromarray(255 - GREY)
    return saved(Image.fromarray(GREY), file_format, save_all=True, append_images=[other], **options)


def not_finite() -> bytes:
    values = GREY.astype(np.float32)
    values[3, 4] = np.nan
    return saved(Image.fromarray(values), "TIFF")


def bit_flip() -> bytes:
    """Turn a Huffman table's length into nonsense, as a flipped bit does."""
    data = bytearray(jpeg())
    data[data.index(b"\xff\xc4") + 6] ^= 0x80
    return bytes(data)


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "cut by 2 bytes": (lambda: jpeg()[:-2], "truncated"),
    "cut by a tenth": (lambda: jpeg()[: len(jpeg()) * 9 // 10], "truncated"),
    "cut by half": (lambda: jpeg()[: len(jpeg()) // 2], "truncated"),
    "cut PNG": (lambda: png()[: len(png()) // 2], "truncated"),
    "bit flip": (bit_flip, "broken"),
    "PNG check sum": (wrong_check_sum, "broken"),
    "no bytes": (lambda: b"", "empty_file"),
    "NULs": (lambda: bytes(4096), "not_an_image"),
    "header only": (lambda: jpeg()[:20], "not_an_image"),
    "HTML": (lambda: b"<!DOCTYPE html><html><body>404</body></html>", "not_an_image"),
    "SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not_an_image"),
    "EPS": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_an_image"),
    "wholly transparent": (lambda: saved(Image.new("RGBA", (64, 48)), "PNG"), "fully_transparent"),
    "GIF of two frames": (lambda: frames("GIF"), "multi_frame"),
    "APNG of two frames": (lambda: frames("PNG"), "multi_frame"),
    "TIFF of two frames": (lambda: frames("TIFF"), "multi_frame"),
    "more pixels than allowed": (lambda: png_header(30_000, 30_000), "too_large"),
    "forged header": (lambda: png_header(2_000_000, 2_000_000), "too_large"),
    "NaN": (not_finite, "not_finite"),
}


@pytest.mark.parametrize(("make", "reason"), BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.reliability(1)
@pytest.mark.reliability(2)
@pytest.mark.reliability(3)
@pytest.mark.reliability(4)
@pytest.mark.reliability(8)
@pytest.mark.reliability(12)
@pytest.mark.reliability(13)
@pytest.mark.reliability(15)
def test_faulty_bytes_are_refused_with_a_reason(make, reason):
    with pytest.raises(ImageFault) as caught:
        images.decode(make(), "train/fractured/a.jpg")
    assert caught.value.reason == reason
    assert "train/fractured/a.jpg" in str(caught.value)


@given(st.integers(1, 600))
@pytest.mark.reliability(1)
def test_no_jpeg_is_taken_when_its_end_is_missing(cut):
    with pytest.raises(ImageFault):
        images.decode(jpeg()[:-cut], "a.jpg")


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "GIF", "WEBP"])
@pytest.mark.reliability(5)
def test_bytes_decide_and_the_name_is_warned_of(file_format):
    options = {"lossless": True} if file_format == "WEBP" else {}
    radiograph = images.decode(saved(Image.fromarray(GREY), file_format, **options), "a.jpg")
    assert (radiograph.format, radiograph.codes) == (file_format, ("extension_mismatch",))
    np.testing.assert_array_equal(radiograph.pixels, GREY)


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a", "1.2.840.10008"])
def test_fitting_and_absent_extensions_are_no_mismatch(name):
    assert images.decode(jpeg(), name).codes == ()


@pytest.mark.parametrize(("data", "name"), [(jpeg(), "a.jpg"), (png(), "a.png")])
@pytest.mark.reliability(6)
def test_trailing_bytes_are_warned_of(data, name):
    assert images.decode(data + b"more", name).codes == ("trailing_bytes",)


def test_an_embedded_thumbnail_does_not_end_the_jpeg():
    exif = b"\xff\xe1" + struct.pack(">H", 2 + len(jpeg())) + jpeg()
    assert images.decode(jpeg()[:2] + exif + jpeg()[2:], "a.jpg").codes == ()


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA"])
@pytest.mark.reliability(7)
def test_every_mode_becomes_the_same_grey(mode):
    black_and_white = np.where(GREY > 120, 255, 0).astype(np.uint8)
    data = saved(Image.fromarray(black_and_white).convert(mode), "PNG")
    radiograph = images.decode(data, "a.png")
    np.testing.assert_array_equal(radiograph.pixels, black_and_white)
    assert radiograph.codes == ()


@pytest.mark.reliability(9)
def test_cmyk_becomes_grey():
    pixels = images.decode(saved(Image.fromarray(GREY).convert("CMYK"), "TIFF"), "a.tif").pixels
    assert np.abs(pixels.astype(int) - GREY).max() <= 1


def test_transparent_pixels_show_black():
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[:, :10] = 0
    data = saved(Image.merge("LA", (Image.fromarray(GREY), Image.fromarray(alpha))), "PNG")
    radiograph = images.decode(data, "a.png")
    assert radiograph.codes == ("transparency",)
    assert radiograph.pixels[:, :10].max() == 0
    np.testing.assert_array_equal(radiograph.pixels[:, 10:], GREY[:, 10:])


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.reliability(10)
def test_deep_pixels_are_windowed(bits):
    deep = np.linspace(0, 2**bits - 1, GREY.size).reshape(GREY.shape).astype(np.uint16)
    radiograph = images.decode(saved(Image.fromarray(deep), "PNG"), "a.png")
    assert radiograph.codes == ("windowed",)
    assert (radiograph.pixels.min(), radiograph.pixels.max()) == (0, 255)
    assert radiograph.pixels.mean() == pytest.approx(127.5, abs=1)


UPRIGHT = {
    2: CORNERS[:, ::-1],
    3: CORNERS[::-1, ::-1],
    4: CORNERS[::-1],
    5: CORNERS.T,
    6: np.rot90(CORNERS, -1),
    7: CORNERS[::-1, ::-1].T,
    8: np.rot90(CORNERS),
}


@pytest.mark.parametrize(("orientation", "expected"), UPRIGHT.items())
@pytest.mark.reliability(11)
def test_radiographs_stand_upright(orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    radiograph = images.decode(saved(Image.fromarray(CORNERS), "PNG", exif=exif), "a.png")
    assert radiograph.codes == ("exif_orientation",)
    np.testing.assert_array_equal(radiograph.pixels, expected)


def test_a_red_arrow_is_warned_of_and_a_tinted_film_is_not():
    drawn = np.stack([GREY] * 3, axis=2)
    drawn[10:14, 10:30] = (255, 0, 0)
    tinted = np.stack([GREY // 2, GREY // 2, GREY // 2 + 40], axis=2)
    assert images.decode(saved(Image.fromarray(drawn), "PNG"), "a.png").codes == ("colour_marks",)
    assert images.decode(saved(Image.fromarray(tinted), "PNG"), "a.png").codes == ()


@pytest.mark.reliability(13)
def test_the_header_is_enough_to_refuse_more_pixels_than_allowed():
    with pytest.raises(ImageFault, match="64 x 48"):
        images.decode(png(), "a.png", max_pixels=64 * 48 - 1)


def test_a_missing_and_an_unreadable_file_are_faults(tmp_path):
    for path, reason in ((tmp_path / "gone.jpg", "vanished"), (tmp_path, "unreadable")):
        with pytest.raises(ImageFault) as caught:
            images.read(path)
        assert caught.value.reason == reason


def test_png_keeps_every_pixel_and_jpeg_comes_near(tmp_path):
    images.write(tmp_path / "a.png", GREY)
    images.write(tmp_path / "a.jpg", GREY)
    np.testing.assert_array_equal(images.read(tmp_path / "a.png").pixels, GREY)
    assert np.abs(images.read(tmp_path / "a.jpg").pixels.astype(int) - GREY).mean() < 12


def test_rgb_is_written_red_first():
    red = np.zeros((40, 40, 3), np.uint8)
    red[..., 0] = 255
    assert Image.open(io.BytesIO(images.encode_png(red))).getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize("pixels", [np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)])
def test_only_grey_and_rgb_bytes_are_encoded(pixels):
    with pytest.raises(ValueError, match="Received"):
        images.encode_png(pixels)


def test_other_suffixes_are_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"\.png or \.jpg"):
        images.write(tmp_path / "a.bmp", GREY)
