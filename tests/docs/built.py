"""What a built page holds: its anchors, its links, what it asks the browser to fetch, and its blocks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

_FETCHED = {  # attributes whose address a browser fetches by itself
    **dict.fromkeys(
        ("audio", "embed", "iframe", "img", "input", "script", "source", "track", "video"), "src"
    ),
    "object": "data",
    "image": "href",
    "use": "href",
}
_RELATIONS = {
    "stylesheet",
    "icon",
    "preload",
    "modulepreload",
    "preconnect",
    "dns-prefetch",
    "manifest",
    "prefetch",
}
_COUNTED = {"li", "pre", "table"}


@dataclass
class Page:
    """One page: its anchors, addresses of links and of what is fetched, blocks of its article."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    blocks: Counter[str] = field(default_factory=Counter)
    policy: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page, self.in_article, self.in_style = Page(), False, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.page.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.in_article |= tag == "article"
        self.in_style = tag == "style"
        if self.in_article and tag in _COUNTED:
            self.page.blocks[tag] += 1
        if tag == "a" and "href" in given:
            self.page.links.append(given["href"])
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy" and not self.page.fetched:
            self.page.policy = given["content"]
        self.page.fetched += _fetched(tag, given)
        self.page.styles += [given["style"]] if "style" in given else []

    def handle_endtag(self, tag: str) -> None:
        self.in_article &= tag != "article"
        self.in_style &= tag != "style"

    def handle_data(self, data: str) -> None:
        if self.in_style:
            self.page.styles.append(data)


def _fetched(tag: str, given: dict[str, str]) -> list[str]:
    if tag == "link":
        return [given["href"]] if _RELATIONS & set(given.get("rel", "").split()) else []
    addresses = [given[_FETCHED[tag]]] if _FETCHED.get(tag) in given else []
    return addresses + [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]


@cache
def read(path: Path) -> Page:
    """Read one page."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page
