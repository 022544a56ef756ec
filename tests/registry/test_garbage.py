from __future__ import annotations

import pytest

from pipeline.registry import garbage, ledger
from pipeline.registry.garbage import Run, Version
from pipeline.registry.ledger import Entry, Model

NOW = 1e9
OLD = NOW - garbage.WEEK_S


def history(actions: str) -> list[Entry]:
    """Lines of a ledger: a letter is a promotion, `-` a rollback."""
    entries: list[Entry] = []
    for number, action in enumerate(actions):
        promoted = None if action == "-" else Model(action * 64, str(number))
        given = {"at": "2026-11-29T00:00:00Z", "actor": "a", "reason": "r", "figures": {}}
        entries.append(ledger.following(entries, promoted, commit=f"commit-{number}", **given))
    return entries


@pytest.mark.parametrize(
    ("actions", "keep", "stay"),
    [
        ("abc", None, "abc"),
        ("abc", 1, "bc"),
        ("abc", 9, "abc"),
        ("ab-", None, "ab"),
        ("ab-", 1, "a"),
        ("ab-c", 1, "ac"),
        ("", 1, ""),
    ],
)
def test_champions_stay_as_far_back_as_a_rollback_must_reach(
    actions: str, keep: int | None, stay: str
) -> None:
    assert {bundle[0] for bundle in garbage.champions(history(actions), keep)} == set(stay)


def test_commits_are_those_of_the_promotions_of_what_stays() -> None:
    entries = history("ab-c")
    assert garbage.commits(entries, {"a" * 64, "c" * 64}) == {"commit-0", "commit-3"}


@pytest.mark.parametrize(
    ("changes", "goes"),
    [
        ({}, True),
        ({"aliased": True}, False),
        ({"fitted": True}, False),
        ({"bundle": "champion"}, False),
        ({"md5": "used"}, False),
        ({"created_s": OLD + 1}, False),
    ],
)
def test_a_version_goes_where_nothing_needs_it(changes: dict, goes: bool) -> None:
    one = Version("1", "b", "m", OLD, aliased=False, fitted=False)._replace(**changes)
    assert garbage.versions([one], {"champion"}, {"used"}, NOW) == [one] * goes


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "failed, and another attempt finished"),
        ({"status": "KILLED"}, "killed, and another attempt finished"),
        ({"key": "other"}, None),
        ({"status": "FINISHED"}, None),
        ({"status": "FINISHED", "deleted": True}, "deleted in MLflow"),
        ({"deleted": True, "needed": True}, None),
    ],
)
def test_a_run_goes_where_it_was_deleted_or_another_attempt_finished(changes: dict, why: str | None) -> None:
    finished = Run("1", "train", "key", "FINISHED", deleted=False, needed=False)
    one = Run("2", "train", "key", "FAILED", deleted=False, needed=False)._replace(**changes)
    assert garbage.runs([finished, one]) == ({one: why} if why else {})


def test_files_go_where_no_version_names_them_for_a_week() -> None:
    found = {"named": OLD, "young": OLD + 1, "old": OLD}
    assert garbage.models(found, {"named"}, NOW) == ["old"]
