"""Figures of a classifier in sentences: the same words on the pages and in the model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.evaluate.guaranteed import rounded_down
from pipeline.predict.studies import OF_STUDIES

_RATES = {
    "sensitivity": ("of fractures are caught", "fractured", "missed"),
    "specificity": ("of the others are not called fracture", "other", "called fracture"),
}
AUROC_IS_BETTER = (
    "AUROC is the better figure: it depends on no threshold and on no share of fractured radiographs."
)
GROUPS_COUNT = (
    "Here groups are counted, each by the mean probability of its radiographs, fractured and others apart: a "
    "fractured group is caught where that reaches the high-sensitivity threshold, another one is called "
    "fracture where it reaches the high-specificity threshold."
)


def majority(scores: Mapping[str, Any]) -> str:
    """Name the answer that is right most often where nothing is looked at.

    Parameters
    ----------
    scores
        Of one set of radiographs: see :func:`pipeline.evaluate.evaluation.evaluate`.
    """
    return "fractured" if 2 * scores["fractured"] > scores["radiographs"] else "not fractured"


def accuracy(scores: Mapping[str, Any]) -> str:
    """Set accuracy and loss beside the accuracy of always saying the more frequent class."""
    return (
        f"At a probability of 0.5 the classifier is right on {scores['accuracy']:.3f} of the radiographs; "
        f"always saying “{majority(scores)}” is right on {scores['majority_accuracy']:.3f}. Its loss (mean "
        f"cross-entropy) is {scores['loss']:.3f} nats; always saying one half loses 0.693. {AUROC_IS_BETTER}"
    )


def lead(scores: Mapping[str, Any], null: Mapping[str, Any]) -> tuple[str, str]:
    """Say whether the classifier beats the best shortcut baseline: how good that is, and a sentence.

    Parameters
    ----------
    scores
        As for :func:`majority`, with those of :func:`pipeline.evaluate.shortcut_gap.beside`.
    null
        ``name`` and ``auroc`` of the baseline, both None where none could be scored.
    """
    if null["auroc"] is None:
        return "warning", (
            "There is no shortcut baseline to compare with: these figures cannot show that the network looks "
            "at bone."
        )
    beside = f"the best shortcut baseline ({null['name']})"
    if scores["null_gap_auroc"] <= 0:
        return "bad", (
            f"The classifier does not beat {beside}. What it has learnt may be the source of the radiographs."
        )
    if "null_gap_auroc_low" not in scores:
        return "warning", f"The lead over {beside} may be chance: a class has fewer than two groups."
    if scores["null_gap_auroc_low"] <= 0:
        return "warning", f"The interval of the lead over {beside} holds zero: it may be chance."
    return "good", f"The whole interval of the lead over {beside} lies above zero."


def thresholds(ends: tuple[float, float]) -> str:
    """Write a range of threshold probabilities: ``from 0.16 to 0.40``; one of one, ``at 0.16``."""
    low, high = (f"{end:.2f}" for end in ends)
    return f"at {low}" if low == high else f"from {low} to {high}"


def guarantee(point: Mapping[str, Any], rate: str) -> str:
    """Say what holds of a point given so few groups, and how many more could promise what was asked.

    Parameters
    ----------
    point
        ``high_sensitivity`` or ``high_specificity`` of radiographs that chose no threshold.
    rate : str
        ``sensitivity`` or ``specificity``.
    """
    what, kind, wrong = _RATES[rate]
    n_wrong = point["groups"] - point["groups_correct"]
    return (
        f"With 95 % confidence at least {rounded_down(point[f'guaranteed_{rate}'], 2)} {what} "
        f"({_groups(point, kind)}, {n_wrong:,} of them {wrong}; {_wanting(point, wrong)})."
    )


def guarantee_of_choice(point: Mapping[str, Any], rate: str) -> str:
    """Say what holds of a point by the groups that chose its threshold."""
    what, kind, _ = _RATES[rate]
    bound = point[f"guaranteed_{rate}"]
    if bound is None:
        return (
            f"Of the {rate} the choice itself promises nothing: the {_groups(point, kind)} weigh unlike, "
            "and so the threshold lies past the score that their number fixes."
        )
    return (
        f"With 95 % confidence at least {rounded_down(bound, 2)} {what}, by the rank of the threshold among "
        f"{_groups(point, kind)}{_too_few(point)}."
    )


def exams(scores: Mapping[str, Any]) -> str:
    """Say which exams were scored, and how they were answered.

    Parameters
    ----------
    scores
        ``test_by_study``, see :func:`pipeline.evaluate.studies.score`.
    """
    learnt = "calibrated on exams of val, and decided by thresholds of exams"
    if scores["calibrated_on"] != OF_STUDIES:
        learnt = "with its own probability and decision: val knows too few such exams to calibrate on"
    unanswered = (
        f"{scores['out_of_scope']:,} more have no view in scope: they get no decision and do not count."
    )
    return (
        f"Views of test with one study_id or, where that is empty, one patient_id are an exam, as fracture "
        f"predict --by study answers it. Of these exams {scores['several_views']:,} have several views in "
        f"scope: the highest answers, {learnt}. {unanswered if scores['out_of_scope'] else ''}"
    ).rstrip()


def _groups(point: Mapping[str, Any], kind: str) -> str:
    return f"{point['groups']:,} {kind} group{'' if point['groups'] == 1 else 's'}"


def _wanting(point: Mapping[str, Any], wrong: str) -> str:
    """Say what it would take to promise the target."""
    more, target = point["more_groups_needed"], f"{point['target']:g}"
    if more is None:
        return f"no number of groups with that share {wrong} would promise {target}"
    if not more:
        return f"enough to promise {target}"
    return f"{more:,} more with the same share {wrong} would be needed to promise {target}"


def _too_few(point: Mapping[str, Any]) -> str:
    """Say how many groups are lacking for any threshold to promise the target."""
    more = point["more_groups_needed"]
    return f"; no threshold could promise {point['target']:g} without {more:,} more" if more else ""
