from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from pipeline.feedback import agreement
from pipeline.feedback.reading import Reading

MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
MODEL = {"name": "current", "sha256": "0123456789ab", "learnt_from": "phantoms"}


def reading(image: int, decision: str, fractured: bool | None, *, reader="", day=0, model=MODEL) -> Reading:
    time = MONDAY + timedelta(days=day, seconds=image)
    return Reading(
        time, f"{image:064}", "images/a.png", (10, 10), model, decision, 0.5, fractured, (), reader
    )


def test_agreement_is_counted_by_week_and_model() -> None:
    later = MODEL | {"sha256": "ba9876543210"}
    readings = [
        *(reading(i, "fracture", True) for i in range(3)),
        reading(3, "no finding", True, day=6),
        reading(4, "no finding", False, day=7),
        reading(5, "fracture", False, day=7, model=later),
    ]
    weeks = agreement.over_time(readings)
    assert [(w.week, w.model, w.radiographs, w.share) for w in weeks] == [
        ("2026-W48", "current 0123456789ab", 4, 0.75),
        ("2026-W49", "current 0123456789ab", 1, 1.0),
        ("2026-W49", "current ba9876543210", 1, 0.0),
    ]


def test_the_interval_is_clopper_and_pearsons_and_kappa_cohens() -> None:
    said = [("fracture", True)] * 5 + [("fracture", False)] * 2 + [("no finding", False)] * 4
    (week,) = agreement.over_time(reading(i, *each) for i, each in enumerate(said))
    exact = binomtest(9, 11).proportion_ci(0.95, method="exact")
    assert (week.low, week.high) == pytest.approx((exact.low, exact.high))
    by_model = [decision == "fracture" for decision, _ in said]
    assert week.kappa == pytest.approx(cohen_kappa_score(by_model, [fractured for _, fractured in said]))


def test_where_one_side_does_not_commit_nothing_is_counted() -> None:
    readings = [
        reading(0, "needs review", True),
        reading(1, "out of scope", False),
        reading(2, "fracture", None),
    ]
    assert agreement.over_time(readings) == []


def test_of_a_reader_the_last_word_counts_and_two_readers_share_a_radiograph() -> None:
    readings = [
        reading(0, "fracture", False, reader="A"),
        reading(0, "fracture", True, reader="A", day=1),
        reading(0, "fracture", False, reader="B"),
    ]
    (week,) = agreement.over_time(readings)
    assert (week.radiographs, week.readings, week.share) == (1, 2, 0.5)


def test_kappa_is_left_open_where_both_always_say_the_same() -> None:
    (week,) = agreement.over_time(reading(i, "fracture", True) for i in range(4))
    assert week.kappa is None
