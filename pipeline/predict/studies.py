"""One answer to all views of a study: the highest one, calibrated on studies where that was learnt.

The same rule gives the answers of `predict`, the service and the node, and those that `evaluate` scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logit

from pipeline.predict import operating_points
from pipeline.predict.recalibration import Fit

OF_STUDIES, OF_VIEW = "studies", "highest view"
_CLIP = 1e-12  # a probability of exactly 0 or 1 has no log-odds


class Answer(NamedTuple):
    """The joint answer of a study.

    Attributes
    ----------
    probability
        Of a fracture in one view or more, 0..1.
    decision
        As of a radiograph: see `Finding`.
    view
        Position of the view that decides, among those that were given.
    calibrated_on
        ``studies`` where the probability was calibrated on studies of ``val``; ``highest view`` where it is
        that of one view, and so too high for many views.
    """

    probability: float
    decision: str
    view: int
    calibrated_on: str


def answer(probabilities: Sequence[float], decisions: Sequence[str], of_studies: Fit | None) -> Answer:
    """Answer views of one study together: the highest answer of those in scope.

    A study of several such views has the calibration and the thresholds of studies, where the bundle has
    them. Where no view is in scope, neither is the study.

    Parameters
    ----------
    probabilities, decisions
        Of each view, at least one.
    of_studies
        From the log-odds of the highest view to the probability of its study, and thresholds on that.
    """
    in_scope = [n for n, decision in enumerate(decisions) if decision != operating_points.OUT_OF_SCOPE]
    place = max(in_scope or range(len(decisions)), key=lambda n: probabilities[n])
    highest = probabilities[place]
    if of_studies is None or len(in_scope) < 2:
        return Answer(highest, decisions[place], place, OF_VIEW)
    log_odds = logit(np.clip([highest], _CLIP, 1 - _CLIP))
    probability = of_studies.calibration.probability(log_odds)
    decision = str(operating_points.decide(probability, of_studies.points)[0])
    return Answer(float(probability[0]), decision, place, OF_STUDIES)
