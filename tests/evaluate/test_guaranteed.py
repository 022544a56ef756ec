"""What holds of an operating point with 95 % confidence, tried on many small sets of known distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import beta, binom

from pipeline.evaluate.guaranteed import guaranteed
from pipeline.predict import operating_points
from pipeline.predict.operating_points import OperatingPoints
from pipeline.statistics import guarantees, metrics

ASKED = {"sensitivity": 0.95, "specificity": 0.9}
DRAWS = 600
MOST = int(binom.ppf(0.999, DRAWS, 0.05))  # failures that a bound of 95 % exceeds once in a thousand trials
KINDS = {  # distance of the classes, radiographs a group, digits of the scores
    "single radiographs": (2.0, 1, 6),
    "ties": (2.0, 1, 1),
    "points that swap names": (5.0, 1, 6),
    "one to three radiographs": (2.0, 3, 6),
}


def draw(generator: np.random.Generator, n_groups: int, kind: str) -> tuple:
    """Groups of either class in turn: whether fractured, scores, groups and weights of their radiographs."""
    distance, most, digits = KINDS[kind]
    group = np.repeat(np.arange(n_groups), generator.integers(1, most + 1, n_groups))
    y_true = group % 2 == 0
    logit = (distance * (y_true - 0.5) + generator.normal(0, 1, n_groups)[group]).astype(float)
    logit += generator.normal(0, 1, group.size) * (most > 1)
    return y_true, expit(logit).round(digits), group, 1 / np.bincount(group)[group]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def true_rates(kind: str):
    """Sensitivity and specificity by group at thresholds, from 100,000 groups."""
    y_true, y_score, group, _ = draw(np.random.default_rng(1), 100_000, kind)
    truth, score, _ = metrics.collapse_groups(y_true, y_score, group)
    fractured, other = np.sort(score[truth]), np.sort(score[~truth])

    def rates(points: OperatingPoints) -> dict[str, float]:
        return {
            "sensitivity": 1 - np.searchsorted(fractured, points.high_sensitivity) / fractured.size,
            "specificity": np.searchsorted(other, points.high_specificity) / other.size,
        }

    return rates


def promised(rows: tuple, points: OperatingPoints, *, chosen_here: bool) -> dict[str, float | None]:
    found = guaranteed(*rows[:3], points, **ASKED, chosen_here=chosen_here)
    return {rate: found[f"high_{rate}"][f"guaranteed_{rate}"] for rate in ASKED}


def choose(rows: tuple) -> OperatingPoints:
    return operating_points.choose(rows[0], rows[1], **ASKED, sample_weight=rows[3])


@pytest.mark.parametrize("chosen_here", [True, False])
@pytest.mark.parametrize("n_groups", [40, 130])
def test_the_guarantee_fails_in_no_more_than_one_of_twenty_sets(
    kind, true_rates, n_groups, chosen_here, monkeypatch
):
    for slow in ("more_needed", "trials_needed"):
        monkeypatch.setattr(guarantees, slow, lambda *_: 0)
    generator, failures = np.random.default_rng(n_groups), dict.fromkeys(ASKED, 0)
    for _ in range(DRAWS):
        val = draw(generator, n_groups, kind)
        points = choose(val)
        scored = val if chosen_here else draw(generator, n_groups, kind)
        for rate, bound in promised(scored, points, chosen_here=chosen_here).items():
            failures[rate] += bound is not None and true_rates(points)[rate] < bound
    assert max(failures.values()) <= MOST


@pytest.mark.parametrize("n_groups", [11, 44, 65, 370])
def test_by_rank_the_guarantee_of_distinct_scores_fails_exactly_once_in_twenty(n_groups):
    score = np.random.default_rng(0).random(2 * n_groups)
    rows = np.arange(2 * n_groups) < n_groups, score, np.arange(2 * n_groups), np.ones(2 * n_groups)
    points = choose(rows)
    found = guaranteed(*rows[:3], points, **ASKED, chosen_here=True)["high_sensitivity"]
    caught = int((score[rows[0]] >= points.high_sensitivity).sum())
    if points.high_sensitivity in score[rows[0]]:  # the names were not swapped
        assert beta.cdf(found["guaranteed_sensitivity"], caught, n_groups - caught + 1) == pytest.approx(0.05)
    assert found["groups_correct"] == caught


def test_figures_of_groups_that_chose_nothing_by_hand():
    y_true = np.array([True, True, True, True, False, False, False])
    y_score = np.array([0.9, 0.2, 0.8, 0.1, 0.1, 0.7, 0.3])
    group = np.array(["a", "a", "b", "c", "d", "e", "a"])  # a is caught by its mean, 0.55; c is missed
    found = guaranteed(y_true, y_score, group, OperatingPoints(0.5, 0.6), **ASKED, chosen_here=False)
    sensitive, specific = found["high_sensitivity"], found["high_specificity"]
    assert (sensitive["groups"], sensitive["groups_correct"], sensitive["more_groups_needed"]) == (3, 2, None)
    assert sensitive["guaranteed_sensitivity"] == pytest.approx(beta.ppf(0.05, 2, 2))
    assert (specific["groups"], specific["groups_correct"], specific["target"]) == (3, 2, 0.9)


def test_without_a_miss_it_takes_59_groups_to_promise_095():
    y_true, y_score = np.repeat([True, False], 44), np.repeat([0.9, 0.1], 44)
    found = guaranteed(y_true, y_score, np.arange(88), OperatingPoints(0.5, 0.5), **ASKED, chosen_here=False)
    assert found["high_sensitivity"]["more_groups_needed"] == 15
    assert found["high_sensitivity"]["guaranteed_sensitivity"] == pytest.approx(0.05 ** (1 / 44))
    assert found["high_specificity"]["more_groups_needed"] == 0


def test_a_threshold_that_left_its_rank_promises_nothing():
    """By weight one of twenty fractures is missed, by the means of the groups two are."""
    y_true, y_score = np.repeat([True, False], [22, 20]), np.linspace(0.99, 0.01, 42)
    group = np.array([*range(18), 18, 18, 19, 19, *range(20, 40)])
    y_score[[18, 20]], y_score[[19, 21]] = 0.9, 0.02
    points = OperatingPoints(0.5, 0.9)
    found = guaranteed(y_true, y_score, group, points, **ASKED, chosen_here=True)["high_sensitivity"]
    assert (found["groups"], found["groups_correct"]) == (20, 18)
    assert found["guaranteed_sensitivity"] is None
    assert found["more_groups_needed"] == 39


def test_scores_written_to_six_decimals_keep_their_rank():
    y_true, exact = np.arange(80) % 2 == 0, np.random.default_rng(5).random(80).round(6) + 4e-7
    points = choose((y_true, exact, np.arange(80), np.ones(80)))
    found = guaranteed(y_true, exact.round(6), np.arange(80), points, **ASKED, chosen_here=True)
    assert found["high_sensitivity"]["guaranteed_sensitivity"] == guarantees.lower_bound(38, 40)
    assert found["high_specificity"]["guaranteed_specificity"] == guarantees.lower_bound(36, 40)
