import cv2
import numpy as np
import pytest

from pipeline.files import resize


@pytest.mark.parametrize("exactly", [False, True])
def test_shrinking_keeps_the_aspect_and_never_enlarges(exactly: bool) -> None:
    assert resize.within(np.zeros((400, 200), np.uint8), 100, exactly=exactly).shape == (100, 50)
    small = np.zeros((40, 30), np.uint8)
    assert resize.within(small, 100, exactly=exactly) is small


@pytest.mark.parametrize("exactly", [False, True])
@pytest.mark.parametrize("shape", [(1, 5000), (5000, 2), (20_000, 32)])
def test_a_sliver_keeps_a_line(shape: tuple[int, int], exactly: bool) -> None:
    small = resize.within(np.full(shape, 77, np.uint8), 256, exactly=exactly)
    assert (max(small.shape), min(small.shape), small.min(), small.max()) == (256, 1, 77, 77)


def test_blocks_are_averaged_and_what_grows_is_linear() -> None:
    rows = np.float32([[0, 0], [4, 4]])
    assert resize.to_shape(rows, (1, 1.2)).tolist() == [[2]]
    assert resize.to_shape(rows, (4, 2))[:, 0].tolist() == [0, 1, 3, 4]
    assert resize.to_shape(rows, (4, 2), cv2.INTER_NEAREST)[:, 0].tolist() == [0, 0, 4, 4]
