"""Every picture of the collected odd inputs gets what its README wants, by every way in alike."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from pipeline.dataset import manifest
from pipeline.files.limits import Limits
from pipeline.types import UInt8Array
from pipeline.validate.intake import Item, read
from tests.conftest import SHARED
from tests.reliability import injection
from tests.reliability.injection import WAYS, Answer, Tried

ODD = SHARED / "odd"
TABLES = ("labels-csv", "coco")  # these are tried in tests/stages/test_validate_metadata.py
LIMITS = Limits(max_pixels=10**8, min_side_px=32, not_radiograph=1.0)
ANSWERED, TOLD, REFUSED, USED = "read as a viewer does, or refused", "refused, or a note", "refused", "read"


class Odd(NamedTuple):
    """A file, what is odd about it, and what its README wants; of a refused one also why."""

    name: str
    tried: str
    wants: str
    reason: str = ""


def dicom(name: str, tried: str, wants: str = ANSWERED, reason: str = "") -> Odd:
    return Odd(f"dicom-{name}.dcm", f"DICOM: {tried}", wants, reason)


FILES = [
    dicom("aborts-run/00_plain", "nothing odd", USED),
    dicom("aborts-run/01_comma_decimal_window", "a decimal comma in the window", TOLD),
    dicom("aborts-run/01_width0", "a window of width 0", TOLD),
    dicom("aborts-run/06_modality_lut_item_empty", "an empty modality LUT", TOLD),
    dicom("aborts-run/08_badfunction", "an unknown VOI function", TOLD),
    dicom("aborts-run/08_negative_width", "a window of negative width", TOLD),
    dicom("aborts-run/10_frames_abc", "letters as number of frames", TOLD),
    dicom("aborts-run/17_palette_window", "a palette with a window"),
    dicom("aborts-run/20_ybr_rct_j2k", "reversible colour transform in JPEG 2000"),
    dicom("aborts-run/35_rescale_empty", "an empty rescale slope"),
    dicom("headers/dcm_frames_garbage", "garbage as number of frames", TOLD),
    dicom("headers/dcm_lut_bits99", "a LUT of 99 bits", TOLD),
    dicom("headers/dcm_mlut_missing", "a modality LUT without its data", TOLD),
    dicom("headers/dcm_rows_multi", "two values as number of rows", TOLD),
    dicom("headers/dcm_slope_garbage", "letters as rescale slope", TOLD),
    dicom("headers/dcm_ww_garbage", "letters as window width", TOLD),
    dicom("headers/j2k_lies_20000", "JPEG 2000 of 20,000 x 20,000 that says 200", REFUSED, "too_large"),
    dicom("padding/00_plain", "nothing odd", USED),
    dicom("padding/12_padding65535", "a padding value in a strip", USED),
    dicom("rgb16-noise/00_plain", "nothing odd", USED),
    dicom("rgb16-noise/rgb16", "16 bits a channel", USED),
    dicom("without-preamble/24_nopreamble", "no preamble", USED),
    dicom("ybr-converted-twice/00_plain", "nothing odd", USED),
    dicom("ybr-converted-twice/19_ybr422_jpeg", "YBR_FULL_422 in JPEG", USED),
    Odd("dicom-padding/29_png16_pad.png", "16-bit PNG with a white strip", USED),
    Odd("png-tiff-16bit/09_rgb16_12bit.png", "RGB PNG of 16 bits with 12-bit values", USED),
    Odd("png-tiff-16bit/12_min_is_white8.tif", "TIFF MinIsWhite of 8 bits", USED),
    Odd("png-tiff-16bit/13_min_is_white16.tif", "TIFF MinIsWhite of 16 bits", USED),
    Odd("pictures/photo.png", "a photograph", REFUSED),
    Odd("pictures/tiny.png", "a picture of 16 x 16", REFUSED, "too_small"),
    Odd("hidden-folders/fractured/a.jpg", "a radiograph beside hidden folders", USED),
    *(
        Odd(f"jpeg-flips/flip{name}.jpg", "bits flipped in a JPEG's scan, and libjpeg complains", TOLD)
        for name in ("1_IMG0001018", "1_IMG0003992", "8_IMG0000133", "8_IMG0000498",
                     "8_IMG0000856", "8_IMG0000909", "8_IMG0001166", "8_IMG0001226", "8_IMG0001233")
    ),
    *(
        Odd(f"jpeg-flips/flip{name}.jpg", "bits flipped in a JPEG's scan, and nobody can know", ANSWERED)
        for name in ("1_IMG0001172", "1_IMG0003611", "8_IMG0000859")
    ),
    *(
        Odd(f"fuzz/fuzz_{name}", "a mutant that raised another error than the decoder's own", REFUSED)
        for name in ("1688dfa7_f32.tif", "2c2d576e_r28_jpegbase.dcm", "e598949b_a.gif", "f4c9d89e_rle.dcm")
    ),
]  # fmt: skip
HIDDEN = ("fractured/.ipynb_checkpoints/a-checkpoint.jpg", "fractured/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg")
SAME = [  # one radiograph each: from which column on two files show it alike
    ("dicom-ybr-converted-twice/19_ybr422_jpeg.dcm", "dicom-ybr-converted-twice/00_plain.dcm", 0),
    ("dicom-padding/12_padding65535.dcm", "dicom-padding/00_plain.dcm", 40),
    ("dicom-padding/29_png16_pad.png", "png-tiff-16bit/12_min_is_white8.tif", 10),
    ("dicom-rgb16-noise/rgb16.dcm", "dicom-rgb16-noise/00_plain.dcm", 0),
    ("png-tiff-16bit/09_rgb16_12bit.png", "png-tiff-16bit/12_min_is_white8.tif", 0),
    ("png-tiff-16bit/13_min_is_white16.tif", "png-tiff-16bit/12_min_is_white8.tif", 0),
]
BY_NAME = {odd.name: odd for odd in FILES}


@pytest.fixture(scope="module", autouse=True)
def _odd() -> None:
    if not ODD.is_dir():
        pytest.skip("the collected odd inputs are not here")


@pytest.fixture(scope="module")
def tried(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """All odd pictures in one folder, among sound ones."""
    paths = (path for path in pictures() if not path.startswith("radiographs/"))
    files = {f"odd/{path}": (ODD / path).read_bytes() for path in paths}
    return injection.try_all(tmp_path_factory.mktemp("odd"), models, files)


def pictures() -> list[str]:
    found = (path.relative_to(ODD) for path in ODD.rglob("*") if path.is_file())
    return [
        path.as_posix()
        for path in found
        if path.parts[0] not in TABLES and path.suffix not in (".md", ".csv")
    ]


def answer(tried: Tried, way: str, name: str) -> Answer:
    return tried.answers[way][f"train/fractured/odd/{name}"]


def test_every_odd_input_has_a_verdict() -> None:
    known = {*BY_NAME, *(f"hidden-folders/{name}" for name in HIDDEN)}
    others = [path for path in pictures() if not path.startswith(("radiographs/", "squashed/"))]
    assert sorted(others) == sorted(known)


@pytest.mark.parametrize(
    "odd",
    [pytest.param(odd, marks=pytest.mark.reliability(odd.tried, odd.wants), id=odd.name) for odd in FILES],
)
@pytest.mark.parametrize("way", WAYS)
def test_each_odd_input_gets_what_its_readme_wants(tried: Tried, odd: Odd, way: str) -> None:
    reason, notes = answer(tried, way, odd.name)
    is_right = {
        USED: not reason,
        REFUSED: reason and reason == (odd.reason or reason),
        TOLD: reason or notes - {"windowed"},
        ANSWERED: True,
    }
    assert is_right[odd.wants], (reason, notes)


@pytest.mark.reliability(
    "one odd file, asked by `validate`, `predict` and the served model", "the same verdict"
)
@pytest.mark.parametrize("name", BY_NAME)
def test_every_way_in_says_the_same(tried: Tried, name: str) -> None:
    first, *others = (answer(tried, way, name) for way in WAYS)
    assert [other.reason for other in others] == [first.reason] * 2
    if not first.reason:
        named = {"extension_mismatch", "thresholds_not_fitted_here"}  # what is sent has no name; of the model
        assert [other.notes - named for other in others] == [first.notes - named] * 2


@pytest.mark.reliability("odd files among sound ones", "each sound one has its result; no file is changed")
def test_sound_files_have_their_results_and_none_is_changed(tried: Tried) -> None:
    assert {tried.answers[way][name].reason for way in WAYS for name in tried.good} == {""}
    assert {way: done.code for way, done in tried.done.items()} == {"validate": 0, "predict": 1}
    assert tried.after == tried.before


def pixels(name: str) -> UInt8Array:
    return read(Item(ODD / name, LIMITS)).radiograph.pixels


@pytest.mark.parametrize(
    ("name", "reference", "column"),
    [pytest.param(*same, marks=pytest.mark.reliability(BY_NAME[same[0]].tried, USED)) for same in SAME],
)
def test_odd_encodings_of_one_radiograph_show_it_alike(name: str, reference: str, column: int) -> None:
    shown, expected = pixels(name), pixels(reference)
    expected = cv2.resize(expected, shown.shape[::-1], interpolation=cv2.INTER_AREA)
    one, other = shown[:, column:], expected[:, column:]
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.999
    assert np.unique(one).size > 200


@pytest.mark.reliability("a notebook's checkpoints, a NAS's thumbnails", "passed over, with a note")
@pytest.mark.parametrize("name", HIDDEN)
def test_what_programs_leave_in_folders_is_no_data(tried: Tried, name: str) -> None:
    for way in ("validate", "predict"):
        assert f"train/fractured/odd/hidden-folders/{name}" not in tried.answers[way]
    folder = re.search(r"[.@]\w+", name)[0]
    assert folder in tried.done["validate"].log + tried.issues


@pytest.mark.reliability(
    "copies forced into a square and turned, aspects to 2.5", "one group with the original"
)
def test_squashed_copies_join_their_originals(tried: Tried) -> None:
    files = manifest.read(tried.manifest).set_index("path")["group"]
    with (ODD / "squashed/key.csv").open(encoding="utf-8") as key:
        pairs = [(row["copy"], row["original"]) for row in csv.DictReader(key)]
    base = "train/fractured/odd/squashed"
    apart = [copy for copy, original in pairs if files[f"{base}/{copy}"] != files[f"{base}/{original}"]]
    assert apart == []
