"""What a run answers of a reporting guideline: item by item, in which section, with which figures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.report.card.checklists import Item
from pipeline.report.pages import count, decimals, interval

ANSWERED, IN_PART, OPEN = "answered", "in part", "not answered"
STATES = (ANSWERED, IN_PART, OPEN)


class Answer(NamedTuple):
    """How far an item is answered.

    Attributes
    ----------
    item
        The item.
    state
        One of `STATES`.
    section
        Of the model card; empty where none answers.
    figures
        Metric keys of the run, each with its figure as text.
    lacks
        What is missing; empty where the item is answered.
    who
        Who could say it.
    """

    item: Item
    state: str
    section: str
    figures: tuple[tuple[str, str], ...]
    lacks: str
    who: str


def of(item: Item, titles: Collection[str], figures: Mapping[str, Any]) -> Answer:
    """Answer an item from a run.

    Parameters
    ----------
    item
        An item that names a section is answered where the card has it; any other one, where one of its
        figures or its file is there.
    titles
        Of the sections of the run's card.
    figures
        ``metrics.json`` of the stages, by stage.

    Examples
    --------
    >>> sized = Item("10", "why the study has its size", "", "evaluate.groups", "", "a plan", "its author")
    >>> of(sized, (), {"evaluate": {"groups": 456}})[1:4]
    ('in part', '', (('evaluate.groups', '456'),))
    """
    shown = tuple(_shown(item.keys.split(), figures))
    if item.section and item.section not in titles:
        lacks = f"this run's card has no section “{item.section}”"
        return Answer(item, OPEN, "", (), lacks, "whoever runs the pipeline")
    if not (item.section or shown or item.place):
        return Answer(item, OPEN, "", (), item.lacks, item.who)
    return Answer(item, IN_PART if item.lacks else ANSWERED, item.section, shown, item.lacks, item.who)


def _shown(keys: Collection[str], figures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Write the figures that a run has."""
    for key in keys:
        value, low, high = (_at(figures, f"{key}{end}") for end in ("", "_low", "_high"))
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, int):
            yield key, count(value)
        elif value is not None:
            yield key, decimals(value) if low is None else interval(value, low, high, 3)


def _at(figures: Mapping[str, Any], key: str) -> Any:
    """Follow a dotted key; None where it ends nowhere."""
    value: Any = figures
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
