from __future__ import annotations

import pytest

from pipeline.report import sentences

POINT = {"target": 0.95, "groups": 44, "groups_correct": 43, "guaranteed_sensitivity": 0.8967}


def test_physicians_read_what_holds_and_what_is_lacking() -> None:
    text = sentences.guarantee(POINT | {"more_groups_needed": 118}, "sensitivity")
    assert text == (
        "With 95 % confidence at least 0.89 of fractures are caught (44 fractured groups, 1 of them missed; "
        "118 more with the same share missed would be needed to promise 0.95)."
    )


def test_of_the_others_it_is_said_how_many_are_called_fracture() -> None:
    point = {"target": 0.9, "groups": 1, "groups_correct": 0, "guaranteed_specificity": 0.0}
    text = sentences.guarantee(point | {"more_groups_needed": None}, "specificity")
    assert "at least 0.00 of the others are not called fracture (1 other group, 1 of them called" in text
    assert text.endswith("no number of groups with that share called fracture would promise 0.9).")


def test_enough_groups_and_hopeless_ones_are_told_apart() -> None:
    assert "; enough to promise 0.95)" in sentences.guarantee(
        POINT | {"more_groups_needed": 0}, "sensitivity"
    )
    hopeless = sentences.guarantee(POINT | {"more_groups_needed": None}, "sensitivity")
    assert "; no number of groups with that share missed would promise 0.95)" in hopeless


def test_the_choice_itself_promises_by_rank_or_nothing() -> None:
    few = sentences.guarantee_of_choice(POINT | {"more_groups_needed": 15}, "sensitivity")
    assert few.endswith("44 fractured groups; no threshold could promise 0.95 without 15 more.")
    moved = POINT | {"guaranteed_sensitivity": None, "more_groups_needed": 0}
    assert "the choice itself promises nothing" in sentences.guarantee_of_choice(moved, "sensitivity")


def test_the_more_frequent_class_is_named() -> None:
    assert sentences.majority({"fractured": 6, "radiographs": 10}) == "fractured"
    assert sentences.majority({"fractured": 5, "radiographs": 10}) == "not fractured"


@pytest.mark.parametrize(
    ("gap", "interval", "kind", "said"),
    [
        (0.2, {"null_gap_auroc_low": 0.1}, "good", "lies above zero"),
        (0.2, {"null_gap_auroc_low": -0.01}, "warning", "holds zero"),
        (0.2, {}, "warning", "fewer than two groups"),
        (0.0, {"null_gap_auroc_low": -0.2}, "bad", "does not beat"),
    ],
)
@pytest.mark.parametrize("by_group", [0.7, 0.91])  # the baseline's AUROC may be of other weights than the gap
def test_a_lead_is_good_where_its_own_interval_says_so(gap, interval, kind, said, by_group) -> None:
    scores = {"auroc": 0.9, "auroc_low": 0.85, "null_gap_auroc": gap, **interval}
    told = sentences.lead(scores, {"name": "size", "auroc": by_group})
    assert told[0] == kind
    assert said in told[1]
    assert "size" in told[1]


def test_one_threshold_is_no_range() -> None:
    assert sentences.thresholds((0.16, 0.16)) == "at 0.16"
    assert sentences.thresholds((0.16, 0.4)) == "from 0.16 to 0.40"
