"""What goes and what stays, on a real small repository with DVC and MLflow."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path

import pytest
from mlflow.utils.file_utils import local_file_uri_to_path

from pipeline import config as settings
from pipeline.commands import gc
from pipeline.files.outputs import sha256
from pipeline.registry import garbage, ledger, succession
from pipeline.registry.ledger import Model
from pipeline.track import cache
from pipeline.track.outage import StoreError
from tests.registry.conftest import baseline, reproduced

__all__ = ["baseline", "reproduced"]
pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own

CACHE = ".dvc/cache/files/md5"


@pytest.fixture
def here(reproduced, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with contextlib.chdir(reproduced.folder):
        yield reproduced


def collect(capsys, **options):
    capsys.readouterr()
    gc.run(settings.read(), **{"dry_run": False, "keep": None, "as_json": True} | options)
    return json.loads(capsys.readouterr().out)


def everything(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and ".dvc/tmp" not in path.as_posix())
    return {path: sha256(path) for path in files}


def cached(folder):
    return {path for path in (folder / CACHE).rglob("*") if path.is_file()}


def kinds(told):
    return [item["what"] for item in told["items"]]


def test_radiographs_from_an_address_that_the_settings_name_no_more_go(here, capsys):
    here.set("data", root="s3://bucket/now")
    for name in ("s3%3A%2F%2Fbucket%2Fnow", "s3%3A%2F%2Fbucket%2Fbefore"):
        fetched = here.folder / ".fetched" / name
        fetched.mkdir(parents=True)
        (fetched / "a.png").write_bytes(b"a")
        fetched.with_name(f"{name}.json").write_text("{}")
    told = collect(capsys)
    assert [item["what"] for item in told["items"] if ".fetched" in item["name"]] == [
        "radiographs fetched"
    ] * 2
    assert sorted(path.name for path in (here.folder / ".fetched").iterdir()) == [
        "s3%3A%2F%2Fbucket%2Fnow", "s3%3A%2F%2Fbucket%2Fnow.json"
    ]  # fmt: skip


def spoil(here):
    """Leave behind a given-up state, a failed attempt, a deleted run, a checkpoint and a torn output."""
    before = cached(here.folder)
    here.set("run", seed=8)
    here.repro(check=False, CRASH="train")
    here.repro()
    here.run("git", "checkout", "-q", "params.yaml", "dvc.lock")
    here.repro()
    run = here.client().create_run(here.runs()[0].info.experiment_id, tags={"pipeline.role": "stage"})
    here.client().delete_run(run.info.run_id)
    old = here.folder / ".checkpoints" / "abc" / "state.npz"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"1" * 100)
    os.utime(old, (time.time() - 8 * 24 * 3600,) * 2)
    (here.folder / "models" / ".999999999-weights.txt").write_text("torn")
    return cached(here.folder) - before


def test_a_dry_run_says_what_would_go_and_changes_nothing(here, capsys):
    spoil(here)
    before = everything(here.folder)
    told = collect(capsys, dry_run=True)
    assert sorted(kinds(told)) == ["DVC's cache", "checkpoint", "leftover", "run", "run"]
    assert not told["removed"]
    assert told["bytes"] == sum(item["bytes"] for item in told["items"]) > 100
    assert everything(here.folder) == before


def test_what_goes_leaves_nothing_to_do_anew(here, capsys):
    unneeded = spoil(here)
    assert kinds(collect(capsys))
    assert not unneeded & cached(here.folder)
    assert kinds(collect(capsys)) == []  # a second time finds nothing
    assert "up to date" in here.repro().stdout
    for made in ("models", "Data"):
        here.run("git", "clean", "-fdxq", made)
    here.run("dvc", "checkout", "-q")  # all of HEAD is in the cache still
    assert here.sync().made == ()
    assert {run.info.status for run in here.runs()} == {"FINISHED"}


def test_what_another_branch_tag_or_old_pointer_names_stays(here, capsys):
    (here.folder / "films").write_text("the only copy")
    here.run("dvc", "add", "-q", "films")
    here.run("git", "add", "-A")
    here.run("git", "commit", "-qm", "Films")
    here.run("git", "rm", "-q", "films.dvc")
    here.run("git", "commit", "-qm", "No films")
    here.run("git", "checkout", "-qb", "other")
    here.set("run", seed=8)
    here.repro()
    here.run("git", "commit", "-qam", "Another state")
    here.run("git", "checkout", "-q", "-")
    here.run("dvc", "checkout", "-q")
    before = cached(here.folder)
    assert "DVC's cache" not in kinds(collect(capsys))
    assert cached(here.folder) == before


def test_a_champion_of_a_commit_that_nothing_names_stays(here, capsys):
    here.set("run", seed=8)
    here.repro()
    here.run("git", "commit", "-qam", "Champion")
    commit = here.run("git", "rev-parse", "HEAD").stdout.strip()
    files = cached(here.folder)
    entry = ledger.following(
        [], Model("a" * 64, "1"), at="2026-11-29T00:00:00Z", actor="a", reason="", commit=commit, figures={}
    )
    here.run("git", "reset", "-q", "--hard", "HEAD~1")
    here.run("dvc", "checkout", "-q")
    ledger.write(settings.read().paths.ledger, [entry])
    collect(capsys)
    assert files <= cached(here.folder)
    assert commit in here.run("git", "for-each-ref", "--format=%(objectname)").stdout
    settings.read().paths.ledger.unlink()
    assert "DVC's cache" in kinds(collect(capsys))


def test_versions_go_but_for_those_that_somebody_needs(here, capsys, monkeypatch):
    config = settings.read()
    monkeypatch.setattr(garbage, "WEEK_S", -1.0)
    line = succession.of(config)
    for letter in "abcd":
        tags = {"bundle.sha256": letter * 64, "bundle.md5": letter * 32}
        with contextlib.suppress(StoreError):
            line.store.client.create_registered_model(line.name)
        line.store.client.create_model_version(line.name, str(here.folder), tags=tags)
    for number, letter in enumerate("ac", start=1):
        entries = line.sync()
        assert len(entries) == number - 1
        line.advance(
            succession.draft(entries, Model(letter * 64, str(number)), actor="a", reason=""), entries
        )
    collect(capsys)
    left = {version.tags["bundle.sha256"][0] for version in line.store.client.search_model_versions("")}
    assert left == {"a", "c"}
    assert line.sync()[-1].champion.bundle[0] == "c"
    line.advance(succession.draft(line.sync(), None, actor="a", reason="worse"), line.sync())
    assert line.sync()[-1].champion.bundle[0] == "a"


def test_the_files_of_a_version_go_with_it_and_those_of_a_champion_stay(here, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(garbage, "WEEK_S", -1.0)
    line = succession.of(settings.read())
    client, places = line.store.client, {}
    client.create_registered_model(line.name)
    (tmp_path / "files").mkdir()
    (tmp_path / "files/weights").write_bytes(b"w" * 1000)
    for letter in "ab":
        model = client.create_logged_model(line.store.experiment_id, name=letter)
        client.log_model_artifacts(model.model_id, str(tmp_path / "files"))
        client.finalize_logged_model(model.model_id, "READY")
        places[letter] = model.artifact_location
        tags = {"bundle.sha256": letter * 64, "bundle.md5": letter * 32}
        client.create_model_version(line.name, model.artifact_location, tags=tags)
    line.advance(succession.draft(line.sync(), Model("a" * 64, "1"), actor="a", reason=""), line.sync())
    (gone,) = (item for item in collect(capsys)["items"] if item["what"] == "files of a version")
    assert gone["bytes"] == 1000
    there = {letter: Path(local_file_uri_to_path(place)).exists() for letter, place in places.items()}
    assert there == {"a": True, "b": False}
    assert [model.name for model in client.search_logged_models([line.store.experiment_id])] == ["a"]


@pytest.mark.reliability(
    "`fracture gc` while DVC holds its lock or runs a stage", "one message, nothing removed"
)
@pytest.mark.parametrize("how", ["lock", "stage"])
def test_nothing_goes_while_dvc_works(here, capsys, how):
    spoil(here)
    before = everything(here.folder)
    noted = here.folder / ".dvc" / "tmp" / "rwlock"
    if how == "stage":
        noted.write_text(
            json.dumps({"read": {}, "write": {"models": {"pid": os.getppid(), "cmd": "dvc repro"}}})
        )
    holding = cache.held(here.folder) if how == "lock" else contextlib.nullcontext()
    with holding, pytest.raises(ValueError, match="DVC at work"):
        collect(capsys)
    assert everything(here.folder) == before


@pytest.mark.reliability("`fracture gc` while MLflow's server is dead", "one message, nothing removed")
def test_nothing_goes_while_the_server_is_dead(here, capsys, monkeypatch):
    spoil(here)
    here.set("track", timeout_s=1)
    before = everything(here.folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(StoreError):
        collect(capsys)
    assert everything(here.folder) == before


def test_stages_that_never_ran_bring_no_warnings_of_dvc(here):
    (here.folder / "dvc.lock").unlink()
    done = here.run(sys.executable, "-m", "pipeline", "gc", "--dry-run")
    assert "gc: " in done.stderr
    assert "version info" not in done.stderr
