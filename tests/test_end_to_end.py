"""The whole way through `dvc repro`, small: from a copy of this repository to a registered bundle."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from tests import cloning
from tests.cloning import run

SMALL = {
    "phantoms": {"train": 24, "val": 12, "test": 12, "min_side_px": 160, "max_side_px": 224},
    "preprocess": {"height_px": 96, "width_px": 96},
    "train": {"head_epochs": 1, "max_epochs": 2, "batch_size": 8, "pyramid_channels": 16},
    "evaluate": {"bootstrap_samples": 50},
    "region_maps": {"faithfulness_radiographs": 2, "faithfulness_steps": 2, "gallery": 4},
}
STAGES = ["phantoms", "validate", "preprocess", "train", "evaluate", "region_maps"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository after one `dvc repro` with small settings."""
    folder = cloning.copy(tmp_path_factory.mktemp("clone"), SMALL)
    run(folder, "dvc", "repro")
    return folder


def test_every_stage_ran_and_nothing_is_left_to_do(clone: Path) -> None:
    assert list(yaml.safe_load((clone / "dvc.lock").read_text())["stages"]) == STAGES
    assert "up to date" in run(clone, "dvc", "status")
    assert "Running stage" not in run(clone, "dvc", "repro")


def test_mlflow_holds_one_parent_five_children_and_one_version(clone: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{clone / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "fracture"]
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = {run.data.tags["pipeline.stage"] for run in runs if "mlflow.parentRunId" in run.data.tags}
    assert (len(parents), len(runs), children) == (1, 6, set(STAGES) - {"phantoms"})
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert "test.auroc" in parents[0].data.metrics
    (version,) = client.search_model_versions("name = 'fracture'")
    assert version.version == client.get_model_version_by_alias("fracture", "challenger").version


def test_the_metrics_that_others_read_are_there(clone: Path) -> None:
    evaluated = json.loads((clone / "reports/evaluate/metrics.json").read_text())
    mapped = json.loads((clone / "reports/region_maps/metrics.json").read_text())
    assert {"auroc", "auroc_low", "group_auroc", "ece", "needs_review", "null_gap_auroc"} <= set(
        evaluated["test"]
    )
    assert {"pointing_game", "pointing_game_random", "pointing_game_center", "erase_drop"} <= set(mapped)


def test_results_name_images_of_the_checked_annotations(clone: Path) -> None:
    from pycocotools.coco import COCO

    coco = COCO(str(clone / "Data/annotations.coco.json"))
    results = json.loads((clone / "reports/region_maps/regions.coco.json").read_text())
    assert {result["image_id"] for result in results} <= set(coco.getImgIds())
    assert len(coco.getImgIds()) == json.loads((clone / "reports/validate/metrics.json").read_text())["kept"]


def test_the_registered_model_examines_a_radiograph(clone: Path) -> None:
    code = (
        "import json, mlflow, pandas as pd, sys\n"
        "mlflow.set_tracking_uri('sqlite:///mlflow.db')\n"
        "model = mlflow.pyfunc.load_model('models:/fracture@challenger')\n"
        "print(model.predict(pd.DataFrame({'image': [sys.argv[1]]})).to_json(orient='records'))\n"
    )
    radiograph = next((clone / "Data/phantoms/test/fractured").glob("*.jpg"))
    (finding,) = json.loads(run(clone, sys.executable, "-c", code, str(radiograph)).splitlines()[-1])
    assert 0 <= finding["probability"] <= 1
    assert finding["decision"] in {"no finding", "needs review", "fracture"}


def test_a_forced_run_gives_the_same_lock(clone: Path) -> None:
    before = (clone / "dvc.lock").read_text()
    run(clone, "dvc", "repro", "--force")
    assert (clone / "dvc.lock").read_text() == before
