"""Links from docs/ to other files of the repository, which are no pages of the site."""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor
from mkdocs.plugins import get_plugin_logger

log = get_plugin_logger("documentation")
_AFTER_INLINE = 10  # links are elements by then, and MkDocs has not looked at them yet


class SourceLinks(Extension):  # type: ignore[misc]  # Markdown has no types
    """Send links that leave docs/ to where the repository is shown; without such a place, make them text.

    Parameters
    ----------
    repository
        The repository's top folder.
    source
        Address below which its files are shown; empty where none is known.
    """

    def __init__(self, repository: Path, source: str) -> None:
        super().__init__()
        self.repository, self.source = repository, source.rstrip("/")
        self.page = "index.md"  # below docs/; of what is converted next

    def extendMarkdown(self, md: Markdown) -> None:
        """Look at each link before MkDocs does."""
        md.treeprocessors.register(_Processor(self, md), "source_links", _AFTER_INLINE)

    def changed(self, link: Element) -> None:
        """Change one link where its target is no page of the site."""
        address = urlsplit(link.get("href", ""))
        if address.scheme or address.netloc or not address.path or address.path.startswith("/"):
            return
        folder = posixpath.dirname(f"docs/{self.page}")
        target = posixpath.normpath(posixpath.join(folder, unquote(address.path)))
        if target.startswith("docs/"):
            return
        if target.startswith("../") or not (self.repository / target).exists():
            log.warning("docs/%s links to %s, which is no file of the repository", self.page, target)
        elif self.source:
            link.set("href", f"{self.source}/{target}")
        else:
            _make_text(link, target)


class _Processor(Treeprocessor):  # type: ignore[misc]
    def __init__(self, links: SourceLinks, md: Markdown) -> None:
        super().__init__(md)
        self.links = links

    def run(self, root: Element) -> None:
        for link in list(root.iter("a")):
            self.links.changed(link)


def _make_text(link: Element, path: str) -> None:
    """Keep the words of a link, and name the file where they do not."""
    words = "".join(link.itertext())
    link.tag = "span"
    link.attrib.clear()
    if path and posixpath.basename(path) not in words:
        name = Element("code")
        name.text = path
        name.tail = ")"
        if len(link):
            link[-1].tail = f"{link[-1].tail or ''} ("
        else:
            link.text = f"{link.text or ''} ("
        link.append(name)
