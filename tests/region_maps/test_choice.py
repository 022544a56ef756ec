from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.config import Config, RegionMaps
from pipeline.predict.maps import MapSet
from pipeline.region_maps import choice, cut_choice
from pipeline.stages import region_maps
from tests.region_maps.cells import CELLS, KNOWN, NOTHING, drawn


@pytest.fixture
def limits(params: Config) -> RegionMaps:
    return params.region_maps


def test_with_annotations_regions_fit_the_boxes(limits: RegionMaps) -> None:
    found = drawn(CELLS)
    settings = choice.choose(found, KNOWN, limits)
    (region,) = settings.visible_regions(found.in_radiograph(0))
    assert (region.row, region.column) == pytest.approx((32, 48), abs=4)
    assert (region.height_px, region.width_px) == pytest.approx((16, 16), abs=8)


def test_with_annotations_a_score_is_how_often_such_regions_overlap(limits: RegionMaps) -> None:
    found = drawn(CELLS)  # four regions of one strength, two of which lie on a fracture
    settings = choice.choose(found, KNOWN, limits)
    assert settings.candidates(found.in_radiograph(0))[0].score == pytest.approx(0.5, abs=0.05)


def test_without_annotations_sound_radiographs_set_the_threshold(limits: RegionMaps) -> None:
    found = drawn(CELLS, peak=1.0)
    settings = choice.choose(found, NOTHING, limits)
    highest = max(found.in_radiograph(i).max() for i in (2, 3))
    assert settings.map_threshold > highest  # a tenth of two radiographs is none
    assert (settings.peak_share, settings.min_area_share) == (0.1, limits.min_area_share)
    (region,) = settings.candidates(found.in_radiograph(0))
    assert region.score == pytest.approx(region.evidence)


@pytest.mark.parametrize("known", [KNOWN, NOTHING])
def test_one_false_mark_is_allowed_at_the_sensitive_threshold(limits: RegionMaps, known) -> None:
    found = drawn(CELLS)
    found.evidence[2:, 0, 0] = 2.0  # a second, weaker peak on each radiograph without a fracture
    settings = choice.choose(found, known, limits)
    assert [len(settings.visible_regions(found.in_radiograph(i))) for i in (2, 3)] == [1, 1]
    assert settings.sensitive_threshold <= settings.map_threshold


def test_fractures_that_are_not_drawn_choose_nothing(limits: RegionMaps) -> None:
    found = drawn([CELLS[0], (7, 7), *CELLS[2:]])
    partly = type(KNOWN)({"r0": KNOWN.regions["r0"]}, KNOWN.sizes)
    without = found.where(np.array([True, False, True, True]))
    assert choice.choose(found, partly, limits) == choice.choose(without, partly, limits)


def test_peaks_that_are_never_right_are_not_shown(limits: RegionMaps) -> None:
    few = drawn(CELLS)
    few.evidence[2:] = -6.0
    few.evidence[:, 7, 7] = -2.0  # a weak peak everywhere, never on a fracture
    rows = pd.concat([few.rows] * 8).assign(group=range(32))
    found = replace(few, rows=rows, evidence=np.tile(few.evidence, (8, 1, 1)), placements=few.placements * 8)
    settings = choice.choose(found, KNOWN, limits)
    assert settings.min_score == pytest.approx(0.1)  # of an F-measure of 1
    assert [len(settings.visible_regions(region_map)) for region_map in few] == [1, 1, 0, 0]
    shows_all = replace(settings, min_score=0.0)
    assert [len(shows_all.visible_regions(region_map)) for region_map in few] == [2, 2, 1, 1]


def test_without_annotations_only_what_covers_half_is_hidden(limits: RegionMaps) -> None:
    settings = choice.choose(drawn(CELLS), NOTHING, limits)
    assert (settings.min_score, settings.max_area_share) == (0.0, 0.5)


def with_boxes(found: MapSet, side_px: float) -> MapSet:
    """The same maps with a head that sees a square of so many pixels of the canvas around each cell."""
    return replace(found, boxes=np.full((*found.evidence.shape, 4), side_px / 2, np.float16))


def test_boxes_of_the_network_are_taken_where_they_agree_better(limits: RegionMaps) -> None:
    found = with_boxes(drawn(CELLS), 8)  # 16 in the radiograph, as the annotated ones
    settings = choice.choose(found, KNOWN, limits)
    (region,) = settings.visible_regions(found.in_radiograph(0), found.cells(0))
    assert settings.max_overlap == min(cut_choice.MAX_OVERLAPS)  # others are as precise
    assert settings.weigh_agreement
    assert region.box == (32, 48, 16, 16)
    assert settings.candidates(found.in_radiograph(0), found.cells(0))[0].score == pytest.approx(
        0.5, abs=0.05
    )


def test_of_the_ways_to_the_networks_boxes_the_most_precise_is_taken(limits: RegionMaps) -> None:
    found = with_boxes(drawn(CELLS), 8)
    for evidence, boxes, (row, column) in zip(found.evidence, found.boxes, CELLS, strict=True):
        evidence[row, column + 1], boxes[row, column + 1] = 3.0, 40  # 0.37 of the odds of the peak beside it
    assert choice.choose(found, KNOWN, limits).peak_share == 0.5


def test_regions_are_cut_where_the_networks_boxes_agree_worse(limits: RegionMaps) -> None:
    found = drawn(CELLS)
    assert choice.choose(with_boxes(found, 60), KNOWN, limits) == choice.choose(found, KNOWN, limits)


def test_without_annotations_the_networks_boxes_are_not_taken(limits: RegionMaps) -> None:
    found = drawn(CELLS)
    assert choice.choose(with_boxes(found, 8), NOTHING, limits) == choice.choose(found, NOTHING, limits)


def test_drawings_on_test_alone_are_told(caplog: pytest.LogCaptureFixture) -> None:
    found = drawn(CELLS)
    only_sound = found.where(np.array([False, False, True, True]))
    region_maps.tell_of_undrawn(found, found, KNOWN)
    region_maps.tell_of_undrawn(only_sound, only_sound, KNOWN)
    assert caplog.text == ""
    region_maps.tell_of_undrawn(only_sound, found, KNOWN)
    assert "drawn on 2 radiographs of test and on none of val" in caplog.text
