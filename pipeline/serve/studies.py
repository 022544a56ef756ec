"""The answers of one request, study by study: as `predict --by study` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.examine import record
from pipeline.predict.bundle import Bundle
from pipeline.serve.examining import Answer


def grouped(answers: Sequence[Answer], loaded: Bundle) -> list[dict[str, Any]]:
    """Group radiographs by their study, in the order of the first; one that names none stands alone.

    A file that was refused stands with its study, and says nothing of it.
    """
    named: dict[str, list[Answer]] = {}
    for place, answer in enumerate(answers):
        named.setdefault(answer.study or f"file {place}", []).append(answer)
    return [
        record.describe_study(number, [(view.record, view.finding) for view in views], loaded)
        for number, views in enumerate(named.values(), 1)
    ]
