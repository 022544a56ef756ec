"""`fracture folds` on a repository whose stages take no time: they write what a fold would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipeline.dataset import annotations, manifest
from pipeline.dataset.annotations import Annotations
from tests import cloning
from tests.imports import REPOSITORY

STAGE = """
import json, os, pathlib, shutil, sys, time
from pipeline.files import processes
processes.die_with_dvc()  # as a real stage
import pandas as pd, yaml

params = yaml.safe_load(pathlib.Path("params.yaml").read_text())
assert params["evaluate"]["robustness_radiographs"] == 0  # not pooled
fold, given = params["validate"]["fold"], pathlib.Path(params["data"]["root"])
with (given / "log").open("a") as log:
    log.write(f"{fold} {params['train']['dropout']}\\n")
while (given / "hang").exists() and fold == 1:
    time.sleep(0.1)
rows = pd.read_csv(given / "rows.csv")
rows["split"] = ["test" if row % 3 == fold else "val" for row in range(len(rows))]
reports = pathlib.Path("reports")
for name in ("validate", "evaluate", "region_maps"):
    (reports / name).mkdir(parents=True, exist_ok=True)
rows.to_csv(reports / "evaluate/predictions.csv", index=False)
tested = rows[rows["split"] == "test"][["path"]]
tested.assign(size=0.5).to_csv(reports / "validate/null_scores.csv", index=False)
test = {"groups": 8, "fractured": 4, "auroc": 0.5, "auroc_low": 0.4, "auroc_high": 0.6, "ece": 0.1}
points = {p: {"sensitivity": 1, "specificity": 0} for p in ("high_sensitivity", "high_specificity")}
(reports / "evaluate/metrics.json").write_text(json.dumps({"test": test | points}))
(reports / "region_maps/metrics.json").write_text("{}")
(reports / "region_maps/regions.coco.json").write_text("[]")
usable = rows[(rows["split"] == "test") & ~rows["fractured"]]
usable[["path", "group"]].assign(fractures=0).to_csv(reports / "region_maps/radiographs.csv", index=False)
(reports / "region_maps/marks.csv").write_text("path,score,fracture,overlap\\n")
for name in ("manifest.csv", "annotations.coco.json"):
    shutil.copy(given / name, pathlib.Path("Data") / name)
"""
OUTS = [
    "reports/validate/null_scores.csv", "reports/evaluate/predictions.csv", "reports/evaluate/metrics.json",
    "reports/region_maps/metrics.json", "reports/region_maps/regions.coco.json",
    "reports/region_maps/radiographs.csv", "reports/region_maps/marks.csv",
    "Data/manifest.csv", "Data/annotations.coco.json",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one stage and uncommitted settings; its radiographs are no files of git's."""
    root, given = tmp_path / "repository", tmp_path / "repository/Data/train"
    given.mkdir(parents=True)
    stage = {
        "cmd": "python stage.py",
        "deps": ["stage.py"],
        "params": ["data", "validate", "train"],
        "outs": OUTS,
    }
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"region_maps": stage}}))
    (root / "stage.py").write_text(STAGE)
    (root / ".gitignore").write_text("/Data/train\n")
    for name in ("none.csv", "none.coco.json", "none.manifest.csv"):
        shutil.copy(REPOSITORY / "Data" / name, root / "Data" / name)
    shutil.copytree(REPOSITORY / ".dvc", root / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache"))
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["data"] |= {"root": "Data/train", "annotations": "Data/none.coco.json"}
    params["validate"]["folds"], params["evaluate"]["bootstrap_samples"] = 3, 50
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    cloning.run(root, "git", "init", "--quiet")
    predictions(24).to_csv(given / "rows.csv", index=False)
    write_manifest(given, 24)
    return root


def predictions(n: int) -> pd.DataFrame:
    rows = [(f"{i:02}.png", f"g{i:02}", i % 2 == 0, (i % 5) / 5, "needs review") for i in range(n)]
    return pd.DataFrame(rows, columns=["path", "group", "fractured", "y_score", "decision"])


def write_manifest(folder: Path, n: int) -> None:
    rows = predictions(n).drop(columns=["y_score", "decision"])
    same = {
        "published_split": "train", "split": "train", "status": "kept", "reason": "", "sha256": "0" * 64,
        "format": "PNG", "mode": "L", "height_px": 9, "width_px": 9, "sampling_weight": 1.0,
    }  # fmt: skip
    manifest.write(rows.assign(**same).astype(manifest.COLUMNS), folder / "manifest.csv")
    sizes = {path: (9, 9) for path in rows["path"]}
    annotations.write(Annotations({}, sizes), folder / "annotations.coco.json")


def start(folder: Path, *options: str, **around: str) -> subprocess.Popen[str]:
    """Call it where MLflow does not answer: that costs a warning and no figure."""
    environment = cloning.ENVIRONMENT | around | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "folds", *options], cwd=folder, text=True,
        env=environment | {"PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def called(folder: Path, *options: str) -> tuple[int, str, str]:
    process = start(folder, *options)
    out, err = process.communicate()
    return process.returncode, out, err


def test_all_folds_give_one_figure_and_a_second_call_runs_none(folder: Path) -> None:
    before = (folder / "params.yaml").read_bytes()
    code, out, err = called(folder, "--json")
    assert code == 0, err
    figures = json.loads(out)
    assert (figures["test"]["groups"], figures["test"]["folds"], figures["best_null"]["name"]) == (
        24,
        3,
        "size",
    )
    assert "fold 0 of 0..2 runs; 3 left" in err
    assert "1 left, about" in err
    (folder / "reports/folds/fold-3").mkdir()  # of a call with more folds
    assert called(folder, "--json")[1] == out
    assert sorted(path.name for path in (folder / "reports/folds").glob("fold-*")) == [
        "fold-0",
        "fold-1",
        "fold-2",
    ]
    assert (folder / "Data/train/log").read_text().split("\n")[:-1] == ["0 0.2", "1 0.2", "2 0.2"]
    assert (folder / "params.yaml").read_bytes() == before
    assert sorted(pd.read_csv(folder / "reports/folds/predictions.csv")["fold"].unique()) == [0, 1, 2]
    assert "All folds as one" in (folder / "reports/folds/report.html").read_text()
    assert not (folder / ".dvc/tmp/folds").exists()


def test_what_lies_in_no_fold_is_left_out_and_told(folder: Path) -> None:
    """The release that every fold starts from learnt from it."""
    given = folder / "Data/train"
    write_manifest(given, 25)
    rows = pd.read_csv(given / "manifest.csv", dtype="str", keep_default_na=False)
    rows.assign(fold=["" if path == "24.png" else "0" for path in rows["path"]]).to_csv(
        given / "manifest.csv", index=False
    )
    code, out, err = called(folder, "--json")
    assert code == 0, err
    assert "1 radiographs are tested in no fold" in err
    assert json.loads(out)["test"]["groups"] == 24


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
@pytest.mark.reliability(
    "`fracture folds` is killed while a fold runs", "the next call keeps the finished ones"
)
@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_a_killed_call_goes_on_with_the_fold_that_ran_and_the_settings_that_it_had(
    folder: Path, shell: str
) -> None:
    if not Path(shell).exists():
        pytest.skip(f"{shell} is not here")
    hang, log = folder / "Data/hang", folder / "Data/train/log"
    (folder / "Data/train/hang").touch()
    process = start(folder, SHELL=shell)
    while not (log.exists() and "1 0.2" in log.read_text()):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    assert "one `fracture folds` at a time" in called(folder)[2]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=300)  # nothing that it started holds its streams any more
    (folder / "Data/train/hang").rename(hang)
    code, _, err = called(folder)
    assert code == 0, err
    assert [line[0] for line in log.read_text().split()[::2]] == ["0", "1", "1", "2"]


@pytest.mark.reliability("radiographs change between two calls of `fracture folds`", "all folds run anew")
def test_other_settings_or_data_make_all_folds_anew(folder: Path) -> None:
    assert called(folder)[0] == 0
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["train"]["dropout"] = 0.3
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    assert called(folder)[0] == 0
    assert (folder / "Data/train/log").read_text().split("\n")[3:-1] == ["0 0.3", "1 0.3", "2 0.3"]


def test_a_fold_that_fails_is_named_and_so_is_a_number_that_cannot_be(folder: Path) -> None:
    (folder / "Data/train/rows.csv").unlink()
    code, _, err = called(folder)
    assert code == 1
    assert "fold 0 must run to its end" in err
    assert "--folds must lie in 3..20. Received: 2" in called(folder, "--folds", "2")[2]
