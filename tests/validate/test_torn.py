from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.files import images
from pipeline.types import UInt8Array
from pipeline.validate import torn
from tests.reliability.made import radiograph


def shifted(pixels: UInt8Array, row: int, column: int, levels: int, side: int = 8) -> UInt8Array:
    """Add to all blocks from one on, in reading order."""
    rows, columns = np.indices(pixels.shape) // side
    behind = (rows > row) | ((rows == row) & (columns >= column))
    return np.clip(pixels.astype(int) + levels * behind, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("side", [8, 16])
@pytest.mark.parametrize("levels", [-30, 12])
@pytest.mark.reliability("a jump of grey from one block of a JPEG on", "used, with a warning that says where")
def test_a_jump_from_one_block_on_is_found(side: int, levels: int) -> None:
    tear = torn.find(shifted(radiograph(1), 5, 6, levels, side))
    assert tear is not None
    assert (tear.row, tear.column) == (5 * side, 6 * side)
    assert tear.levels == pytest.approx(levels, abs=4)


@pytest.mark.parametrize("seed", range(5))
def test_sound_radiographs_are_not_torn(seed: int) -> None:
    assert torn.find(radiograph(seed)) is None


def test_the_edge_of_a_collimator_along_whole_rows_is_no_tear() -> None:
    assert torn.find(shifted(radiograph(2), 6, 0, -25)) is None


def test_a_picture_of_a_few_blocks_is_not_looked_at() -> None:
    assert torn.find(shifted(radiograph(3), 2, 3, 30)[:40, :40]) is None


def test_two_radiographs_that_were_saved_anew_after_damage_are_found(fracatlas: Path) -> None:
    for name in ("IMG0004187.jpg", "IMG0004113.jpg"):
        (path,) = fracatlas.rglob(name)
        assert torn.find(images.decode(path.read_bytes(), name).pixels) is not None
