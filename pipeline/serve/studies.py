"""Radiographs of one study together: the highest of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.serve.examining import Answer


def grouped(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Group radiographs by their study, in the order of the first; one that names none stands alone."""
    studies: dict[str, list[dict[str, Any]]] = {}
    for place, answer in enumerate(answers):
        studies.setdefault(answer.study or f"file {place + 1}", []).append(answer.record)
    return [_joint(name, views) for name, views in studies.items()]


def _joint(name: str, views: list[dict[str, Any]]) -> dict[str, Any]:
    examined = [view for view in views if "error" not in view]
    highest = max(examined, key=lambda view: view["probability"], default={})
    joint = {key: highest.get(key) for key in ("probability", "decision", "body_part")}
    return {"study": name, **joint, "views": views}
