"""How GitHub and GitLab are asked, and what git is told of the token."""

from __future__ import annotations

import pytest

from ci import forge as forges
from ci import propose

GITLAB = {
    "CI_PROJECT_ID": "7", "CI_API_V4_URL": "https://lab/api/v4", "CI_PROJECT_URL": "https://lab/h/f",
    "CI_DEFAULT_BRANCH": "main", "GITLAB_USER_LOGIN": "grace", "FORGE_TOKEN": "secret",
}  # fmt: skip


@pytest.fixture
def gitlab(monkeypatch):
    """A GitLab whose answers are given, and what it was asked."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    for name, value in GITLAB.items():
        monkeypatch.setenv(name, value)
    requests, answers = [], [[], {"iid": 4}, {}]
    monkeypatch.setattr(
        forges, "send", lambda *request: requests.append(request) or answers[len(requests) - 1]
    )
    return forges.here(), requests


def test_gitlab_is_asked_for_a_merge_request_and_a_note(gitlab):
    here, asked = gitlab
    here.comment(here.propose("retrain/a", "Retrain"), "text")
    top, headers = "https://lab/api/v4/projects/7/merge_requests", {"PRIVATE-TOKEN": "secret"}
    body = {"source_branch": "retrain/a", "target_branch": "main", "title": "Retrain"}
    assert asked == [
        (f"{top}?state=opened&source_branch=retrain%2Fa", headers),
        (top, headers, body),
        (f"{top}/4/notes", headers, {"body": "text"}),
    ]
    assert here.approver() == "grace"
    assert here.file("c0ffee", "maps/a b.jpg") == "https://lab/h/f/-/raw/c0ffee/maps/a%20b.jpg"


def test_elsewhere_there_is_no_forge(monkeypatch):
    for name in ("GITHUB_REPOSITORY", "CI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    assert forges.here() is None


def test_who_caused_the_run_stands_in_for_a_missing_approval(forge):
    forge.approver = ""
    assert forges.here().approver() == "ada"


def test_a_long_comment_is_cut():
    assert len(forges.shortened("x" * 70_000)) == 65_000
    assert forges.shortened("x" * 70_000).endswith("artifacts.\n")
    assert forges.shortened("short") == "short"


def test_a_user_in_the_origins_address_is_left_out(job):
    propose.git("remote", "set-url", "origin", "https://gitlab-ci-token:weak@lab/h/f.git")
    assert propose.origin() == "https://lab/h/f.git"
