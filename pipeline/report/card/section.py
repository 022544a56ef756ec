"""A section of the model card: the same for Markdown and HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.report.pages import interval

Rows = list[tuple[str | None, ...]]


@dataclass(frozen=True)
class Section:
    """Paragraphs, then a table; the first ``n_text`` columns hold text, the others figures."""

    title: str
    text: tuple[str, ...]
    head: tuple[str, ...] = ()
    rows: Rows = field(default_factory=list)
    n_text: int = 1


def with_interval(row: Mapping[str, Any], name: str) -> str:
    """Write a figure of a row, or of a mapping, with its interval."""
    return interval(row[name], row[f"{name}_low"], row[f"{name}_high"], 3)
