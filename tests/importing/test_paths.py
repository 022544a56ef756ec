"""Paths of a table or a reading that the system refuses to look at: they cost themselves alone."""

import os

import pytest

from pipeline.importing import feedback, record
from tests.importing import sources


@pytest.fixture
def locked(monkeypatch):
    """A folder of somebody else, into which nobody may look."""
    stat = os.stat

    def refused(path, *arguments, **options):
        if os.fsdecode(path).startswith("/locked/"):
            raise PermissionError(13, "Permission denied", path)
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", refused)
    return "/locked"


def test_absolute_paths_into_a_locked_folder_join_by_base_name(root, bring, locked):
    sources.csv_table(root)
    path = root / "list.csv"
    sources.text(path, path.read_text().replace("pictures/", f"{locked}/"))
    done = bring("csv", "list.csv")
    assert (done.left_out, done.figures["used"]["radiographs"]) == (set(), 24)


@pytest.mark.parametrize("name", [f"/{'n' * 300}.png", f"/{'d/' * 3000}x.png", f"{'n' * 300}.png"])
def test_a_path_that_no_system_can_hold_is_a_missing_file(root, bring, name):
    sources.csv_table(root)
    path = root / "list.csv"
    sources.text(path, path.read_text().replace("pictures/0.png", name, 1))
    done = bring("csv", "list.csv")
    assert (name, record.MISSING) in done.left_out
    assert done.figures["used"]["radiographs"] == 23


def test_a_reading_of_a_name_too_long_is_a_missing_file(tmp_path):
    assert feedback._fault(tmp_path / ("n" * 300), "") == record.MISSING
