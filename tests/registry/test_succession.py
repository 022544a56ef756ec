"""Changes of champion, with the real registry, and a crash at every moment of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Track
from pipeline.registry import ledger, succession, versions
from pipeline.registry.ledger import Entry, LedgerError, Model
from pipeline.registry.succession import Succession
from pipeline.track import models, store

A, B, C = (Model(name * 64, str(number)) for number, name in enumerate("abc", start=1))
NAME = "fracture"


class Crash(BaseException):
    """The process is gone: no handler of ours may catch it."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory) -> store.Store:
    """One database for all tests: to migrate it takes seconds. Each test registers under its own name."""
    folder = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return store.connect(Track(uri="", experiment="e", model_name=NAME, timeout_s=60), folder)


@pytest.fixture
def line_of(opened, tmp_path, request) -> Succession:
    return registered(Succession(opened, request.node.name, tmp_path / "ledger.jsonl"))


def registered(made: Succession, *models: Model) -> Succession:
    client = made.store.client
    client.create_registered_model(made.name)
    for model in models or (A, B, C):
        tags = {versions.BUNDLE_TAG: model.bundle}
        client.create_model_version(made.name, f"file:///{model.version}", tags=tags)
    return made


def promote(known: list[Entry], model: Model) -> Entry:
    before = ledger.champion_stack(known)[-1] if known else None
    return change(known, "promote", model, before, before)


def change(known, action, champion, previous, replaced) -> Entry:
    at = f"2026-11-23T10:00:{len(known):02d}Z"
    return Entry(len(known) + 1, at, action, "ada", "", champion, previous, replaced, "", {})


def follow(line_of: Succession, *models: Model) -> list[Entry]:
    for model in models:
        known = line_of.sync()
        line_of.advance(promote(known, model), known)
    return line_of.sync()


def aliases(line_of: Succession) -> dict[str, str]:
    return models.registered(line_of.store, line_of.name)[1]


def test_promotions_move_both_aliases_and_the_ledger(line_of):
    assert line_of.sync() == []
    assert not line_of.path.exists()
    assert [entry.champion for entry in follow(line_of, A)] == [A]
    assert aliases(line_of) == {"champion": "1"}
    entries = follow(line_of, C)
    assert aliases(line_of) == {"champion": "3", "previous": "1"}
    assert ledger.read(line_of.path) == entries


def test_a_rollback_takes_previous_back_one_more(line_of):
    known = follow(line_of, A, B)
    line_of.advance(change(known, "rollback", A, None, B), known)
    assert aliases(line_of) == {"champion": "1"}


@pytest.mark.parametrize("moment", range(5))
@pytest.mark.reliability(
    "a crash at each step of a promotion", "the old champion or the new one, and the ledger agrees"
)
def test_a_crash_leaves_either_the_old_champion_or_the_new_one(line_of, monkeypatch, moment):
    known = follow(line_of, A, B)
    die_at(monkeypatch, line_of, moment)
    with pytest.raises(Crash):
        line_of.advance(promote(known, C), known)
    monkeypatch.undo()
    lines, standing = models.registered(line_of.store, line_of.name)
    champion = standing["champion"]
    assert champion == "2" or "ledger.000003" in lines, "a champion without its line"
    entries = Succession(line_of.store, line_of.name, line_of.path).sync()
    changed = moment > 0  # the line stands in the registry: the change holds
    assert len(entries) == len(ledger.read(line_of.path)) == (3 if changed else 2)
    assert aliases(line_of) == (
        {"champion": "3", "previous": "2"} if changed else {"champion": "2", "previous": "1"}
    )


def die_at(monkeypatch, line_of, moment) -> None:
    """Die before the line is kept, before it is in the file, before either alias, and at the very end."""
    steps = [
        (line_of.store.client.raw, "set_registered_model_tag"),
        (ledger, "write"),
        (line_of.store.client.raw, "set_registered_model_alias"),
        (line_of.store.client.raw, "set_registered_model_alias"),
    ]
    calls = 0

    def dying(real):
        def step(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls > moment:
                raise Crash
            result = real(*args, **kwargs)
            if calls == len(steps):
                raise Crash
            return result

        return step

    for target, name in dict.fromkeys(steps):
        monkeypatch.setattr(target, name, dying(getattr(target, name)))


def test_a_clone_with_an_old_ledger_gets_the_missing_lines(line_of):
    entries = follow(line_of, A, B)
    ledger.write(line_of.path, entries[:1])
    assert line_of.sync() == ledger.read(line_of.path) == entries


@pytest.mark.reliability("a lost registry", "filled again from the ledger")
def test_a_lost_registry_is_filled_from_the_ledger_by_bundle(line_of, opened):
    entries = follow(line_of, A, B)
    new = registered(Succession(opened, f"{line_of.name}-anew", line_of.path), B, A)
    assert new.sync() == entries
    assert aliases(new) == {"champion": "1", "previous": "2"}  # other numbers, the same bundles


@pytest.mark.reliability("a deleted registered model", "one message: how to register the champion anew")
def test_a_registry_without_the_champion_is_left_alone(line_of, opened):
    follow(line_of, A, B)
    new = registered(Succession(opened, f"{line_of.name}-anew", line_of.path), A)
    with pytest.raises(
        LedgerError, match=r"version 2 of .* \(bundle bbbbbbbbbbbb\), which this registry lacks"
    ):
        new.sync()
    assert models.registered(new.store, new.name) == ({}, {})


@pytest.mark.reliability("an alias moved by hand", "set back to what the ledger says")
def test_an_alias_moved_by_hand_is_set_back(line_of):
    follow(line_of, A, B)
    line_of.store.client.set_registered_model_alias(line_of.name, succession.CHAMPION, "3")
    line_of.sync()
    assert aliases(line_of)["champion"] == "2"


def test_a_first_champion_set_by_hand_is_told(line_of, caplog):
    assert line_of.sync() == []
    assert caplog.text == ""
    line_of.store.client.set_registered_model_alias(line_of.name, succession.CHAMPION, "3")
    assert line_of.sync() == []
    assert f"version 3 of {line_of.name} bears the alias champion" in caplog.text
    assert "set by hand" in caplog.text


@pytest.mark.reliability("two machines promote at once", "one champion; the second is told to try again")
def test_a_change_that_somebody_overtook_is_refused(line_of):
    known = follow(line_of, A)
    follow(line_of, B)
    with pytest.raises(LedgerError, match="another change meanwhile"):
        line_of.advance(promote(known, C), known)
    assert aliases(line_of)["champion"] == "2"


def test_an_unregistered_model_has_no_champions(opened, tmp_path: Path):
    assert Succession(opened, "nobody", tmp_path / "ledger.jsonl").sync() == []
