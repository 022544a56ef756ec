"""Phantoms that the tests of copies share, drawn once."""

from __future__ import annotations

from collections.abc import Iterator

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.phantoms.drawing import draw

HANDS = (6, 24, 20)  # what is drawn by these numbers


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Where cores are shared, faiss's threads wait for one another far longer than they work."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before)


@pytest.fixture(scope="session")
def hands() -> list[NDArray[np.uint8]]:
    """Three hands of 480 to 720 pixels, of which none is a copy of another."""
    drawn = [draw(21, "train", number, fractured=False, side_px=(480, 720)) for number in HANDS]
    return [phantom.pixels for phantom in drawn if phantom.body_part == "hand"]


@pytest.fixture(scope="session")
def hand(hands: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """One with margins, wrist, metacarpals and thumb."""
    return hands[0]
