from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
import pytest

from pipeline.dataset import region
from pipeline.dataset.annotations import Annotations
from pipeline.predict.maps import MapSet
from pipeline.predict.regions import Region, extract_regions
from pipeline.region_maps import assessment
from tests.region_maps.cells import CELLS, KNOWN, NOTHING, SIDE, box, drawn


def canvases(paths: Iterable[str]) -> Iterator[np.ndarray]:
    """The canvas is brightest where r0 is fractured."""
    canvas = np.zeros((64, 64), np.uint8)
    canvas[16:24, 24:32] = 200
    return (canvas for _ in paths)


def score(maps: MapSet, known: Annotations, regions: list[list[Region]]) -> tuple[dict, dict]:
    nothing = pd.DataFrame(index=maps.rows.index)
    return assessment.localize(maps, regions, known, canvases, nothing, n_samples=50, seed=0)


def localize(maps: MapSet, known: Annotations) -> dict:
    return score(maps, known, [[]] * len(maps))[0]


def cut(maps: MapSet) -> list[list[Region]]:
    return [extract_regions(region_map, 0.5) for region_map in maps]


def test_perfect_maps_win_the_pointing_game() -> None:
    figures = localize(drawn(CELLS), KNOWN)
    assert figures["annotated"] == 2
    assert figures["pointing_game"] == figures["pointing_game_low"] == 1
    assert figures["max_box_acc"]["iou_0.5"] == 1
    assert figures["pixel_average_precision"] > 0.9


def test_the_baselines_by_hand() -> None:
    figures = localize(drawn(CELLS), KNOWN)
    assert figures["pointing_game_random"] == pytest.approx(16 * 16 / SIDE**2)
    assert figures["pointing_game_center"] == 0  # no box holds the middle
    assert localize(drawn(CELLS), KNOWN)["pointing_game_brightest"] == 0.5
    central = Annotations({"r0": (region.Region((), (56, 56, 16, 16)),), "r1": (box((0, 0)),)}, KNOWN.sizes)
    assert localize(drawn(CELLS), central)["pointing_game_center"] == 0.5


def test_maps_that_point_elsewhere_lose_it() -> None:
    figures = localize(drawn([(7, 7)] * 4), KNOWN)
    assert figures["pointing_game"] == figures["pointing_game_high"] == 0
    assert figures["energy_in_box"] < 0.05


def test_without_annotations_nothing_is_scored() -> None:
    assert localize(drawn(CELLS), NOTHING) == {}


def test_marks_are_scored_where_annotations_tell() -> None:
    maps = drawn([CELLS[0], (7, 7), (0, 0), (0, 0)])
    figures, tables = score(maps, KNOWN, cut(maps))
    assert figures["froc_sensitivity_1"] == 0.5  # one of two hit; the others are false
    assert tables["froc"]["false_marks"].iloc[-1] == 0.75
    assert score(maps, NOTHING, cut(maps))[0] == {}
    half_known = Annotations({"r1": (box(CELLS[1]),)}, KNOWN.sizes)
    _, tables = score(maps, half_known, cut(maps))
    assert tables["froc"]["false_marks"].iloc[-1] == 1  # r0, whose fracture is not drawn, is left out


def test_region_scores_are_held_against_overlaps() -> None:
    regions = cut(drawn(CELLS))
    figures, _ = score(drawn(CELLS), KNOWN, regions)
    expected = abs(regions[0][0].score - 0.5)  # two of four overlap
    assert figures["region_ece"] == pytest.approx(expected, abs=0.01)


def test_subgroups_come_with_the_figures() -> None:
    attributes = pd.DataFrame({"body_part": ["hand"] * 4}, index=[4, 5, 6, 7])
    regions = cut(drawn(CELLS))
    _, tables = assessment.localize(drawn(CELLS), regions, KNOWN, canvases, attributes, n_samples=50, seed=0)
    assert tables["subgroups"]["radiographs"].iloc[0] == 2
