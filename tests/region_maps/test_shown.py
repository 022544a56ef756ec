from __future__ import annotations

import numpy as np
import pytest

from pipeline.dataset.annotations import Annotations
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.regions import Region
from pipeline.region_maps import shown
from tests.region_maps.cells import CELLS, KNOWN, NOTHING, drawn

SETTINGS = RegionSettings(0.5, 0.0, 5)


def figures(cells: list[tuple[int, int]], known: Annotations, **asked: float) -> dict[str, float]:
    maps = drawn(cells)
    selected = shown.select(
        maps, [SETTINGS.candidates(each) for each in maps], RegionSettings(0.5, 0.0, 5, **asked)
    )
    return shown.score(maps, selected, known, n_samples=20, seed=0)


def test_a_cleared_radiograph_shows_nothing() -> None:
    maps = drawn(CELLS)
    selected: list[list[Region]] = shown.select(maps, [SETTINGS.candidates(each) for each in maps], SETTINGS)
    assert [len(own) for own in selected] == [1, 1, 1, 0]


def test_what_is_shown_is_counted_and_held_against_fractures() -> None:
    found = figures([CELLS[0], (7, 7), *CELLS[2:]], KNOWN)
    assert (found["shown_regions_fractured"], found["shown_regions_unfractured"]) == (1, 0.5)
    assert found["shown_overlapping"] == pytest.approx(1 / 3)
    assert found["shown_on_fracture"] == 0.5
    assert found["no_region_stands_out"] == 0
    assert found["shown_on_fracture_low"] <= 0.5 <= found["shown_on_fracture_high"]


def test_where_no_region_stands_out_the_share_is_one() -> None:
    found = figures(CELLS, KNOWN, min_score=1.0)
    assert (found["no_region_stands_out"], found["shown_regions_fractured"]) == (1, 0)
    assert (found["shown_on_fracture"], np.isnan(found["shown_overlapping"])) == (0, True)


def test_without_annotations_regions_are_counted_alone() -> None:
    found = figures(CELLS, NOTHING)
    assert found["shown_regions_fractured"] == 1
    assert "shown_on_fracture" not in found
