"""docs/security.md names tests that are there."""

from __future__ import annotations

import re

from tests.imports import REPOSITORY


def test_what_the_page_on_security_calls_tested_is_tested() -> None:
    page = (REPOSITORY / "docs/security.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){3,})`", page))
    sources = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py")]
    written = set(re.findall(r"^def test_(\w+)", "\n".join(sources), re.MULTILINE))
    assert len(named) > 15
    assert sorted(named - written) == []
