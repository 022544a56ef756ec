"""The scenarios that tracking must stand, with the real DVC: on SQLite, and on a server with PostgreSQL."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest
import yaml

from tests.track.conftest import Repository, copy, reproduce


@pytest.fixture(scope="module", params=["sqlite", "server"])
def baseline(request, baseline, tmp_path_factory):
    """A repository after its first `dvc repro`; to be read only."""
    if request.param == "sqlite":
        return baseline
    return reproduce(tmp_path_factory.mktemp("baseline"), request.getfixturevalue("server"))


@pytest.fixture(scope="module")
def changed(baseline, tmp_path_factory):
    """One evaluate setting changed, and a foreign run id in the environment; to be read only."""
    repository = copy(baseline, tmp_path_factory.mktemp("changed") / "repository")
    repository.set("evaluate", ece_bins=12)
    repository.repro(MLFLOW_RUN_ID="f" * 32)
    return repository


def ids(runs):
    return {run.info.run_id for run in runs}


def test_a_repro_makes_one_parent_and_a_child_a_stage(baseline):
    (parent,) = baseline.parents()
    children = baseline.children()
    assert [child.data.tags["pipeline.stage"] for child in children] == ["validate", "train", "evaluate"]
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}
    assert {run.info.status for run in baseline.runs()} == {"FINISHED"}


def test_the_parent_shows_the_settings_and_the_figures_of_all_stages(baseline):
    (parent,) = baseline.parents()
    assert parent.data.params["train.augment.rotation_deg"] == "20"
    assert parent.data.metrics["validate.auroc"] == parent.data.metrics["evaluate.auroc"] == 0.75
    assert parent.data.metrics["ece_bins"] == parent.data.metrics["train.ece_bins"] == 10
    assert not [name for name in parent.data.metrics if name.startswith(("curves/", "system/"))]


def test_a_child_holds_its_curve_its_params_and_its_report(baseline):
    (child,) = baseline.children("evaluate")
    assert child.data.metrics["curves/loss"] == 0.5
    assert "system/cpu_utilization_percentage" in child.data.metrics
    assert child.data.params.keys() == {f"evaluate.{name}" for name in baseline.get("evaluate")}
    assert {"metrics.json", "predictions.csv"} <= baseline.artifacts(child)


def test_data_stand_on_parent_and_children_with_their_path_and_the_md5_that_dvc_knows(baseline):
    (parent,), (train,) = baseline.parents(), baseline.children("train")
    (radiographs,) = (found.dataset for found in parent.inputs.dataset_inputs)
    (manifest,) = (found.dataset for found in train.inputs.dataset_inputs)
    lock = yaml.safe_load((baseline.folder / "dvc.lock").read_text())["stages"]
    known = {entry["path"]: entry["md5"] for stage in lock.values() for entry in stage["deps"]}
    root = baseline.get("data")["root"]
    splits = "\n".join(known[f"{root}/{split}"] for split in ("train", "val", "test"))
    assert radiographs.digest == parent.data.tags["data.md5"] == hashlib.md5(splits.encode()).hexdigest()
    assert json.loads(radiographs.source) == {"uri": root}
    assert (manifest.name, manifest.digest) == ("manifest", known["Data/manifest.csv"])


def test_a_run_says_what_code_lock_and_machine_made_it(baseline):
    tags = baseline.parents()[0].data.tags
    assert tags["mlflow.source.git.commit"]
    assert tags["git.dirty"] == "false"
    assert {"dvc.lock.md5", "machine.threads", "machine.cores", "machine.platform"} <= tags.keys()


def test_a_repro_without_change_logs_nothing(reproduced):
    before = ids(reproduced.runs())
    assert "up to date" in reproduced.repro().stdout
    assert reproduced.sync().made == ()
    assert ids(reproduced.runs()) == before


def test_a_changed_setting_makes_a_parent_that_reuses_the_earlier_stages(changed):
    old, new = changed.parents()
    sources = {stage: new.data.tags[f"stage.{stage}.source"] for stage in ("validate", "train", "evaluate")}
    assert sources == {"validate": "reused", "train": "reused", "evaluate": "executed"}
    assert new.data.tags["stage.train.run_id"] == old.data.tags["stage.train.run_id"]
    assert new.data.metrics["train.auroc"] == 0.75
    assert (old.data.metrics["evaluate.ece_bins"], new.data.metrics["evaluate.ece_bins"]) == (10, 12)


def test_a_run_id_in_the_environment_is_ignored(changed):
    assert "f" * 32 not in ids(changed.runs())
    assert (
        changed.children("evaluate")[-1].data.tags["mlflow.parentRunId"] == changed.parents()[-1].info.run_id
    )


def test_a_reverted_setting_runs_nothing_and_the_old_parent_stands_for_it(changed, tmp_path):
    shutil.copytree(changed.folder, tmp_path / "repository", symlinks=True)
    repository = Repository(tmp_path / "repository", changed.uri)
    before = ids(repository.runs())
    repository.set("evaluate", ece_bins=10)
    assert "Running stage" not in repository.repro().stdout
    assert repository.sync().parent_id == repository.parents()[0].info.run_id
    assert ids(repository.runs()) == before


@pytest.mark.reliability("a lost database of MLflow", "`sync` fills it again, once")
def test_a_lost_database_is_filled_again_once(baseline, reproduced):
    figures = baseline.parents()[0].data.metrics
    reproduced.lose_the_record()
    assert reproduced.sync().made == ("validate", "train", "evaluate")
    assert reproduced.sync().made == ()
    assert reproduced.parents()[0].data.metrics == figures
    assert {run.info.status for run in reproduced.runs()} == {"FINISHED"}


def test_a_report_that_dvc_does_not_vouch_for_is_not_filled_in(reproduced):
    reproduced.lose_the_record()
    (reproduced.folder / "reports" / "train" / "metrics.json").write_text('{"auroc": 1.0}')
    assert reproduced.sync().made == ("validate", "evaluate")


def test_a_crash_and_a_rerun_share_the_parent(reproduced):
    reproduced.set("train", max_epochs=3)
    assert reproduced.repro(check=False, CRASH="train").returncode != 0
    crashed = reproduced.children("train")[-1]
    assert (crashed.info.status, reproduced.parents()[-1].info.status) == ("FAILED", "FAILED")
    assert crashed.data.tags["pipeline.error"] == "ValueError: out of films"
    reproduced.repro()
    _, first, second = reproduced.children("train")
    assert second.data.tags["mlflow.parentRunId"] == first.data.tags["mlflow.parentRunId"]
    assert (second.data.tags["pipeline.attempt"], second.info.status) == ("2", "FINISHED")
    assert [parent.info.status for parent in reproduced.parents()] == ["FINISHED", "FINISHED"]


@pytest.mark.reliability(
    "kill -9 of a stage that is recorded", "its run is marked as killed by the next attempt"
)
def test_a_killed_run_is_marked_by_the_next_attempt(reproduced):
    reproduced.set("train", max_epochs=3)
    assert reproduced.repro(check=False, KILL="train").returncode != 0
    assert reproduced.children("train")[-1].info.status == "RUNNING"
    reproduced.repro()
    assert [run.info.status for run in reproduced.children("train")] == ["FINISHED", "KILLED", "FINISHED"]
    assert reproduced.children("train")[-1].data.tags["pipeline.attempt"] == "2"


@pytest.mark.reliability(39)
def test_a_run_whose_server_died_in_the_middle_is_replaced(reproduced):
    reproduced.set("evaluate", ece_bins=12)
    reproduced.repro()
    client, unfinished = reproduced.client(), reproduced.children("evaluate")[-1]
    client.update_run(unfinished.info.run_id, status="RUNNING")  # its process is gone, its report is whole
    assert reproduced.sync().made == ("evaluate",)
    assert [run.info.status for run in reproduced.children("evaluate")[1:]] == ["KILLED", "FINISHED"]
    assert reproduced.children("evaluate")[-1].data.metrics["evaluate.auroc"] == 0.75


def test_three_queued_experiments_in_parallel_are_three_parents_as_dvc_shows_them(reproduced):
    for bins in (11, 12, 13):
        reproduced.run("dvc", "exp", "run", "--quiet", "--queue", "--set-param", f"evaluate.ece_bins={bins}")
    reproduced.run("dvc", "exp", "run", "--quiet", "--run-all", "--jobs", "3")
    _, *parents = reproduced.parents()
    assert {run.info.status for run in parents} == {"FINISHED"}
    assert shown(reproduced) == {
        run.data.tags["dvc.exp_name"]: (
            int(run.data.params["evaluate.ece_bins"]),
            run.data.metrics["evaluate.auroc"],
        )
        for run in parents
    }
    assert len(reproduced.children("evaluate")) == 4
    assert len(reproduced.children("train")) == 1


def shown(repository):
    """What `dvc exp show` says of each experiment: its bins and its AUROC."""
    (_, commit) = json.loads(repository.run("dvc", "exp", "show", "--json").stdout)
    found = {}
    for experiment in commit["experiments"]:
        data = experiment["revs"][0]["data"]
        figures = data["metrics"]["reports/evaluate/metrics.json"]["data"]
        bins = data["params"]["params.yaml"]["data"]["evaluate"]["ece_bins"]
        found[experiment["name"]] = (bins, figures["evaluate"]["auroc"])
    return found


def test_a_fresh_clone_with_pulled_data_makes_no_run(reproduced, tmp_path):
    reproduced.run("dvc", "remote", "add", "-d", "store", str(tmp_path / "remote"))
    reproduced.run("dvc", "push", "-q")
    reproduced.run("git", "commit", "-qam", "Remote")
    reproduced.run("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone", reproduced.store)
    before = ids(reproduced.runs())
    assert clone.sync().made == ()  # before the data are there
    clone.run("dvc", "pull", "-q")
    assert "Running stage" not in clone.repro().stdout
    assert clone.sync().made == ()
    assert ids(reproduced.runs()) == before


@pytest.fixture
def dying():
    """The address of a server that hangs up on every caller, and a list with an entry a call."""
    calls = []

    class HangUp(BaseRequestHandler):
        def handle(self):
            calls.append(self.client_address)

    with ThreadingTCPServer(("127.0.0.1", 0), HangUp) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", calls
        server.shutdown()


@pytest.mark.reliability(39)
def test_a_dead_server_costs_the_bound_and_is_repaired(reproduced, dying):
    address, calls = dying
    reproduced.set("evaluate", ece_bins=12)
    done = reproduced.repro(MLFLOW_TRACKING_URI=address)
    assert len(calls) == 2  # two tries of half the bound each, and nothing more is asked
    assert "fracture sync" in done.stderr
    assert reproduced.sync().made == ("evaluate",)
    assert reproduced.parents()[-1].data.metrics["evaluate.ece_bins"] == 12


def test_a_run_by_hand_is_marked_and_does_not_stand_for_the_state(reproduced):
    reproduced.run(sys.executable, "stage.py", "evaluate", "reports/evaluate/predictions.csv")
    by_dvc, by_hand = reproduced.children("evaluate")
    assert by_hand.data.tags["pipeline.by_hand"] == "true"
    assert by_hand.data.tags["pipeline.stage_key"] == by_dvc.data.tags["pipeline.stage_key"]
    assert reproduced.sync().made == ()
    assert reproduced.parents()[0].data.tags["stage.evaluate.run_id"] == by_dvc.info.run_id


@pytest.mark.reliability(40)
def test_four_processes_share_a_fresh_database(tmp_path):
    code = """
from pathlib import Path
from pipeline.config import Track
from pipeline.track.store import connect
store = connect(Track(uri="", experiment="e", model_name="m", timeout_s=60), Path())
print(store.client.create_run(store.experiment_id).info.experiment_id)
"""
    top = Path(__file__).parents[2]
    start = [sys.executable, "-c", code]
    processes = [
        subprocess.Popen(start, cwd=tmp_path, env={"PYTHONPATH": str(top)}, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=300)[0] for process in processes] == ["1\n"] * 4
