"""Cells of tables that people open in spreadsheets."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.dataset import issues
from pipeline.files import cells
from pipeline.files.faults import Issue


@pytest.mark.reliability("cells that begin like a formula, in tables for people", "no spreadsheet runs them")
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\uff1d"])
def test_no_cell_begins_like_a_formula(sign, tmp_path):
    assert cells.text(f"{sign}cmd") == f"'{sign}cmd"
    assert Path(cells.path(f"{sign}cmd.png")) == Path(f"{sign}cmd.png")
    issues.write([Issue.of(f"{sign}a.png", "broken", f"{sign}b")], tmp_path / "issues.csv")
    row = (tmp_path / "issues.csv").read_bytes().decode().replace('"', "").split("\n", 1)[1]
    assert row.startswith(f"./{sign}a.png,broken,quarantined,'{sign}b")


@pytest.mark.parametrize("plain", ["-1.5", "+3", "train/a=b.png", "", "a"])
def test_numbers_and_other_texts_stay(plain):
    assert cells.text(plain) == plain
