"""What MkDocs calls while it builds the site: `python -m mkdocs build`."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

from ci.documentation import api, commands, issues, navigation, settings
from ci.documentation.links import SourceLinks

REPOSITORY = Path(__file__).parents[2]
_BEHIND = ("decisions/", "experiments/")  # who searches wants a guide before its reasons
GENERATED = {"settings": settings.page, "commands": commands.page, "issues": issues.page}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let headings have the anchors that a forge gives them, and links lead out of docs/."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    links = SourceLinks(REPOSITORY, config.extra["source"])
    config.extra["links"] = links
    config.markdown_extensions.append(links)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from docstrings, and name all pages in the navigation."""
    for uri, text in api.pages(REPOSITORY / "pipeline").items():
        files.append(File.generated(config, uri, content=text))
    config.nav = navigation.expanded(config.nav or [], (file.src_uri for file in files.documentation_pages()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put what is read from the code where the page asks for it: ``<!-- generated: settings -->``."""
    config.extra["links"].page = page.file.src_uri
    if page.file.src_uri.startswith(_BEHIND):
        page.meta.setdefault("search", {"boost": 0.4})
    for name, made in GENERATED.items():
        marker = f"<!-- generated: {name} -->"
        if marker in markdown:
            markdown = markdown.replace(marker, made(REPOSITORY))
    return markdown


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Show docstrings as they are meant."""
    return api.tidy(html)
