"""Copies whose aspect changed: forced into a square or another frame, and then turned."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.files import images
from pipeline.validate.copies import alignment
from tests import alterations
from tests.imports import REPOSITORY
from tests.validate.copies import cached

UInt8Array = cached.UInt8Array

ASPECTS = (1.5, 1.9, 2.3, 2.5)
SQUARE, UPRIGHT = (224, 224), (240, 320)  # width and height in pixels
ODD = REPOSITORY.parent / "shared/data/odd/squashed"

one_group = pytest.mark.reliability("a copy forced into a square and turned", "one group with its original")


def cut(pixels: UInt8Array, aspect: float) -> UInt8Array:
    """Cut the middle of a radiograph to an upright one of this aspect."""
    n_rows = min(pixels.shape[0], round(pixels.shape[1] * aspect))
    n_columns = min(pixels.shape[1], round(pixels.shape[0] / aspect))
    row, column = (pixels.shape[0] - n_rows) // 2, (pixels.shape[1] - n_columns) // 2
    return np.ascontiguousarray(pixels[row : row + n_rows, column : column + n_columns])


def squashed(
    pixels: UInt8Array, degrees: float, *, size: tuple[int, int] = SQUARE, mirrored: bool = False
) -> UInt8Array:
    """Force a radiograph into a frame, mirror and turn it, and make it darker and JPEG again."""
    forced = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    turned = alterations.turned(np.flip(forced, 1).copy() if mirrored else forced, degrees)
    darker = cv2.convertScaleAbs(turned, alpha=0.9, beta=5)
    return images.decode(images.encode_jpeg(darker, 80), "copy", darker.size).pixels


@one_group
@pytest.mark.parametrize("aspect", ASPECTS)
def test_a_squashed_and_turned_hand_is_found_among_others(hands: list[UInt8Array], aspect: float) -> None:
    originals = [cut(hand, aspect) for hand in hands]
    others = [squashed(hand, 10) for hand in hands[1:]]
    copies = [squashed(originals[0], 40), squashed(originals[0], -25, mirrored=True)]
    numbers = cached.copies([*originals, *others, *copies]).numbers
    assert set(numbers[-2:]) == {numbers[0]}
    assert list(numbers).count(numbers[0]) == 3


@one_group
def test_squashed_and_turned_copies_of_real_radiographs_are_found(fracatlas: Path) -> None:
    """Six of each aspect, one copy each, among a hundred radiographs of the same hospitals, half squashed."""
    files = sorted(fracatlas.glob("*/*/*.jpg"))
    rows = np.random.default_rng(3).permutation(len(files))[:124].tolist()
    pixels = [images.read(files[row]).pixels for row in rows]
    originals = [cut(each, ASPECTS[number % 4]) for number, each in enumerate(pixels[:24])]
    copies = [squashed(each, 40 - 3.5 * number) for number, each in enumerate(originals)]
    others = [squashed(each, 0) if number % 2 else each for number, each in enumerate(pixels[24:])]
    numbers = cached.copies([*originals, *copies, *others]).numbers.tolist()
    recall_of = [*range(24), *range(24), *range(24, 124)]
    precision, recall = alterations.precision_and_recall(recall_of, numbers)
    assert recall >= 0.95
    assert precision == 1


@pytest.mark.reliability("a copy forced into 240 x 320 and turned", "one group with its original")
def test_a_copy_forced_into_a_frame_that_is_no_square_is_found(hand: UInt8Array) -> None:
    original = cut(hand, 2.3)
    for degrees in (-30, 20, 40):
        assert len(set(cached.copies([original, squashed(original, degrees, size=UPRIGHT)]).numbers)) == 1


@pytest.mark.parametrize("degrees", [15, -40])
def test_the_table_says_how_the_whole_radiograph_lies_on_its_squashed_copy(
    hand: UInt8Array, degrees: float
) -> None:
    """Whichever of the two is named first."""
    original = cut(hand, 2.1)
    copy = squashed(original, degrees)
    for first, second in ((original, copy), (copy, original)):
        [row] = cached.copies([first, second]).table.itertuples()
        laid = alignment.warped(second, row.transform, first.shape)
        seen = alignment.warped(np.full_like(second, 255), row.transform, first.shape) == 255
        assert np.corrcoef(first[seen], laid[seen])[0, 1] > 0.97


@one_group
def test_each_odd_copy_is_in_the_group_of_its_original() -> None:
    if not ODD.is_dir():
        pytest.skip(f"{ODD} is not here")
    with (ODD / "key.csv").open(newline="") as file:
        key = list(csv.DictReader(file))
    files = [ODD / row[name] for name in ("copy", "original") for row in key]
    numbers = cached.copies([images.read(file).pixels for file in files]).numbers
    assert numbers[: len(key)].tolist() == numbers[len(key) :].tolist()
    assert len(set(numbers.tolist())) == len(key)
