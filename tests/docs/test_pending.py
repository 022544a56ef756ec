"""The list of pages that others still write ends with the last of them."""

from __future__ import annotations

from ci.documentation.pending import PENDING
from tests.docs import pages


def test_no_page_that_is_there_is_called_pending() -> None:
    assert [page for page in PENDING if pages.exists(f"docs/{page}")] == []
