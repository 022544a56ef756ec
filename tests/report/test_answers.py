"""How far a run answers an item of a guideline."""

from __future__ import annotations

from pipeline.report.card import answers
from pipeline.report.card.checklists import Item

FIGURES = {"evaluate": {"test": {"auroc": 0.9, "auroc_low": 0.85, "auroc_high": 0.95, "groups": 1456}}}


def item(section: str = "", keys: str = "", place: str = "", lacks: str = "") -> Item:
    return Item("1", "a topic", section, keys, place, lacks, "the hospital" if lacks else "")


def test_a_section_of_the_card_answers() -> None:
    answer = answers.of(item("Data"), {"Data"}, {})
    assert (answer.state, answer.section, answer.figures) == (answers.ANSWERED, "Data", ())


def test_a_section_that_is_missing_leaves_the_item_open_whatever_the_figures() -> None:
    answer = answers.of(item("Robustness", "evaluate.test.auroc"), {"Data"}, FIGURES)
    assert (answer.state, answer.figures) == (answers.OPEN, ())
    assert "“Robustness”" in answer.lacks


def test_figures_stand_with_their_intervals() -> None:
    answer = answers.of(item(keys="evaluate.test.auroc evaluate.test.groups"), (), FIGURES)
    assert answer.state == answers.ANSWERED
    assert answer.figures == (
        ("evaluate.test.auroc", "0.900 (0.850 to 0.950)"),
        ("evaluate.test.groups", "1,456"),
    )


def test_figures_that_a_run_lacks_answer_nothing() -> None:
    answer = answers.of(item(keys="evaluate.test.ece region_maps.annotated", lacks="why"), (), FIGURES)
    assert (answer.state, answer.lacks, answer.who) == (answers.OPEN, "why", "the hospital")


def test_what_lacks_something_is_answered_in_part() -> None:
    assert answers.of(item(place="LICENSE", lacks="the data"), (), {}).state == answers.IN_PART
    assert answers.of(item(place="LICENSE"), (), {}).state == answers.ANSWERED
