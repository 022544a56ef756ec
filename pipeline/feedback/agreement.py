"""How often readers agree with the model, by week and model version.

Readers saw the model's answer before they gave theirs, so they agree more often than independent ones would.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sklearn.metrics import cohen_kappa_score

from pipeline.feedback import latest
from pipeline.feedback.reading import AGREE, Reading
from pipeline.statistics.guarantees import lower_bound

_TAIL = 0.975  # one-sided, so that both ends together hold with 95 %


class Agreement(NamedTuple):
    """Agreement of one week with one model.

    Attributes
    ----------
    week
        ISO 8601, such as ``2026-W48``.
    model
        Its name and the first digits of its sha256.
    radiographs, readings
        On which model and reader both committed themselves.
    share, low, high
        Share of the radiographs on which readers agree, with its exact 95 % interval.
    kappa
        Cohen's, over the readings; None where both always said the same thing.
    """

    week: str
    model: str
    radiographs: int
    readings: int
    share: float
    low: float
    high: float
    kappa: float | None


def over_time(readings: Iterable[Reading]) -> list[Agreement]:
    """Count agreement by week and model, in their order.

    References
    ----------
    Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial,
    Biometrika 26, 1934. https://doi.org/10.1093/biomet/26.4.404
    Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20, 1960.
    https://doi.org/10.1177/001316446002000104
    """
    committed = [reading for reading in readings if reading.verdict]
    weeks = sorted(latest.by(_week_and_model, committed).items())
    return [_agreement(week, model, members) for (week, model), members in weeks]


def _agreement(week: str, model: str, readings: Sequence[Reading]) -> Agreement:
    """Count a radiograph as one, however many readers it had."""
    of_radiograph = defaultdict(list)
    for reading in readings:
        of_radiograph[reading.sha256].append(reading.verdict == AGREE)
    trials = len(of_radiograph)
    agreed = sum(sum(each) / len(each) for each in of_radiograph.values())
    low, high = lower_bound(agreed, trials, _TAIL), 1 - lower_bound(trials - agreed, trials, _TAIL)
    return Agreement(week, model, trials, len(readings), agreed / trials, low, high, _kappa(readings))


def _kappa(readings: Sequence[Reading]) -> float | None:
    reader = [bool(reading.fractured) for reading in readings]
    model = [bool(reading.fractured) == (reading.verdict == AGREE) for reading in readings]
    if len({*reader, *model}) == 1:
        return None
    return float(cohen_kappa_score(reader, model))


def _week_and_model(reading: Reading) -> tuple[str, str]:
    year, week, _ = reading.time.isocalendar()
    return f"{year}-W{week:02}", " ".join(filter(None, map(reading.model.get, ("name", "sha256"))))
