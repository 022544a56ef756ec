"""What `validate` must find of whatever people do to radiographs, and must not take for it: both by pairs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.files import images
from pipeline.phantoms.drawing import draw
from tests.alterations import Altered, family, precision_and_recall, turned
from tests.validate.copies import cached

N_PHANTOMS = 55  # of which 16 are hands


def found_among(altered: list[Altered]) -> tuple[float, float]:
    """Precision and recall of the pairs that are put into one group."""
    numbers = cached.copies([each.pixels for each in altered]).numbers
    return precision_and_recall([each.source for each in altered], numbers.tolist())


@pytest.mark.reliability(23)
def test_altered_copies_of_phantoms_are_found() -> None:
    """Copies are of hands, all others are distractors.

    A bare shaft lies well on any other bare shaft, and nothing tells them apart at this size.
    """
    altered = []
    for number in range(N_PHANTOMS):
        phantom = draw(21, "train", number, fractured=number % 2 == 0, side_px=(480, 720))
        altered += family(phantom.pixels, number, n_copies=6 if phantom.body_part == "hand" else 0)
    precision, recall = found_among(altered)
    assert recall >= 0.98
    assert precision >= 0.99


@pytest.mark.reliability(23)
def test_altered_copies_of_real_radiographs_are_found(fracatlas: Path) -> None:
    """Four copies of each of 30, among 200 more of the same hospitals."""
    files = sorted(fracatlas.glob("*/*/*.jpg"))
    chosen = np.random.default_rng(0).permutation(len(files))[:230].tolist()
    altered = []
    for number, row in enumerate(chosen):
        altered += family(images.read(files[row]).pixels, number, n_copies=4 if number < 30 else 0)
    precision, recall = found_among(altered)
    assert recall >= 0.98
    assert precision >= 0.99


@pytest.mark.parametrize("name", ["IMG0000381.jpg", "IMG0000426.jpg"])
@pytest.mark.reliability(23)
def test_an_elbow_and_a_knee_turned_again_and_again_are_one_group(fracatlas: Path, name: str) -> None:
    """The users' kind of copies: small squares, black corners, and hardly a corner of bone to be seen."""
    rng, (file,) = np.random.default_rng(0), fracatlas.glob(f"*/*/{name}")
    pixels = cv2.resize(images.read(file).pixels, (224, 224), interpolation=cv2.INTER_AREA)
    altered = []
    for _ in range(4):
        copy = pixels
        for _ in range(3):
            copy = turned(copy, rng.choice([-1, 1]) * rng.uniform(8, 15))
            jpeg = images.decode(images.encode_jpeg(copy, 88), "copy", copy.size).pixels
            altered.append(Altered(jpeg, 0, ()))
    assert found_among(altered) == (1, 1)
