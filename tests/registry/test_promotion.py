"""The gate as a pure function: each rule alone, at its bar."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.commands import promote
from pipeline.config import Promote
from pipeline.registry import promotion
from pipeline.registry.evidence import Candidate, Champion

N = 80
POLICY = Promote(
    min_auroc=0.8,
    min_sensitivity=0.9,
    min_guaranteed_sensitivity=0.0,
    max_ece=0.1,
    min_pointing_game=0.25,
    subgroups=("body_part",),
    min_subgroup_sensitivity=0.8,
    min_subgroup_groups=5,
    non_inferiority_margin=0.05,
    min_groups=10,
)
Y_TRUE = np.arange(N) % 2 == 0
Y_SCORE = np.clip(np.where(Y_TRUE, 0.7, 0.3) + np.random.default_rng(0).normal(0, 0.15, N), 0, 1)


def candidate(**changes) -> Candidate:
    """One that passes every rule, but for the changes."""
    sound = Candidate(
        version="2",
        y_true=Y_TRUE,
        y_score=Y_SCORE,
        called=Y_TRUE.copy(),
        threshold=0.5,
        group=np.arange(N).astype(str),
        subgroups={"body_part": np.where(np.arange(N) < 60, "hand", "hip")},
        auroc=0.9,
        ece=0.05,
        best_null="border",
        null_gap_low=0.12,
        pointing_game=0.4,
    )
    return dataclasses.replace(sound, **changes)


def champion(y_score=Y_SCORE, learnt=np.zeros(N, bool)) -> Champion:  # noqa: B008
    return Champion("1", np.asarray(y_score, float), learnt)


def rules(asked: Candidate, against: Champion | None = None, **changes) -> dict:
    policy = POLICY.model_copy(update=changes)
    return {rule.name: rule for rule in promotion.decide(asked, against, policy).rules}


def failed(asked: Candidate, against: Champion | None = None, **changes) -> list[str]:
    return [name for name, rule in rules(asked, against, **changes).items() if rule.passed is False]


def test_a_sound_candidate_follows_an_equal_champion() -> None:
    decision = promotion.decide(candidate(), champion(), POLICY)
    assert decision.promoted
    assert (decision.candidate, decision.champion) == ("2", "1")


def test_the_first_champion_has_nobody_to_beat() -> None:
    asked = rules(candidate())
    assert asked["non-inferiority"].passed is None
    assert "no champion yet" in asked["non-inferiority"].sentence
    assert promotion.decide(candidate(), None, POLICY).promoted


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"stale": ("evaluate",)}, "validated record"),
        ({"crossing": 1}, "leakage"),
        pytest.param({"non_finite": ("dense/kernel",)}, "finite weights", marks=pytest.mark.reliability(30)),
        ({"withdrawn": "misread wrists"}, "not withdrawn"),
        ({"auroc": 0.799}, "auroc"),
        ({"auroc": math.nan}, "auroc"),
        ({"ece": 0.101}, "ece"),
        ({"ece": math.nan}, "ece"),
        ({"null_gap_low": 0.0}, "null baselines"),
        ({"null_gap_low": -0.01}, "null baselines"),
        ({"null_gap_low": math.nan}, "null baselines"),
        ({"best_null": None}, "null baselines"),
        ({"pointing_game": 0.24}, "pointing game"),
    ],
)
def test_one_fault_refuses_and_names_its_rule(changes: dict, rule: str) -> None:
    assert failed(candidate(**changes), champion()) == [rule]
    assert not promotion.decide(candidate(**changes), champion(), POLICY).promoted


def test_of_many_small_subgroups_the_first_are_named() -> None:
    many = candidate(subgroups={"patient": np.char.add("p", np.arange(N).astype(str))})
    sentence = rules(many, subgroups=["patient"])["sensitivity, patient"].sentence
    assert sentence.endswith(f" and {N - 8} more.")
    assert sentence.count("p") < 20


def test_a_lead_without_an_interval_is_refused_with_its_reason() -> None:
    rule = rules(candidate(null_gap_low=math.nan))["null baselines"]
    assert rule.passed is False
    assert "over border has no interval: a class has fewer than two groups in test" in rule.sentence


def test_the_lead_over_the_best_shortcut_is_what_is_asked_and_not_the_auroc_alone() -> None:
    rule = rules(candidate(auroc=0.95, null_gap_low=-0.001))["null baselines"]
    assert (rule.figure, rule.bar, rule.passed) == (-0.001, "above 0.000", False)


@pytest.mark.parametrize("changes", [{"auroc": 0.8}, {"ece": 0.1}, {"pointing_game": 0.25}])
def test_a_figure_at_its_bar_passes(changes: dict) -> None:
    assert failed(candidate(**changes), champion()) == []


def test_all_reasons_are_named_at_once() -> None:
    worse = candidate(auroc=0.5, ece=0.3, crossing=2)
    assert failed(worse, champion()) == ["leakage", "auroc", "ece"]


def test_sensitivity_counts_a_group_as_one() -> None:
    called, group = Y_TRUE.copy(), np.arange(N).astype(str)
    called[[0, 2, 4, 6, 8, 10]] = False  # six of forty fractured radiographs missed ...
    group[[0, 2, 4, 6, 8, 10]] = "copies"  # ... which are one
    assert rules(candidate(called=called, group=group))["sensitivity"].figure == pytest.approx(34 / 35)
    assert failed(candidate(called=called)) == ["sensitivity"]


def test_the_sensitivity_says_what_is_guaranteed_of_it() -> None:
    clear = candidate(y_score=Y_TRUE.astype(float))
    asked = rules(clear)
    assert "with 95 % confidence at least 0.927" in asked["sensitivity"].sentence  # 0.05 ** (1 / 40)
    assert "with 95 % confidence at least 0.741" in asked["sensitivity, body_part hip"].sentence  # ten groups
    assert asked["guaranteed sensitivity"].figure == pytest.approx(0.05 ** (1 / 40))
    assert asked["guaranteed sensitivity"].passed is None


def test_what_is_guaranteed_is_never_rounded_up_in_the_gate_s_report() -> None:
    rows = pd.DataFrame({"group": ["a"]})
    for bound, written in ((0.84661, "0.846"), (math.nan, "\N{EN DASH}")):  # 28 of 29 groups; nothing
        decision = promotion.decide(candidate(guaranteed=bound, auroc=0.84661), None, POLICY)
        report = promote.gate_report(decision, rows)
        assert f"| guaranteed sensitivity | not asked | {written} |" in report
        assert "| auroc | passed | 0.847 |" in report


def test_a_floor_on_the_guarantee_is_asked_where_it_is_set() -> None:
    clear = candidate(y_score=Y_TRUE.astype(float))
    assert rules(clear, min_guaranteed_sensitivity=0.92)["guaranteed sensitivity"].passed
    assert failed(clear, min_guaranteed_sensitivity=0.95) == ["guaranteed sensitivity"]
    rule = rules(clear, min_guaranteed_sensitivity=0.95)["guaranteed sensitivity"]
    assert rule.sentence.endswith("40 groups cannot reach the bar: it takes 59, with none missed.")


def test_a_weak_subgroup_refuses_though_the_whole_is_strong() -> None:
    called = Y_TRUE.copy()
    called[[60, 62, 64]] = False  # three of the ten fractured hips; 37 of 40 in all
    asked = rules(candidate(called=called))
    assert asked["sensitivity"].passed
    assert asked["sensitivity, body_part hand"].passed
    assert asked["sensitivity, body_part hip"].figure == pytest.approx(0.7)
    assert asked["sensitivity, body_part hip"].passed is False


def test_small_and_unknown_subgroups_are_not_judged() -> None:
    part = np.where(np.arange(N) < 4, "hip", np.where(np.arange(N) < 60, "hand", ""))
    asked = rules(candidate(subgroups={"body_part": part}))
    assert asked["sensitivity, body_part"].passed is None
    assert asked["sensitivity, body_part"].sentence.endswith("groups: hip (2).")
    assert asked["sensitivity, body_part hand"].passed
    assert rules(candidate(subgroups={}))["sensitivity, body_part"].passed is None


def test_what_has_no_value_is_told_whether_or_not_another_value_is_judged() -> None:
    part = np.where(np.arange(N) < 60, "hand", "")
    rule = rules(candidate(subgroups={"body_part": part}))["sensitivity, body_part"]
    assert rule.passed is None
    assert (
        rule.sentence == "Not judged, since their body_part is unknown: fractured radiographs of 10 groups."
    )
    asked = rules(candidate(subgroups={"body_part": np.full(N, "")}))
    assert asked["sensitivity, body_part"].sentence.endswith("fractured radiographs of 40 groups.")
    known = rules(candidate(subgroups={"body_part": np.full(N, "hand")}))
    assert "sensitivity, body_part" not in known


def test_a_column_without_a_value_and_without_a_fracture_is_told_too() -> None:
    sound = {"y_true": np.zeros(N, bool), "called": np.zeros(N, bool)}
    asked = rules(candidate(subgroups={"body_part": np.full(N, "")}, **sound))
    assert asked["sensitivity, body_part"].sentence.endswith("fractured radiographs of 0 groups.")


def of_a_place(**changes) -> Candidate:
    """One fitted to a place, whose network's own bundle is the candidate with the changes."""
    return candidate(place="north", subgroups={}, base=candidate(**changes))


def test_of_a_place_the_subgroups_of_its_network_are_judged_on_test() -> None:
    asked = rules(of_a_place())
    assert "Not known of the radiographs of north" in asked["sensitivity, body_part, north"].sentence
    assert "found on test, at the network's own threshold" in asked["sensitivity, body_part hip"].sentence
    called = Y_TRUE.copy()
    called[[60, 62, 64]] = False
    assert failed(of_a_place(called=called)) == ["sensitivity, body_part hip"]
    assert rules(of_a_place(subgroups={}))["sensitivity, body_part"].sentence == (
        "data.labels has no column body_part."
    )


def test_of_a_place_the_words_are_of_the_place() -> None:
    asked = rules(of_a_place(), champion(learnt=np.ones(N, bool)))
    assert asked["auroc"].sentence == "On the radiographs of north."
    assert asked["ece"].sentence == "Expected calibration error on the radiographs of north."
    assert asked["leakage"].sentence == "No group of test or of north lies in train or val."
    memory = asked["champion's memory"].sentence
    assert memory.startswith(f"Of {N} groups of north, ")
    assert "fracture recalibrate" in memory
    assert "pinned_manifest" not in memory
    ours = rules(candidate(), champion(learnt=np.ones(N, bool)))
    assert "validate.pinned_manifest" in ours["champion's memory"].sentence
    assert ours["auroc"].sentence == "On test."
    assert promotion.decide(of_a_place(), None, POLICY).place == "north"


def test_without_annotations_the_map_is_not_asked() -> None:
    assert rules(candidate(pointing_game=None))["pointing game"].passed is None


def test_a_clearly_worse_candidate_is_inferior() -> None:
    generator = np.random.default_rng(3)
    worse = np.clip(0.5 + (Y_SCORE - 0.5) * 0.3 + generator.normal(0, 0.2, N), 0, 1)
    (name,) = failed(candidate(y_score=worse), champion())
    assert name == "non-inferiority"
    rule = rules(candidate(y_score=worse), champion())[name]
    assert rule.figure < -0.05
    assert f"{roc_auc_score(Y_TRUE, worse):.3f} less the champion's" in rule.sentence


def test_what_the_champion_remembers_is_left_out() -> None:
    learnt = np.arange(N) < 40
    remembered = np.where(learnt, Y_TRUE.astype(float), Y_SCORE)  # perfect where it is memory
    strict = {"non_inferiority_margin": 0.01}
    assert failed(candidate(), champion(remembered), **strict) == ["non-inferiority"]
    asked = rules(candidate(), champion(remembered, learnt), **strict)
    assert asked["champion's memory"].figure == 40
    assert asked["champion's memory"].passed
    assert asked["non-inferiority"].passed
    assert asked["non-inferiority"].figure == 0.0


def test_too_little_left_to_compare_is_refused() -> None:
    learnt = np.arange(N) < 62  # nine groups of either class are left
    asked = rules(candidate(), champion(learnt=learnt))
    assert asked["champion's memory"].passed is False
    assert "9 groups of one class are left" in asked["champion's memory"].sentence
    assert asked["non-inferiority"].passed is None


def test_unrecorded_memory_does_not_hinder() -> None:
    asked = rules(candidate(), champion(learnt=None))
    assert asked["champion's memory"].passed is None
    assert asked["non-inferiority"].passed


def test_a_test_set_of_one_class_is_refused_and_no_error() -> None:
    sound = candidate(y_true=np.zeros(N, bool), called=np.zeros(N, bool), auroc=math.nan)
    assert {"auroc", "sensitivity", "champion's memory"} <= set(failed(sound, champion()))
