"""The tutorial's commands, run as written on smaller radiographs; those of how-to pages, parsed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
import yaml

from ci.rehearse import COUNTS, SETTINGS
from pipeline.__main__ import app
from tests import cloning
from tests.imports import REPOSITORY

TUTORIAL = REPOSITORY / "docs/tutorial.md"
PAGES = [TUTORIAL, *sorted((REPOSITORY / "docs/how-to").glob("*.md"))]
# As in the rehearsal of CI: as little work as trains a network that passes the gate.
SMALL = {**SETTINGS, "phantoms": {**SETTINGS["phantoms"], **COUNTS[0]}}
del SMALL["data"]
_BLOCK = re.compile(r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
_USER = {f"GIT_{who}_{what}": "developer" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Block(NamedTuple):
    """A fenced block: the comment before it, its language, what stands in it."""

    mark: str
    language: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    for found in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield Block(found["mark"] or "", found["language"], found["text"])


def calls(page: Path) -> Iterator[list[str]]:
    """Words of each call of `fracture` on a page."""
    for block in blocks(page):
        for line in block.text.splitlines() if block.language == "bash" else ():
            words = shlex.split(line, comments=True)
            if "fracture" in words:
                yield words[words.index("fracture") + 1 :]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_shell_block_says_whether_it_is_run(page: Path) -> None:
    marks = [block.mark for block in blocks(page) if block.language == "bash"]
    assert [mark for mark in marks if not re.match(r"(not )?run: \S", mark)] == []
    named = [mark.removeprefix("run: ").split("::") for mark in marks if mark.startswith("run: ")]
    for file, name in named:
        assert f"def {name}(" in (REPOSITORY / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_and_options_are_those_of_the_command_line(page: Path) -> None:
    commands = typer.main.get_group(app).commands
    for name, *arguments in calls(page):
        parser = commands[name].make_parser(typer.Context(commands[name]))
        parser.parse_args(arguments)  # raises where an option is none


@pytest.mark.slow  # trains two small networks: minutes
def test_the_commands_of_the_tutorial_lead_to_a_champion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = cloning.copy(tmp_path / "clone", SMALL)
    for name, value in {**_USER, "PATH": with_fracture(tmp_path / "bin")}.items():
        monkeypatch.setitem(cloning.ENVIRONMENT, name, value)
    cloning.run(clone, "bash", "-c", "git add --all && git commit --quiet --message Start")
    for block in blocks(TUTORIAL):
        if block.language == "yaml":
            change(clone / "params.yaml", yaml.safe_load(block.text))
        elif block.language == "bash" and block.mark.startswith("run: "):
            cloning.run(clone, "bash", "-euo", "pipefail", "-c", block.text)
    (line,) = (clone / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["champion"]["version"] == "1"
    assert "champion, version 1" in (tmp_path / "answer/predictions.csv").read_text(encoding="utf-8")


def with_fracture(folder: Path) -> str:
    """Make `fracture` the clone's own code, as it is where the package was installed from the clone."""
    folder.mkdir()
    (folder / "fracture").write_text('#!/bin/sh\nexec python -m pipeline "$@"\n')
    (folder / "fracture").chmod(0o755)
    return f"{folder}:{cloning.ENVIRONMENT['PATH']}"


def change(params: Path, settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Change settings as the page says, but for those that make the run small."""
    known = yaml.safe_load(params.read_text(encoding="utf-8"))
    for section, values in settings.items():
        known[section] |= values | SMALL.get(section, {})
    params.write_text(yaml.safe_dump(known), encoding="utf-8")
