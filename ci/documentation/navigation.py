"""The navigation of mkdocs.yml with its wildcards filled in, so that nobody lists every page by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from typing import Any


def expanded(nav: list[Any], pages: Iterable[str]) -> list[Any]:
    """Replace each wildcard by the pages that no entry names; a part without pages goes.

    Parameters
    ----------
    nav
        As in mkdocs.yml. ``FOLDER/*`` stands for pages of that folder alone, ``*`` for pages at the top.
    pages
        Paths below docs/. Those that a wildcard stands for are put in order, the index of a folder first.
    """
    left = sorted(set(pages) - set(_named(nav)), key=lambda page: (not page.endswith("index.md"), page))
    return list(_filled(nav, left))


def _named(items: list[Any]) -> Iterator[str]:
    for item in items:
        content = next(iter(item.values())) if isinstance(item, dict) else item
        if isinstance(content, list):
            yield from _named(content)
        else:
            yield content


def _filled(items: list[Any], left: list[str]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, dict):
            ((title, content),) = item.items()
            below = list(_filled(content, left)) if isinstance(content, list) else content
            if below:
                yield {title: below}
        elif item.endswith("*"):
            yield from (page for page in left if fnmatch(page, item) and page.count("/") == item.count("/"))
        else:
            yield item
