"""Markdown, as far as our reports need it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_ESCAPED = str.maketrans({"|": r"\|", "\n": " ", "<": "&lt;", "`": "'"})


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; cells are text, and what would break the table in them is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines) + "\n"


def cell(text: str) -> str:
    """Escape what ends a cell or begins a tag."""
    return text.translate(_ESCAPED)
