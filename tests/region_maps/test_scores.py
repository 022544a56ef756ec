from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.region_maps import scores
from pipeline.region_maps.scores import Reference

SHAPE = (50, 100)


def reference(top: int, left: int, group: str) -> Reference:
    mask = np.zeros(SHAPE, bool)
    mask[top : top + 10, left : left + 20] = True
    return Reference(np.array([[top, left, 10, 20]], float), lambda: mask, group)


REFERENCES = [reference(10, 10, "a"), reference(30, 60, "b"), reference(20, 40, "b")]


def perfect() -> Iterator[np.ndarray]:
    return (one.mask().astype(np.float32) for one in REFERENCES)


def localize(maps: list[np.ndarray]) -> dict:
    return scores.localize(maps, REFERENCES, n_samples=50, seed=0)[0]


def test_perfect_maps_score_one() -> None:
    figures = localize(list(perfect()))
    names = ("pointing_game", "pointing_game_tolerant", "energy_in_box", "pixel_average_precision")
    assert [figures[name] for name in names] == pytest.approx([1] * 4)
    assert list(figures["max_box_acc"].values()) == [1, 1, 1]
    assert figures["annotated"] == 3


def test_baselines_by_hand() -> None:
    figures = localize(list(perfect()))
    assert figures["pointing_game_random"] == pytest.approx(10 * 20 / (50 * 100))
    assert figures["pointing_game_center"] == pytest.approx(1 / 3)  # only the last box holds (25, 50)


def test_a_peak_just_outside_hits_with_tolerance() -> None:
    near = np.zeros(SHAPE, np.float32)
    near[8, 15] = 1  # two rows above the box; 2 % of 100 pixels are two
    figures = localize([near, *list(perfect())[1:]])
    assert figures["pointing_game"] == pytest.approx(2 / 3)
    assert figures["pointing_game_tolerant"] == 1


def test_energy_is_the_share_inside() -> None:
    half = next(perfect()).copy()
    half[40:50, 70:90] = 1
    assert localize([half, *list(perfect())[1:]])["energy_in_box"] == pytest.approx((0.5 + 1 + 1) / 3)


def test_the_interval_resamples_groups() -> None:
    missed = np.zeros(SHAPE, np.float32)
    missed[49, 99] = 1
    _, *hits = perfect()
    figures = localize([missed, *hits])
    assert figures["pointing_game"] == pytest.approx(2 / 3)
    assert (figures["pointing_game_low"], figures["pointing_game_high"]) == (0, 1)  # all of a, all of b


def test_too_few_maps_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        localize(list(perfect())[:2])


def test_the_brightest_bone_plays_along_where_it_is_known():
    assert np.isnan(localize(list(perfect()))["pointing_game_brightest"])
    known = [replace(one, brightest=(12, 12)) for one in REFERENCES]  # inside the first box only
    _, table = scores.localize(list(perfect()), known, n_samples=50, seed=0)
    assert table["pointing_game_brightest"].tolist() == [1, 0, 0]


def test_means_leave_out_what_is_no_number():
    table = pd.DataFrame({"drop": [0.2, np.nan, 0.4], "group": ["a", "b", "c"]})
    found = scores.means(table, ["drop"], n_samples=50, seed=0)
    assert found["drop"] == pytest.approx(0.3)
    assert [found["drop_low"], found["drop_high"]] == pytest.approx([0.2, 0.4])
