"""JPEG: sound files to the same pixels as Pillow's, damaged ones never in silence."""

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from pipeline.files import images
from pipeline.files.images import ImageFault
from tests.conftest import SHARED
from tests.files.test_images import GREY, jpeg, saved

FLIPS = SHARED / "odd/jpeg-flips"
NOISE = np.random.default_rng(1).integers(0, 255, (75, 91, 3)).astype(np.uint8)


def encoded(subsampling: str, **options: object) -> bytes:
    return saved(Image.fromarray(NOISE), "JPEG", quality=80, subsampling=subsampling, **options)


SOUND = {
    "grey": jpeg(),
    "grey, progressive": saved(Image.fromarray(GREY), "JPEG", progressive=True),
    "4:4:4": encoded("4:4:4"),
    "4:2:2": encoded("4:2:2"),
    "4:2:0": encoded("4:2:0"),
    "4:2:0, progressive": encoded("4:2:0", progressive=True),
    "restart intervals": encoded("4:2:0", restart_marker_blocks=3),
    "RGB": imagecodecs.jpeg8_encode(NOISE, outcolorspace="rgb"),
    "RGB by Adobe's marker": saved(Image.fromarray(NOISE), "JPEG", keep_rgb=True),
    "CMYK": saved(Image.fromarray(NOISE).convert("CMYK"), "JPEG"),
}


@pytest.mark.parametrize("data", SOUND.values(), ids=SOUND)
def test_a_sound_jpeg_has_the_pixels_that_pillow_gives(data):
    radiograph = images.decode(data, "a.jpg")
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB").convert("L") if image.mode != "L" else image)
    np.testing.assert_array_equal(radiograph.pixels, expected)
    assert set(radiograph.codes) <= {"colour", "colour_marks"}


def test_radiographs_have_the_pixels_that_pillow_gives(fracatlas):
    for path in sorted(fracatlas.glob("*/*/*.jpg"))[::25]:
        with Image.open(path) as image:
            expected = np.asarray(image.convert("L"))
        np.testing.assert_array_equal(images.read(path).pixels, expected)


@pytest.mark.reliability("JPEG with flipped bits, of which the library warns", "a fault of that file")
def test_what_the_library_says_of_damage_is_a_fault():
    if not FLIPS.is_dir():
        pytest.skip(f"{FLIPS} is not here")
    faults = {}
    for path in sorted(FLIPS.iterdir()):
        try:
            images.read(path)
        except ImageFault as fault:
            faults[path.name] = fault
    assert len(faults) == 9  # of twelve; of the other three the library says nothing
    assert all(fault.reason == "broken" and "Corrupt JPEG data" in str(fault) for fault in faults.values())


@pytest.mark.reliability("JPEG with filler before its end or between its segments", "read, with a note")
@pytest.mark.parametrize(
    "data",
    [jpeg()[:-2] + bytes(5) + jpeg()[-2:], jpeg()[:20] + b"\x00\x00\x00" + jpeg()[20:]],
    ids=["before the end", "between segments"],
)
def test_filler_is_no_damage(data):
    radiograph = images.decode(data, "a.jpg")
    np.testing.assert_array_equal(radiograph.pixels, images.decode(jpeg(), "a.jpg").pixels)
    assert radiograph.codes == ("decoder_warning",)
    assert "extraneous bytes" in radiograph.notes[0].detail


@pytest.mark.reliability("progressive JPEG that ends between two scans", "read, with a warning")
@pytest.mark.parametrize("kind", ["grey, progressive", "4:2:0, progressive"])
def test_missing_scans_are_warned_of(kind):
    parts = SOUND[kind].split(b"\xff\xda")
    assert len(parts) > 5
    for n_scans in range(1, len(parts) - 1):
        data = b"\xff\xda".join(parts[: 1 + n_scans]) + b"\xff\xd9"
        assert "decoder_warning" in images.decode(data, "a.jpg").codes


def inserted(offset: int) -> bytes:
    """A byte more in the table of codes, as a transfer in text mode adds them."""
    place = jpeg().index(b"\xff\xc4") + offset
    return jpeg()[:place] + b"\r" + jpeg()[place:]


@pytest.mark.reliability(
    "JPEG with a byte more in its tables, as after a transfer in text mode", "refused: broken"
)
@pytest.mark.parametrize("offset", range(5, 30, 4))
def test_a_byte_more_in_the_tables_is_damage(offset):
    with pytest.raises(ImageFault) as caught:
        images.decode(inserted(offset), "a.jpg")
    assert caught.value.reason == "broken"


def test_a_jpeg_of_endless_scans_is_refused():
    data = SOUND["grey, progressive"]
    with pytest.raises(ImageFault, match="more than 500 scans"):
        images.decode(data[:-2] + b"\xff\xda\x00\x02" * 501 + data[-2:], "a.jpg")
