import numpy as np
import pytest

from pipeline.files import images
from pipeline.files.faults import Issue
from pipeline.files.limits import Limits
from pipeline.files.printable import printable
from pipeline.validate import intake
from tests.reliability import made

NOISE = np.random.default_rng(1).integers(0, 255, (64, 48)).astype(np.uint8)


def test_a_file_is_listed_once_however_it_is_named(tmp_path):
    images.write(tmp_path / "a.png", NOISE)
    paths = [tmp_path / "a.png", tmp_path, tmp_path / "b" / ".." / "a.png"]
    assert intake.listing(paths).files == [tmp_path / "a.png"]


def test_a_named_file_is_taken_whatever_its_suffix(tmp_path):
    (tmp_path / "a.csv").write_text("")
    named = [tmp_path / "a.csv", tmp_path / "gone"]
    assert intake.listing(named).files == named
    assert intake.listing([tmp_path]).files == []


def test_files_without_a_suffix_are_tried(tmp_path):
    for name in ("IM0001", "1.2.840.1", ".DS_Store", "notes.txt"):
        (tmp_path / name).write_text("")
    assert [path.name for path in intake.listing([tmp_path]).files] == ["1.2.840.1", "IM0001"]


@pytest.mark.parametrize(
    ("pixels", "max_pixels", "reason"),
    [
        (NOISE, 100, "too_large"),
        (NOISE[:20], 10_000, "too_small"),
        (np.full_like(NOISE, 7), 10_000, "blank"),
    ],
)
def test_a_limit_that_is_not_met_is_a_fault(tmp_path, pixels, max_pixels, reason):
    images.write(tmp_path / "a.png", pixels)
    assert intake.read(intake.Item(tmp_path / "a.png", Limits(max_pixels, 32, 1.0))).reason == reason


def test_sound_pixels_come_back(tmp_path):
    images.write(tmp_path / "a.png", NOISE)
    assert (
        intake.read(intake.Item(tmp_path / "a.png", Limits(10_000, 32, 1.0))).radiograph.pixels == NOISE
    ).all()


def test_bytes_that_are_no_utf8_are_written_out():
    assert printable("a\udcff.png") == r"a\xff.png"


def test_what_is_no_radiograph_is_a_fault(tmp_path):
    page = np.full((300, 300), 255, np.uint8)
    page[40:260:12, 30:270] = np.random.default_rng(0).integers(0, 2, 240) * 255
    images.write(tmp_path / "page.png", page)
    fault = intake.read(intake.Item(tmp_path / "page.png", Limits(10**6, 32, 0.99)))
    assert fault.reason == "drawing"
    assert str(fault).startswith(f"{tmp_path / 'page.png'}: more like a screenshot")
    assert intake.read(
        intake.Item(tmp_path / "page.png", Limits(10**6, 32, 1.0))
    ).radiograph.pixels.shape == (300, 300)


SHADES = made.radiograph(0)[:160, :120]


@pytest.mark.reliability("a picture half of which is one grey", "refused as half_grey, from whichever edge")
@pytest.mark.parametrize("turns", range(4))
def test_a_picture_half_of_which_is_one_grey_is_refused(turns):
    half, little = SHADES.copy(), SHADES.copy()
    half[80:], little[130:] = 128, 128
    sent = [images.encode_png(np.rot90(pixels, turns).copy()) for pixels in (half, little, SHADES)]
    with pytest.raises(images.ImageFault, match="50% of it is one even grey") as caught:
        intake.examine(sent[0], "a.png", Limits())
    assert caught.value.reason == "half_grey"
    for data in sent[1:]:
        assert intake.examine(data, "a.png", Limits(not_radiograph=1.0)).refused is None


SLOPE = np.tile(np.linspace(0, 255, 400), (300, 1))


@pytest.mark.reliability("a gradient, weak noise, or both", "refused as blank")
@pytest.mark.parametrize("spread", [0, 4])
@pytest.mark.parametrize("pixels", [SLOPE, SLOPE.T, SLOPE + SLOPE[::-1] / 3, np.full((300, 400), 128)])
def test_a_picture_without_structure_is_refused(pixels, spread):
    noise = np.random.default_rng(0).normal(0, spread, pixels.shape)
    data = images.encode_png(np.clip(pixels + noise, 0, 255).astype(np.uint8))
    with pytest.raises(images.ImageFault, match="to be seen") as caught:
        intake.examine(data, "a.png", Limits(not_radiograph=1.0))
    assert caught.value.reason == "blank"


@pytest.mark.reliability("a file at which anything else fails", "a fault of that file alone")
def test_whatever_a_file_brings_about_is_a_fault_of_that_file(tmp_path, monkeypatch):
    images.write(tmp_path / "a.png", SHADES)

    def fail(*_):
        raise ZeroDivisionError("a window of width 0")

    monkeypatch.setattr(images, "decode", fail)
    fault = intake.read(intake.Item(tmp_path / "a.png", Limits()))
    assert (fault.reason, "ZeroDivisionError: a window of width 0" in str(fault)) == ("broken", True)


def test_warnings_stand_before_what_is_for_information():
    radiograph = [Issue.of("a", "windowed", "16 bits"), Issue.of("a", "faint", "hardly any contrast")]
    assert [note["code"] for note in intake.notes(radiograph)] == ["faint", "windowed"]


def test_radiographs_are_gathered_by_number_and_by_pixels():
    small, large = (
        intake.Admitted(images.Radiograph(np.zeros(shape, np.uint8), "PNG", "L", ()), ())
        for shape in ((10, 10), (4000, 4000))
    )
    assert [len(batch) for batch in intake.batches([small] * 20)] == [16, 4]
    assert [len(batch) for batch in intake.batches([small, large, large, small])] == [2, 2]


@pytest.mark.reliability(
    "a picture of 32 x 40,000 pixels", "refused as too_large; OpenCV warps nothing so long"
)
def test_a_side_longer_than_opencv_warps_is_refused():
    sliver = images.encode_png(np.random.default_rng(0).integers(0, 256, (32, 40_000)).astype(np.uint8))
    with pytest.raises(images.ImageFault, match="a side may have 32000 pixels") as caught:
        intake.examine(sliver, "a.png", Limits())
    assert caught.value.reason == "too_large"
