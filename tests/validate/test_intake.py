import numpy as np
import pytest

from pipeline.files import images
from pipeline.validate import intake
from pipeline.validate.content import Limits

NOISE = np.random.default_rng(1).integers(0, 255, (64, 48)).astype(np.uint8)


def test_a_file_is_listed_once_however_it_is_named(tmp_path):
    images.write(tmp_path / "a.png", NOISE)
    paths = [tmp_path / "a.png", tmp_path, tmp_path / "b" / ".." / "a.png"]
    assert intake.find(paths) == [tmp_path / "a.png"]


def test_a_named_file_is_taken_whatever_its_suffix(tmp_path):
    (tmp_path / "a.csv").write_text("")
    assert intake.find([tmp_path / "a.csv", tmp_path / "gone"]) == [tmp_path / "a.csv", tmp_path / "gone"]
    assert intake.find([tmp_path]) == []


def test_files_without_a_suffix_are_tried(tmp_path):
    for name in ("IM0001", "1.2.840.1", ".DS_Store", "notes.txt"):
        (tmp_path / name).write_text("")
    assert [path.name for path in intake.find([tmp_path])] == ["1.2.840.1", "IM0001"]


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
    assert intake.printable("a\udcff.png") == r"a\xff.png"


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
