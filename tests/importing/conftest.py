"""Imports as the command makes them, and what they left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from pipeline.commands import import_source
from pipeline.importing.record import Options


class Imported(NamedTuple):
    """The folder, what ``--json`` printed, and the causes by the file that is named."""

    folder: Path
    figures: dict
    left_out: set[tuple[str, str]]

    @property
    def paths(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.glob("*/*/*"))


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "source"


@pytest.fixture
def bring(tmp_path, monkeypatch, capsys):
    """Import the folder ``source``, or what is named in it, into ``ours``."""
    monkeypatch.chdir(tmp_path)

    def run(kind: str, of: str = "", **options) -> Imported:
        out = tmp_path / "ours"
        import_source.run(kind, tmp_path / "source" / of, out, Options(**options), as_json=True)
        table = pd.read_csv(out / "left_out.csv", keep_default_na=False)
        figures = json.loads(capsys.readouterr().out)
        return Imported(out, figures, {*zip(table["file"], table["cause"], strict=True)})

    return run
