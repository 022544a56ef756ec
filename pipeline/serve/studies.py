"""The answers of one request, study by study: as `predict --studies` gives them, see `study_records`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.examine import record, studies
from pipeline.predict.bundle import Bundle
from pipeline.serve.examining import Answer


def grouped(answers: Sequence[Answer], loaded: Bundle) -> list[dict[str, Any]]:
    """Group radiographs by their study, in the order of the first; one that names none stands alone.

    A file that was refused stands with its study, and says nothing of it.
    """
    named: dict[str, list[Answer]] = {}
    for place, answer in enumerate(answers):
        named.setdefault(answer.study or f"file {place}", []).append(answer)
    return [{"study": number} | _joint(views, loaded) for number, views in enumerate(named.values(), 1)]


def _joint(views: Sequence[Answer], loaded: Bundle) -> dict[str, Any]:
    answered = [view for view in views if view.finding]
    findings = [view.finding for view in answered if view.finding]
    joint = studies.answer(findings, loaded) if findings else None
    told = record.describe_study(joint, [view.record for view in answered])
    return told | {"views": [view.record for view in views]}
