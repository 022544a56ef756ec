"""A section of the model card: the same for Markdown and HTML."""

from __future__ import annotations

from dataclasses import dataclass, field

Rows = list[tuple[str | None, ...]]


@dataclass(frozen=True)
class Section:
    """Paragraphs, then a table; the first ``n_text`` columns hold text, the others figures."""

    title: str
    text: tuple[str, ...]
    head: tuple[str, ...] = ()
    rows: Rows = field(default_factory=list)
    n_text: int = 1
