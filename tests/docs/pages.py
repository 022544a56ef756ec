"""The pages as they are written: README, what lies in docs/, and their Markdown as tokens."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.imports import REPOSITORY

DOCS = REPOSITORY / "docs"
MADE = {"docs/reliability.md"}  # by tests
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def all_pages() -> list[str]:
    """Paths of the pages that people write, from the repository's top."""
    tops = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"]
    files = [*(file for file in tops if file.exists()), *sorted(DOCS.rglob("*.md"))]
    return [name for file in files if (name := file.relative_to(REPOSITORY).as_posix()) not in MADE]


def text(page: str) -> str:
    return _FRONT_MATTER.sub("", (REPOSITORY / page).read_text(encoding="utf-8"))


def tokens(markdown: str) -> list[Token]:
    """Markdown as a forge reads it: CommonMark with tables."""
    return MarkdownIt("commonmark").enable("table").parse(markdown)
