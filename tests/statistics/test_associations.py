import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.statistics.associations import COLUMNS, associations

FRACTURED = np.repeat([True, False], 10)
GROUP = np.array([f"g{number}" for number in range(20)])


def follow(group=GROUP, fractured=FRACTURED, **attributes):
    return associations(pd.DataFrame(attributes), np.asarray(fractured), np.asarray(group))


def test_the_figures_by_hand():
    # Of 6 groups with the implant 5 are fractured, of the other 14 five.
    hardware = ["1"] * 5 + ["0"] * 5 + ["1"] + ["0"] * 9
    row = follow(hardware=hardware).iloc[0]
    assert row[["attribute", "value", "files", "groups"]].tolist() == ["hardware", "1", 6, 6]
    assert row["fractured_share"] == pytest.approx(5 / 6)
    assert row["difference"] == pytest.approx(5 / 6 - 5 / 14)
    # Hypergeometric: tables with 0 or 1 and with 5 or 6 of the six among the ten fractured.
    assert row["p_value"] == pytest.approx(2 * (210 + 2520) / 38760)


def test_copies_are_no_further_witnesses():
    hardware = np.array(["1"] * 5 + ["0"] * 15)
    times = np.where(np.arange(20) == 0, 50, 1)
    copied = follow(np.repeat(GROUP, times), np.repeat(FRACTURED, times), hardware=np.repeat(hardware, times))
    alone = follow(hardware=hardware)
    assert copied["files"].item() == alone["files"].item() + 49
    pd.testing.assert_frame_equal(copied.drop(columns="files"), alone.drop(columns="files"))


def test_a_patient_with_both_labels_counts_for_each():
    both = follow([*GROUP, "g0"], [*FRACTURED, False], view=["AP"] * 5 + ["lateral"] * 15 + ["AP"]).iloc[0]
    assert (both["groups"], both["fractured_share"]) == (6, pytest.approx(5 / 6))


def test_of_two_values_the_rarer_is_listed_and_of_more_each_that_is_common():
    rows = follow(hardware=["1"] * 6 + ["0"] * 14, region=["hand"] * 8 + ["leg"] * 8 + ["hip"] * 4)
    assert set(zip(rows["attribute"], rows["value"], strict=True)) == {
        ("hardware", "1"),
        ("region", "hand"),
        ("region", "leg"),
    }


def test_what_few_have_or_few_lack_is_not_listed():
    rows = follow(constant=["x"] * 20, rare=["1"] * 4 + ["0"] * 16)
    assert list(rows) == COLUMNS
    assert rows.empty


def test_many_comparisons_are_corrected_for():
    rng = np.random.default_rng(1)
    noise = {f"a{number}": rng.permutation(["1"] * 10 + ["0"] * 10) for number in range(50)}
    rows = follow(label=np.where(FRACTURED, "1", "0"), **noise)
    assert rows.iloc[0]["attribute"] == "label"
    assert rows.iloc[0]["p_adjusted"] == pytest.approx(51 * rows.iloc[0]["p_value"])
    assert (rows["p_value"] < 0.05).sum() > 1  # one of them is true
    assert (rows["p_adjusted"] < 0.05).sum() == 1


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(random):
    table = pd.DataFrame({"region": ["hand"] * 7 + ["leg"] * 8 + ["hip"] * 5, "size": ["a", "b"] * 10})
    order = random.sample(range(20), 20)
    mixed = associations(table.iloc[order], FRACTURED[order], GROUP[order])
    pd.testing.assert_frame_equal(mixed, associations(table, FRACTURED, GROUP))
