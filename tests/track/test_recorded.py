"""Records found under every kind of name, with the real git, DVC and MLflow."""

from __future__ import annotations

import contextlib
import io
import json
import shutil

import pandas as pd
import pytest

from pipeline import config as settings
from pipeline.track import recorded, runs
from pipeline.track.recorded import RecordError
from pipeline.track.store import connect
from tests.results import make
from tests.track.conftest import make_repository


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Two states committed and synced: the first registered as version 1, the second an experiment too."""
    made = make_repository(tmp_path_factory.mktemp("recorded"))
    with contextlib.chdir(made.folder), pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for name, seed, noise in (("first", 7, 0.2), ("second", 8, 0.6)):
            made.set("run", seed=seed)
            config = settings.read()
            make(config, name, noise)
            synced = runs.sync(config)
            if name == "first":
                client = connect(config.track, made.folder).client
                client.create_registered_model(config.track.model_name)
                client.create_model_version(config.track.model_name, "file:///1", run_id=synced.parent_id)
                client.set_registered_model_alias(config.track.model_name, "champion", "1")
            else:
                made.run("dvc", "exp", "save", "-q", "-n", "second-try")
            made.run("git", "add", "-A")
            made.run("git", "commit", "-qm", name)
    return made


@pytest.fixture
def find(repository, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with contextlib.chdir(repository.folder):
        config = settings.read()
        yield lambda name: recorded.find(config, name)[0]


def pipelines(repository) -> list:
    return sorted(repository.parents(), key=lambda run: int(run.data.params["run.seed"]))


def auroc_on_disk(repository) -> float:
    text = (repository.folder / "reports/evaluate/metrics.json").read_text()
    return json.loads(text)["test"]["auroc"]


def test_every_name_of_one_state_finds_the_same(repository, find):
    first = pipelines(repository)[0].info
    names = ["HEAD~1", "1", "version:1", "champion", first.run_id, f"run:{first.run_name}"]
    records = [find(name) for name in names]
    assert {record.settings["run.seed"] for record in records} == {"7"}
    assert all(record.figures == records[0].figures for record in records)
    assert len({record.read("evaluate", "predictions.csv") for record in records}) == 1
    assert records[3].description.startswith("version 1 of fracture, run efficientnet-lite0-512px-")


def test_the_newest_state_is_head_an_experiment_and_the_working_folder(repository, find):
    records = [find(name) for name in ("HEAD", "second-try", "workspace")]
    assert {record.settings["run.seed"] for record in records} == {"8"}
    assert {record.figures["evaluate"]["test.auroc"] for record in records} == {auroc_on_disk(repository)}
    assert records[2].description == "the working folder"


def test_settings_of_revision_and_run_are_written_alike(repository, find):
    at_revision, of_run = find("HEAD"), find(pipelines(repository)[1].info.run_id)
    assert dict(at_revision.settings) == dict(of_run.settings)


def test_what_only_dvc_keeps_is_read_from_its_cache(repository, find):
    table = pd.read_csv(io.BytesIO(find("HEAD~1").read("evaluate", "predictions.csv")))
    assert len(table) == 60


def test_what_is_not_at_hand_is_none(find, repository):
    assert find("HEAD").read("region_maps", "overlays/index.csv") is None
    assert find("1").read("region_maps", "overlays/index.csv") is None


def test_a_lost_cache_leaves_what_git_keeps(repository, find, tmp_path):
    shutil.move(repository.folder / ".dvc/cache", tmp_path / "cache")
    try:
        record = find("HEAD~1")
        assert "test.auroc" in record.figures["evaluate"]
        assert record.read("evaluate", "predictions.csv") is None
    finally:
        shutil.move(tmp_path / "cache", repository.folder / ".dvc/cache")


@pytest.mark.parametrize("name", ["nonsense", "version:9", "run:nobody", "f" * 32])
def test_an_unknown_name_is_refused(find, name):
    with pytest.raises(RecordError, match=f"Received: {name}, which is none"):
        find(name)


def test_two_names_share_one_store_and_so_one_allowance_of_waiting(repository, monkeypatch):
    opened, real = [], recorded.connect
    monkeypatch.setattr(recorded, "connect", lambda *args: opened.append(args) or real(*args))
    with contextlib.chdir(repository.folder):
        first, second = recorded.find(settings.read(), "1", "version:1")
    assert first.settings == second.settings
    assert len(opened) == 1


def test_a_revision_without_results_says_so(find):
    with pytest.raises(RecordError, match="nothing was reproduced"):
        find("HEAD~2")


def entry(outs: dict[str, str], **deps: str) -> dict:
    """Stage of ``dvc.lock`` by the md5s of what it wrote and read."""
    records = [[{"path": path, "md5": md5} for path, md5 in paths.items()] for paths in (deps, outs)]
    return {"cmd": "x", "deps": records[0], "outs": records[1]}


def test_stages_that_read_older_results_are_outdated_and_so_is_what_follows():
    entries = {
        "report": entry({"page": "5"}, figures="4"),
        "train": entry({"model": "2"}, shards="1", code="7"),
        "evaluate": entry({"figures": "4"}, model="2"),
        "preprocess": entry({"shards": "1"}),
    }
    assert recorded.outdated(entries) == []
    entries["train"] = entry({"model": "3"}, shards="1", code="8")
    assert recorded.outdated(entries) == ["report", "evaluate"]


def test_results_from_before_the_newest_are_not_compared(find, monkeypatch):
    monkeypatch.setattr(recorded, "outdated", lambda entries: ["evaluate"])
    record = find("workspace")
    assert "evaluate" not in record.figures
    assert record.read("evaluate", "predictions.csv") is None
    assert record.description == "the working folder, without what stood before its newest results: evaluate"
