"""The model card: what the model is, how it came about and how far to trust it, filled from the run.

Written once, as sections, and laid out twice: in Markdown and in HTML. After Mitchell et al., Model cards
for model reporting, FAT* 2019, https://doi.org/10.1145/3287560.3287596.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from pipeline.report.card import checklists as lists
from pipeline.report.card import findings, origin
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
        *findings.subgroups(subgroups),
        *findings.robustness(robustness),
        findings.benefit(decision_curve),
        findings.maps(),
        findings.limits(figures, subgroups),
    ]
    return {"scores": figures["test"], "sections": [*sections, *_reporting(sections)]}


def _reporting(sections: list[Section]) -> Iterator[Section]:
    """Tell what is answered, list by list, and what only the user can answer."""
    titles = {section.title for section in sections}
    for name, items in lists.ITEMS.items():
        answered: Rows = [tuple(item) for item in items if item.section in titles]
        text = f"Items that this card answers, in our words; the list itself: doi {lists.DOI[name]}."
        yield Section(f"Answered of {name}", (text,), ("Item", "Asks for", "See"), answered, n_text=3)
    unanswered: Rows = [
        (f"{name} {item.number}", item.asks_for, "")
        for name, items in lists.ITEMS.items()
        for item in items
        if item.section not in titles
    ]
    text = "No run can know these; a card is complete when its user has filled them in."
    yield Section("For you to fill in", (text,), ("Item", "Asks for", "Answer"), unanswered, n_text=3)
