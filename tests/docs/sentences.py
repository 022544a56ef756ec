"""The sentences of a page and their words, as a reader counts them.

Headings, tables, blocks of code and HTML are no sentences. A paragraph and a list item end one, whatever
they end with. Code within a line counts by its words, and its points end nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it.token import Token

from tests.docs import pages

_END = re.compile(r"""(?<=[.!?])["')\]*_]*\s+(?=["'(\[*_]*[A-Z0-9])""")
_ABBREVIATED = re.compile(r"\b(al|approx|cf|ca|e\.g|etc|Fig|i\.e|no|No|p|pp|resp|vs|v)\.(?=\s)")
_WORD = re.compile(r"\w")


def of(markdown: str) -> list[str]:
    """All sentences of a page, in its order."""
    return [sentence for paragraph in _paragraphs(markdown) for sentence in _split(paragraph)]


def words(sentence: str) -> int:
    """Count what stands between spaces and holds a letter or a digit."""
    return sum(bool(_WORD.search(part)) for part in sentence.split())


def _split(paragraph: str) -> list[str]:
    shown = _ABBREVIATED.sub(lambda found: found.group(0)[:-1], paragraph)
    return [sentence for sentence in _END.split(shown) if words(sentence)]


def _paragraphs(markdown: str) -> Iterator[str]:
    before = ""
    for token in pages.tokens(markdown):
        if token.type == "inline" and before == "paragraph_open":
            yield "".join(_read(child) for child in token.children or ())
        before = token.type


def _read(token: Token) -> str:
    if token.type == "code_inline":
        return re.sub(r"\S+", "Code", token.content)
    if token.type in ("softbreak", "hardbreak"):
        return " "
    return token.content if token.type == "text" else ""
