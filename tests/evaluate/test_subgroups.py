from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluate import subgroups
from pipeline.predict.operating_points import OperatingPoints
from pipeline.statistics import metrics

POINTS = OperatingPoints(0.3, 0.7)
N = 40


def score(**attributes):
    """Forty radiographs, each its own group, every other one fractured."""
    generator = np.random.default_rng(0)
    y_true = np.arange(N) % 2 == 0
    y_score = np.clip(0.5 + 0.2 * np.where(y_true, 1, -1) + 0.2 * generator.normal(size=N), 0, 1)
    group = attributes.pop("group", np.arange(N).astype(str))
    table = subgroups.subgroups(
        pd.DataFrame(attributes), y_true, y_score, group, POINTS, n_samples=50, seed=0
    )
    return table, y_true, y_score


def test_the_first_row_is_all_of_them():
    table, y_true, y_score = score(part=["hand"] * 20 + ["leg"] * 20)
    assert list(table) == subgroups.COLUMNS
    first = table.iloc[0]
    assert (first["attribute"], first["radiographs"], first["fractured_groups"]) == (
        subgroups.EVERYTHING,
        40,
        20,
    )
    assert first["auroc"] == pytest.approx(metrics.auroc(y_true, y_score))


def test_a_subgroup_is_scored_alone():
    table, y_true, y_score = score(part=["hand"] * 20 + ["leg"] * 20)
    leg = table[table["value"] == "leg"].iloc[0]
    assert leg["auroc"] == pytest.approx(metrics.auroc(y_true[20:], y_score[20:]))
    at = metrics.at_threshold(y_true[20:], y_score[20:], 0.7)
    assert leg["sensitivity_at_high_specificity"] == pytest.approx(at["sensitivity"])
    assert leg["specificity_at_high_specificity"] == pytest.approx(at["specificity"])
    assert leg["auroc_low"] <= leg["auroc"] <= leg["auroc_high"]


def test_all_of_few_is_not_sure():
    # Six fractures, all found: Wilson's lower end is 6 / (6 + 1.96 ** 2).
    y_true, y_score = np.arange(16) < 6, np.where(np.arange(16) < 6, 0.9, 0.1)
    part = pd.DataFrame({"part": ["hand"] * 16})
    row = subgroups.subgroups(part, y_true, y_score, np.arange(16), POINTS, n_samples=50, seed=0).iloc[0]
    low, high = (row[f"sensitivity_at_high_sensitivity{end}"] for end in ("_low", "_high"))
    assert (low, high) == pytest.approx((6 / (6 + 1.959964**2), 1.0))


def test_rare_values_are_pooled_and_few_groups_suppressed():
    parts = ["hand"] * 30 + ["hip"] * 4 + ["jaw"] * 4 + [""] * 2
    table, *_ = score(part=parts)
    values = table.set_index("value")
    assert list(values.index) == ["", "hand", subgroups.RARE]  # two of unknown part are rare too
    assert values.loc[subgroups.RARE, "groups"] == 10
    table, *_ = score(part=["hand"] * 36 + ["hip"] * 4)
    hip = table.set_index("value").loc[subgroups.RARE]
    assert hip["groups"] == 4
    assert hip[[name for name in table if "auroc" in name or "at_high" in name]].isna().all()


def test_a_figure_needs_five_groups_of_its_class():
    # Value "a": 2 fractured among 22. Its specificity can be told, its sensitivity and AUROC cannot.
    value = np.where((np.arange(N) % 2 == 1) | (np.arange(N) < 4), "a", "b")
    row = score(kind=value)[0].set_index("value").loc["a"]
    assert (row["radiographs"], row["fractured_groups"]) == (22, 2)
    assert np.isnan(row["auroc"])
    assert np.isnan(row["sensitivity_at_high_sensitivity"])
    assert row["specificity_at_high_sensitivity"] >= 0


def test_copies_make_no_subgroup():
    table, *_ = score(part=["hand"] * 20 + ["leg"] * 20, group=np.arange(N) // 10)
    assert table["auroc"].isna().all()
    assert table["groups"].tolist() == [4]  # both parts are rare


@pytest.mark.parametrize(
    "values", [[str(i) for i in range(N - 1)] + ["x"], ["same"] * N], ids=["name", "one"]
)
def test_an_attribute_that_tells_nobody_apart_is_left_out(values):
    assert score(part=values)[0]["attribute"].tolist() == [subgroups.EVERYTHING]


def test_a_number_of_many_values_is_cut_into_thirds():
    table, *_ = score(age=np.arange(N).astype(str))
    assert table["value"].tolist() == ["", "0 to 13", "14 to 26", "27 to 39"]
    assert table["radiographs"].tolist() == [40, 14, 13, 13]


def test_equal_numbers_share_a_third():
    table, *_ = score(side_px=[454] * 20 + list(range(500, 520)))
    assert table["value"].tolist() == ["", "454 to 454", "500 to 506", "507 to 519"]


def test_values_stand_in_their_order():
    table, *_ = score(count=np.repeat(["10", "2", "", "1"], 10))
    assert table["value"].tolist() == ["", "1", "2", "10", subgroups.UNKNOWN]
