"""A service that follows the champion."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pipeline.registry import loading, model_choice
from pipeline.registry.loading import Loaded, Version
from pipeline.serve import following
from pipeline.serve.model import Model
from pipeline.track.models import VersionError
from pipeline.track.outage import StoreError
from tests.serve.conftest import TOLD

SECOND = TOLD | {"name": "champion, version 2"}


def eventually(asked, expected):
    until = time.monotonic() + 10
    while (found := asked()) != expected and time.monotonic() < until:
        time.sleep(0.01)
    assert found == expected


def test_a_later_champion_takes_over_while_requests_are_answered(loaded, serve):
    def later(told):
        return Model(loaded, SECOND) if told == TOLD else None

    client = serve(later=later, follow_s=0.01, begin=True)
    eventually(lambda: client.get("/model").json()["model"], SECOND)
    assert client.get("/ready").json() == {"status": "ready", "warnings": []}


@pytest.mark.reliability(
    "a new champion that cannot be loaded, while `fracture serve` runs", "the old one answers on"
)
def test_a_champion_that_cannot_be_loaded_leaves_the_old_one(loaded, serve):
    answers = [StoreError("nobody answers"), ValueError("torn")]

    def later(told):
        if answers:
            raise answers.pop()
        return Model(loaded, SECOND) if told == TOLD else None

    client = serve(later=later, follow_s=0.2, begin=True)
    eventually(lambda: ["torn" in each for each in client.get("/ready").json()["warnings"]], [True])
    assert client.get("/model").json()["model"] == TOLD
    eventually(lambda: client.get("/model").json()["model"], SECOND)
    assert client.get("/ready").json()["warnings"] == []
    assert "fracture_follow_failures_total 2.0" in client.get("/metrics").text


def test_a_model_that_cannot_answer_says_that_its_files_do_not_go_together(loaded):
    canvas = loaded.preprocess.model_copy(update={"height_px": 96})
    with pytest.raises(ValueError, match=r"current must answer.*invalid dimensions"):
        loading.warm(replace(loaded, preprocess=canvas), TOLD)


def test_where_there_is_no_champion_yet_none_is_missed(config, monkeypatch):
    here = [None, Version(TOLD["name"], TOLD["sha256"]), None]

    def ask(config, name):
        if (found := here.pop(0)) is None:
            raise VersionError("no champion")
        return found

    monkeypatch.setattr(loading, "version", ask)
    follower = following.Follower(config, "champion")
    assert follower.later(TOLD) is None  # never had one
    assert follower.later(TOLD) is None  # this one
    with pytest.raises(VersionError):  # lost it
        follower.later(TOLD)


def test_a_version_is_loaded_once_and_one_that_failed_is_left_for_a_while(loaded, config, monkeypatch):
    found, tried = Version("champion, version 2", "b" * 12), []

    def load(config, name):
        tried.append(name)
        if len(tried) == 1:
            raise ValueError("torn")
        return Loaded(loaded, {"name": found.name, "sha256": found.sha256, "learnt_from": ""}, "")

    monkeypatch.setattr(following.loading, "version", lambda config, name: found)
    monkeypatch.setattr(following.loading, "load_with_card", load)
    follower = following.Follower(config, "champion")
    with pytest.raises(ValueError, match="torn"):
        follower.later(TOLD)
    assert follower.later(TOLD) is None
    monkeypatch.setattr(loading, "_AGAIN_S", 0.0)
    model = follower.later(TOLD)
    assert follower.later(model.told) is None
    assert tried == ["champion"] * 2


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (None, "champion"),
        ("champion", "champion"),
        ("models:/fracture@shadow", "models:/fracture@shadow"),
        ("models:/fracture/3", None),
        ("released", None),
        ("sites/ward@3", None),
    ],
)
def test_aliases_are_followed_and_a_version_or_a_folder_is_not(asked, name):
    assert loading.followed(asked) == name


def test_the_registry_says_which_version_bears_an_alias(config, monkeypatch):
    client = SimpleNamespace(
        search_registered_models=lambda _: [SimpleNamespace(aliases={"champion": "3"}, tags={})],
        get_model_version=lambda name, number: SimpleNamespace(tags={"bundle_sha256": "c" * 64}),
    )
    monkeypatch.setattr(model_choice.stores, "existing", lambda *_: SimpleNamespace(client=client))
    monkeypatch.setattr(model_choice.versions, "BUNDLE_TAG", "bundle_sha256")
    assert loading.version(config, "champion") == ("champion, version 3", "c" * 12)
