"""What the jobs' own commands do: ask the gate, report, propose, promote, record."""

from __future__ import annotations

import json

import pytest

from ci import gate, propose, report
from tests.ci.conftest import BUNDLE, git, write

BRANCH = f"retrain/{BUNDLE[:12]}"


def decision(candidate: str, champion: str | None, *, promoted: bool) -> str:
    return json.dumps({"candidate": candidate, "champion": champion, "promoted": promoted, "rules": []})


@pytest.mark.parametrize(
    ("candidate", "champion", "promoted", "due"),
    [
        ("3", "2", True, "true"),
        ("3", None, True, "true"),
        ("3", "3", True, "false"),
        ("3", "2", False, "false"),
    ],
)
def test_the_gate_says_what_follows(job, fracture, outputs, candidate, champion, promoted, due):
    fracture(decision(candidate, champion, promoted=promoted), code=0 if promoted else 4)
    assert gate.decide() == 0
    assert outputs() == {"promote": due, "version": "3"}


def test_a_gate_that_cannot_answer_fails_the_job(job, fracture, outputs):
    fracture("", code=1)
    assert gate.decide() == 1
    assert outputs() == {}


def test_a_schedule_gives_no_reason_that_would_admit_a_withdrawn_version(job, fracture):
    calls = fracture(decision("3", "2", promoted=True))
    gate.decide()
    gate.promote()
    assert calls.read_text() == (
        "promote|--reason||--dry-run|--json|promote|--reason||--version|3|--actor|grace|"
    )


def test_a_person_may_give_one(job, fracture, monkeypatch):
    monkeypatch.setenv("REASON", "wrists were mislabelled")
    calls = fracture(decision("3", "2", promoted=True))
    gate.decide()
    assert calls.read_text().startswith("promote|--reason|wrists were mislabelled|")


def test_without_a_champion_nothing_is_compared(job, fracture):
    calls = fracture("# Comparison\n")
    report.main()
    assert not calls.exists()
    assert (job / "reports/retrain/comment.md").read_text() == "# Version 3 passes the gate\n"


def test_the_champion_is_compared(job, fracture):
    write(job / "reports/promote/gate.json", decision("3", "2", promoted=True))
    calls = fracture("# Comparison\n")
    report.main()
    said = calls.read_text()
    assert said.startswith("compare|version:2|workspace|--out|reports/retrain/comparison.html|")
    assert (job / "reports/retrain/comment.md").read_text().endswith("\n# Comparison\n")


def test_a_champion_that_cannot_be_compared_does_not_stop_the_proposal(job, fracture):
    write(job / "reports/promote/gate.json", decision("3", "2", promoted=True))
    fracture("INFO start\nERROR pipeline: a version is compared by its run.\n", code=1)
    report.main()
    assert (job / "reports/retrain/comment.md").read_text() == (
        "# Version 3 passes the gate\n\n"
        "There is no comparison with version:2: ERROR pipeline: a version is compared by its run.\n"
    )


def test_the_figures_of_the_stages_are_folded():
    assert report.folded("# Comparison\n\n## Settings\n\n## train\n\nx\n\n## evaluate\n\ny\n") == (
        "# Comparison\n\n## Settings\n\n<details><summary>All figures</summary>\n\n"
        "## train\n\nx\n\n## evaluate\n\ny\n\n</details>\n"
    )
    assert report.folded("# Comparison\n") == "# Comparison\n"


def test_a_gallery_has_full_rows():
    assert report.gallery(["hits-01.jpg", "false_alarms-01.jpg", "misses-01.jpg"]).splitlines()[2:] == [
        "|  |  |",
        "| --- | --- |",
        "| ![hits-01](maps/hits-01.jpg) | ![false alarms-01](maps/false_alarms-01.jpg) |",
        "| ![misses-01](maps/misses-01.jpg) |  |",
    ]


def test_a_proposal_holds_the_results_and_nothing_else(job, forge, outputs):
    report.main()
    propose.retrained()
    assert git(job, "diff", "--name-only", "origin/main", "HEAD").split() == [
        "dvc.lock",
        "reports/evaluate/metrics.json",
    ]
    assert forge.requests == [{"head": BRANCH, "base": "main", "title": "Retrain: model 0123456789ab"}]
    assert outputs() == {"ref": git(job, "ls-remote", "origin", BRANCH).split()[0]}


def test_radiographs_are_not_shown_unless_told_so(job, forge):
    report.main()
    propose.retrained()
    ((number, text),) = forge.comments
    assert (number, "![" in text, "in the run's artifacts" in text) == ("1", False, True)
    assert propose.MAPS_BRANCH not in git(job, "ls-remote", "origin")


def test_shown_radiographs_lie_on_a_branch_without_a_past(job, forge, monkeypatch):
    monkeypatch.setenv("SHOW_MAPS", "true")
    report.main()
    propose.retrained()
    commit = git(job, "ls-remote", "origin", propose.MAPS_BRANCH).split()[0]
    ((_, text),) = forge.comments
    assert f"![hits-01](https://forge.invalid/hospital/fractures/raw/{commit}/maps/hits-01.jpg)" in text
    assert git(job, "rev-list", "--count", commit) == "1"
    assert git(job, "ls-tree", "-r", "--name-only", commit) == "maps/hits-01.jpg"
    assert "miller" not in text


def test_the_same_result_is_proposed_once_and_named_by_the_commit_at_the_origin(
    job, forge, outputs, monkeypatch
):
    report.main()
    propose.retrained()
    git(job, "checkout", "--quiet", "origin/main")
    write(job / "dvc.lock", "stages: {}\n")
    write(job / "reports/evaluate/metrics.json", "{}\n")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")  # another time makes another commit
    propose.retrained()
    assert (len(forge.requests), len(forge.comments)) == (1, 1)
    proposed = git(job, "ls-remote", "origin", BRANCH).split()[0]
    assert outputs() == {"ref": proposed}
    assert git(job, "rev-parse", "HEAD") != proposed


def test_without_a_change_there_is_nothing_to_propose(job, forge, outputs):
    (job / "dvc.lock").unlink()
    (job / "reports/evaluate/metrics.json").unlink()
    propose.retrained()
    assert forge.requests == []
    assert outputs() == {"ref": git(job, "rev-parse", "origin/main")}


def test_the_ledger_follows_onto_the_branch(job, forge):
    report.main()
    propose.retrained()
    line = {"champion": {"version": "3"}, "replaced": {"version": "2"}, "actor": "grace", "at": "2026-11-23"}
    write(job / "ledger.jsonl", json.dumps(line) + "\n")
    propose.promoted()
    assert git(job, "log", "--format=%s", "origin/main..HEAD").splitlines() == [
        "Promote: model 0123456789ab",
        "Retrain: model 0123456789ab",
    ]
    assert len(forge.requests) == 1
    assert forge.comments[-1][1].startswith("Version 3 is champion instead of version 2: grace, 2026-11-23.")
