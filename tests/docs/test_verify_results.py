"""What is recomputed of the results: equal, different, or out of reach, and each with its reason."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ci import results, verify_results
from ci.verify_results import CANNOT, DIFFERS, VERIFIED
from tests.imports import REPOSITORY

SETTINGS = {"data": {"root": ".phantoms"}, "train": {"max_epochs": 14}, "run": {"seed": 7}}
ROC = "threshold,sensitivity,false_positive_rate\n0.5,0.96,0.25\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with small figures of a phantoms' run, and the run itself in ``reports/``."""
    for stage in results.STAGES:
        (tmp_path / "reports" / stage / "plots").mkdir(parents=True)
        (tmp_path / "reports" / stage / "metrics.json").write_text(json.dumps({stage: {"auroc": 0.9}}))
    (tmp_path / "reports/evaluate/plots/roc.csv").write_text(ROC)
    (tmp_path / "docs/results").mkdir(parents=True)
    run = {"command": "dvc repro", "changed": {}, "figures": {}}
    (tmp_path / "docs/results/phantoms.json").write_text(json.dumps(run))
    results.record(tmp_path / "docs/results/phantoms.json", tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(SETTINGS))
    lock(tmp_path, {"data.root": ".phantoms", "train": {"max_epochs": 14}})
    return tmp_path


def lock(repository: Path, params: dict) -> None:
    stages = {"train": {"params": {"params.yaml": params}}, "report": {}}
    (repository / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))


def change(repository: Path, old: str, new: str) -> None:
    file = repository / "reports/evaluate/metrics.json"
    file.write_text(file.read_text().replace(old, new))


def test_a_finished_run_of_equal_figures_is_verified(repository):
    outcome = verify_results.finished_run(repository, "phantoms")
    assert outcome.verdict == VERIFIED
    assert outcome.why == "6 figures equal those of reports/"


def test_one_figure_of_another_last_digit_differs(repository):
    change(repository, "0.9", "0.900001")
    outcome = verify_results.finished_run(repository, "phantoms")
    assert outcome.verdict == DIFFERS
    assert "1 of 6" in outcome.why
    assert "evaluate/evaluate/auroc 0.9, there 0.900001" in outcome.why


def test_a_figure_that_is_gone_differs(repository):
    change(repository, "auroc", "other")
    assert "there None" in verify_results.finished_run(repository, "phantoms").why


@pytest.mark.parametrize(
    "params", [{"data.root": "Data"}, {"train": {"max_epochs": 2}}, {"train": {"new": 1}}]
)
def test_a_run_of_other_settings_is_no_proof(repository, params):
    lock(repository, params)
    change(repository, "0.9", "0.1")
    outcome = verify_results.finished_run(repository, "phantoms")
    assert outcome.verdict == CANNOT
    assert "reports/ holds a run with" in outcome.why
    assert "`dvc repro`" in outcome.why


def test_settings_that_the_run_changed_are_expected(repository):
    lock(repository, {"data.root": "Data", "train": {"max_epochs": 14}})
    assert verify_results.other_settings(repository, {"data.root": "Data"}) == ""


@pytest.mark.parametrize("gone", ["dvc.lock", "reports/region_maps/metrics.json"])
def test_without_a_finished_run_nothing_is_claimed(repository, gone):
    (repository / gone).unlink()
    outcome = verify_results.finished_run(repository, "phantoms")
    assert (outcome.verdict, "no finished run" in outcome.why) == (CANNOT, True)


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """The figures that are committed, alone."""
    shutil.copytree(REPOSITORY / "docs/results", tmp_path / "docs/results")
    return tmp_path


def test_pooled_figures_are_those_of_the_answers_behind_them(committed):
    outcome = verify_results.pooled_answers(committed)
    assert outcome.verdict == VERIFIED, outcome.why
    assert outcome.why.endswith("figures equal those of docs/results/pooled.csv")
    assert verify_results.pooled_maps(committed).verdict == CANNOT


def test_one_other_answer_differs(committed):
    file = committed / results.ANSWERS
    lines = file.read_text().splitlines()
    row = next(n for n, line in enumerate(lines) if ",True,0.9" in line)
    lines[row] = lines[row].replace(",True,0.9", ",True,0.0")
    file.write_text("\n".join(lines) + "\n")
    outcome = verify_results.pooled_answers(committed)
    assert outcome.verdict == DIFFERS
    assert "figures of docs/results/pooled.csv: test/accuracy" in outcome.why


def test_figures_read_from_history_are_said_to_be_so():
    outcome = verify_results.finished_run(REPOSITORY, "labels_only")
    assert outcome.verdict == CANNOT
    assert "no metrics.json was kept" in outcome.why


def test_the_release_carries_the_committed_figures(tmp_path):
    assert verify_results.released_figures(REPOSITORY).verdict == VERIFIED
    shutil.copytree(REPOSITORY / "docs/results", tmp_path / "docs/results")
    carried = tmp_path / "models/released/fracatlas/figures.json"
    carried.parent.mkdir(parents=True)
    own = json.loads((REPOSITORY / "models/released/fracatlas/figures.json").read_text())
    own["evaluate"]["test"]["auroc"] -= 0.000001
    carried.write_text(json.dumps(own))
    assert verify_results.released_figures(tmp_path).verdict == DIFFERS


def test_without_radiographs_the_model_is_not_asked(repository):
    changed = {"data.root": "../nowhere"}
    (repository / "docs/results/released.json").write_text(json.dumps({"changed": changed, "figures": {}}))
    outcome = verify_results.released_answers(repository)
    assert (outcome.verdict, outcome.why) == (CANNOT, "../nowhere is not here")


def test_test_is_the_published_folder_less_and_more(tmp_path):
    for name in ("test/fractured/a.jpg", "test/fractured/b.jpg", "train/not fractured/c d.jpg"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(b"x")
    test = {"folder": "test", "left_out": ["test/fractured/a.jpg"], "added": ["train/not fractured/c d.jpg"]}
    verify_results.gather(tmp_path / "data", test, tmp_path / "out")
    found = [path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jpg")]
    assert sorted(found) == ["fractured/b.jpg", "not fractured/c d.jpg"]


@pytest.mark.parametrize(
    ("auroc", "ended", "verdict"), [(0.9, 0, VERIFIED), (0.8, 0, DIFFERS), (0.9, 1, DIFFERS)]
)
def test_the_released_model_answers_as_it_did(repository, monkeypatch, auroc, ended, verdict):
    (repository / "data/test/fractured").mkdir(parents=True)
    (repository / "data/test/fractured/a.jpg").write_bytes(b"x")
    maps = {"pointing_game": 0.8, "pointing_game_low": 0.7, "alone_auroc": 0.6}
    figures = {"evaluate": {"test": {"auroc": 0.9}}, "region_maps": maps, "roc": {"specificity": 0.75}}
    changed = {"data.root": "data", "data.annotations": "data/a.json"}
    test = {"folder": "test", "left_out": [], "added": []}
    run = {"changed": changed, "test": test, "figures": figures}
    (repository / "docs/results/released.json").write_text(json.dumps(run))

    def assess(command: list[str], **_: object) -> subprocess.CompletedProcess:
        folder, out = Path(command[4]), Path(command[command.index("--out") + 1])
        assert (folder / "fractured/a.jpg").exists()
        (out / "plots").mkdir(parents=True)
        (out / "plots/roc.csv").write_text(ROC)
        (out / "metrics.json").write_text(json.dumps({"test": {"auroc": auroc}, "pointing_game": 0.8}))
        return subprocess.CompletedProcess(command, ended, stdout="", stderr="no space left")

    monkeypatch.setattr(verify_results.subprocess, "run", assess)
    outcome = verify_results.released_answers(repository)
    assert outcome.verdict == verdict
    assert ("no space left" in outcome.why) == bool(ended)


@pytest.mark.parametrize(("verdicts", "code"), [((VERIFIED, CANNOT), 0), ((VERIFIED, DIFFERS), 1), ((), 0)])
def test_the_exit_code_is_1_where_something_differs(monkeypatch, capsys, verdicts, code):
    told = [verify_results.Outcome(verdict, "figures", "why") for verdict in verdicts]
    monkeypatch.setattr(verify_results, "outcomes", lambda _: iter(told))
    assert verify_results.main() == code
    assert capsys.readouterr().out == "".join(f"{verdict}: figures: why\n" for verdict in verdicts)
