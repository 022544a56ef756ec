"""The site builds without a warning; its links lead somewhere, and nothing of it asks another host."""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from pymdownx.slugs import slugify

from ci.documentation import api
from tests.docs import built, pages
from tests.imports import PACKAGE, REPOSITORY

# MkDocs, with all that a socket could reach refused.
_OFFLINE = """
import socket, sys
from mkdocs.__main__ import cli
def refuse(*address):
    raise OSError(f"no network here. Received: {address}")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
cli(["build", "--quiet", "--site-dir", sys.argv[1]])
"""
_URL = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
# Made of the code, where a forge shows a stub.
_MADE = {"docs/reference/settings.md", "docs/reference/commands.md", "docs/reference/issues.md"}
# Pages that are older than the site. The list only shrinks: a page that complies is taken off it.


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-c", _OFFLINE, str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    written = {path.relative_to(pages.DOCS) for path in pages.DOCS.rglob("*.md")}
    expected = written | {Path(page) for page in api.pages(PACKAGE)}
    assert {path.with_suffix(".html") for path in expected} <= {
        path.relative_to(site) for path in site.rglob("*.html")
    }


def test_a_search_finds_a_guide_before_the_reasons_for_it(site: Path) -> None:
    entries = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))["docs"]
    weights = {entry["location"]: entry.get("boost", 1) for entry in entries}
    guide = weights["how-to/dicom-node.html"]
    decisions = [weight for page, weight in weights.items() if page.startswith("decisions/0026")]
    assert decisions
    assert max(decisions) < guide


def test_docstrings_are_shown_with_their_parts_and_without_roles(site: Path) -> None:
    html = "".join(path.read_text(encoding="utf-8") for path in (site / "reference/api").glob("*.html"))
    assert re.findall(":(?:func|class|mod|data):<code>.*?</code>", html) == []
    assert "<code>pipeline.evaluate.guaranteed.guaranteed</code>" in html
    assert "Parameters" in html


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    broken = [f"{page.name}: {url}" for page, url in links(site) if not leads(page, url)]
    assert broken == []


def links(site: Path) -> Iterator[tuple[Path, str]]:
    """Links within the site, each with its page."""
    for path in sorted(site.rglob("*.html")):
        urls = (url for url in built.read(path).links if not urlsplit(url).scheme)
        yield from ((path, url) for url in urls if path.name != "404.html")


def leads(page: Path, url: str) -> bool:
    address = urlsplit(url)
    target = Path(posixpath.normpath(page.parent / unquote(address.path))) if address.path else page
    if target.is_dir():
        target /= "index.html"
    anchors = built.read(target).anchors if target.suffix == ".html" and target.is_file() else set()
    return target.is_file() and (not address.fragment or unquote(address.fragment) in anchors)


@pytest.mark.parametrize("page", [name for name in pages.all_pages() if not name.startswith("docs/")])
def test_every_link_of_a_page_beside_the_site_leads_somewhere(page: str, site: Path) -> None:
    tokens = [child for token in pages.tokens(pages.text(page)) for child in token.children or ()]
    urls = [str(token.attrs[key]) for token in tokens for key in ("href", "src") if key in token.attrs]
    assert [url for url in urls if not urlsplit(url).scheme and not found(page, url, site)] == []


def found(page: str, url: str, site: Path) -> bool:
    """Whether a file of the repository is there, and a page of it has the anchor."""
    address = urlsplit(url)
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(address.path) or page))
    if not address.fragment:
        return (REPOSITORY / target).exists()
    if target.startswith("docs/"):
        return leads(
            site / "index.html", f"{Path(target).relative_to('docs').with_suffix('.html')}#{address.fragment}"
        )
    return address.fragment in headings(target)


def headings(page: str) -> set[str]:
    """Anchors that a forge gives the headings of a page."""
    tokens, slug = pages.tokens(pages.text(page)), slugify(case="lower")
    return {
        slug(tokens[i + 1].content, "-") for i, token in enumerate(tokens) if token.type == "heading_open"
    }


def test_no_page_asks_another_host(site: Path) -> None:
    read = [built.read(path) for path in site.rglob("*.html")]
    sheets = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    styles = [*sheets, *(style for page in read for style in page.styles)]
    named = [group for style in styles for match in _URL.findall(style) for group in match if group]
    fetched = [*named, *(url for page in read for url in page.fetched)]
    assert fetched
    assert (
        sorted({url for url in fetched if urlsplit(url).scheme not in ("", "data") or urlsplit(url).netloc})
        == []
    )


def test_the_browser_refuses_other_hosts_on_every_page(site: Path) -> None:
    policies = {built.read(path).policy for path in site.rglob("*.html")}
    assert policies == {"default-src 'self' 'unsafe-inline' data: blob:"}


@pytest.mark.parametrize("page", [name for name in pages.all_pages() if name.startswith("docs/")])
def test_a_page_has_the_lists_tables_and_code_that_a_forge_shows(page: str, site: Path) -> None:
    kinds = {"list_item_open": "li", "table_open": "table", "fence": "pre", "code_block": "pre"}
    tokens = pages.tokens(pages.text(page))
    written = Counter(kinds[token.type] for token in tokens if token.type in kinds)
    here = built.read((site / page.removeprefix("docs/")).with_suffix(".html")).blocks
    faults = [
        f"{kind}: {here[kind]}, not {written[kind]}" for kind in here | written if here[kind] != written[kind]
    ]
    assert page in _MADE or faults == []
