"""The model card: what the model is, how it came about and how far to trust it, filled from the run.

Written once, as sections, and laid out twice: in Markdown and in HTML. After Mitchell et al., Model cards
for model reporting, FAT* 2019, https://doi.org/10.1145/3287560.3287596.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from pipeline.report.card import answers, findings, origin
from pipeline.report.card import checklists as lists
from pipeline.report.card.origin import Origin
from pipeline.report.card.section import Rows, Section

__all__ = ["Origin", "Section", "context"]


def context(
    model_origin: Origin,
    figures: Mapping[str, Any],
    subgroups: pd.DataFrame,
    robustness: pd.DataFrame,
    decision_curve: pd.DataFrame,
) -> dict[str, Any]:
    """Gather what ``model_card.md`` and ``model_card.html`` need.

    Parameters
    ----------
    model_origin
        How the model came about.
    figures
        ``metrics.json`` of `evaluate`.
    subgroups, robustness, decision_curve
        The tables of `evaluate`; those without a finding make no section.
    """
    sections = [
        origin.purpose(model_origin),
        origin.data(model_origin),
        origin.making(model_origin),
        findings.decisions(model_origin.evaluate, figures),
        findings.performance(figures),
        *findings.exams(figures),
        *findings.subgroups(subgroups),
        *findings.robustness(robustness),
        findings.benefit(decision_curve),
        findings.maps(model_origin.mapped),
        findings.limits(figures, subgroups),
    ]
    measured = {
        "validate": model_origin.validated,
        "train": model_origin.trained,
        "evaluate": figures,
        "region_maps": model_origin.mapped,
    }
    return {"scores": figures["test"], "sections": [*sections, *_reporting(sections, measured)]}


def _reporting(sections: list[Section], measured: Mapping[str, Any]) -> Iterator[Section]:
    """Tell what is answered, list by list, and what only the user can answer."""
    titles = {section.title for section in sections}
    unanswered: Rows = []
    for name, items in lists.ITEMS.items():
        given = [answers.of(item, titles, measured) for item in items]
        known = [answer for answer in given if answer.state != answers.OPEN]
        in_part = sum(answer.state == answers.IN_PART for answer in known)
        text = (
            f"{len(known) - in_part} of {len(items)} items are answered, {in_part} in part. The words are "
            f"ours; the list itself: doi {lists.DOI[name]}."
        )
        head = ("Item", "Asks for", "See", "This run's figures", "Still missing")
        rows: Rows = [_row(answer) for answer in known]
        yield Section(f"Answered of {name}", (text,), head, rows, n_text=len(head))
        unanswered += [
            (f"{name} {answer.item.number}", answer.item.asks_for, answer.lacks, answer.who, "")
            for answer in given
            if answer.state == answers.OPEN
        ]
    text = "No run can know these; a card is complete when its user has filled them in."
    head = ("Item", "Asks for", "Why it is open", "Who could say", "Answer")
    yield Section("For you to fill in", (text,), head, unanswered, n_text=len(head))


def _row(answer: answers.Answer) -> tuple[str, ...]:
    """Lay an answer out as a row."""
    see = ", ".join(filter(None, (answer.section, answer.item.place)))
    figures = "; ".join(" ".join(figure) for figure in answer.figures)
    return answer.item.number, answer.item.asks_for, see, figures, answer.lacks
