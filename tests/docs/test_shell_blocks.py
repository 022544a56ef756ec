"""Each block of shell commands says which test runs it, or why none does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.docs import pages
from tests.imports import REPOSITORY

_SHELLS = {"sh", "bash", "shell", "console"}
_COMMANDS = "cd curl docker dvc export fracture gh git make mkdocs mlflow pip python python3 source uv"
_COMMAND = re.compile(rf"^\$? ?([A-Z_]+=\S* )*({_COMMANDS.replace(' ', '|')})( |$)", re.MULTILINE)
_MARK = re.compile(r"<!-- (?:run: (?P<file>\S+)::(?P<name>\w+)|not run: (?P<reason>\S.*)) -->")


def faults(markdown: str) -> list[str]:
    """Name the blocks of commands without a mark, and marks that name no test."""
    return [fault for block, mark in blocks(markdown) if (fault := judged(block, mark))]


def blocks(markdown: str) -> Iterator[tuple[str, str]]:
    """Blocks that hold commands, each with the HTML comment right before it."""
    mark = ""
    for token in pages.tokens(markdown):
        if token.type in ("fence", "code_block"):
            language = token.info.partition(" ")[0]
            if language in _SHELLS or (not language and _COMMAND.search(token.content)):
                yield token.content, mark if token.type == "fence" else "in no fence"
        mark = token.content.strip() if token.type == "html_block" else ""


def judged(block: str, mark: str) -> str:
    found = _MARK.fullmatch(mark.splitlines()[-1] if mark else "")
    first = block.partition("\n")[0]
    if found is None:
        return f"no mark before, or no fence around: {first}"
    if found["reason"]:
        return ""
    file = REPOSITORY / "tests" / found["file"].removeprefix("tests/")
    defined = file.is_file() and f"def {found['name']}(" in file.read_text(encoding="utf-8")
    return "" if defined else f"{found['file']}::{found['name']} is no test: {first}"


@pytest.mark.parametrize("page", pages.all_pages())
def test_commands_are_run_by_a_test_or_marked(page: str) -> None:
    assert faults(pages.text(page)) == []


@pytest.mark.parametrize(
    ("markdown", "sound"),
    [
        ("```sh\nls\n```", False),
        ("```\nfracture ui\n```", False),
        ("    fracture ui\n", False),
        ("<!-- not run: it serves -->\n```\nfracture ui\n```", True),
        ("<!-- not run: it serves -->\n\nWords.\n\n```\nfracture ui\n```", False),
        ("<!-- not run:  -->\n```\nfracture ui\n```", False),
        ("<!-- run: test_main.py::test_no_such_thing -->\n```\nfracture ui\n```", False),
        ("<!-- run: tests/docs/test_prose.py::test_sentences_are_short -->\n```sh\nmake test\n```", True),
        ("```yaml\nmake: 1\n```\n\n```\npath,fractured\n```", True),
    ],
)
def test_a_block_of_commands_needs_its_own_mark(markdown: str, sound: bool) -> None:
    assert (faults(markdown) == []) == sound
