"""The whole way through `dvc repro`, small: from a copy of this repository to a registered bundle."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ci import servers
from pipeline.drift import served
from pipeline.files import images, outputs
from pipeline.predict import sealing
from pipeline.validate import learnt_hashes
from tests import cloning
from tests.cloning import run
from tests.docs import listed
from tests.reliability import clock

if TYPE_CHECKING:
    from mlflow import MlflowClient

SMALL = {
    "phantoms": {"train": 24, "val": 12, "test": 12, "min_side_px": 160, "max_side_px": 224},
    "preprocess": {"height_px": 96, "width_px": 96},
    "train": {"head_epochs": 1, "max_epochs": 2, "batch_size": 8, "pyramid_channels": 16},
    "evaluate": {"bootstrap_samples": 50},
    "region_maps": {
        "faithfulness_radiographs": 2,
        "faithfulness_steps": 2,
        "gallery": 4,
        "methods_radiographs": 2,
    },
}
STAGES = ["phantoms", "validate", "preprocess", "train", "evaluate", "region_maps", "report"]


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
    assert run(clone, sys.executable, "-m", "pipeline", "doctor", "--quick") == ""


def test_mlflow_holds_one_parent_six_children_and_one_version(clone: Path) -> None:
    client = store(clone)
    (experiment,) = [e for e in client.search_experiments() if e.name == "fracture"]
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = {run.data.tags["pipeline.stage"] for run in runs if "mlflow.parentRunId" in run.data.tags}
    assert (len(parents), len(runs), children) == (1, 7, set(STAGES) - {"phantoms"})
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
    assert "test_by_study" not in evaluated  # phantoms have no ids
    assert {"pointing_game", "pointing_game_random", "pointing_game_center", "erase_drop"} <= set(mapped)


def test_the_reference_lists_every_column_and_key_that_a_run_writes(clone: Path) -> None:
    assert listed.written(clone) == []


def test_results_name_images_of_the_checked_annotations(clone: Path) -> None:
    from pycocotools.coco import COCO

    coco = COCO(str(clone / "Data/annotations.coco.json"))
    results = json.loads((clone / "reports/region_maps/regions.coco.json").read_text())
    assert results
    assert {result["image_id"] for result in results} <= set(coco.getImgIds())
    assert len(coco.getImgIds()) == json.loads((clone / "reports/validate/metrics.json").read_text())["kept"]


def test_a_release_answers_as_the_bundle_does(clone: Path, tmp_path: Path) -> None:
    made = clone / "models/released/drawn"
    command = (sys.executable, "-m", "pipeline", "release", "drawn", "--attribution", "LICENSE", "--json")
    told = json.loads(run(clone, *command))
    assert told["base"] == json.loads((clone / "models/bundle.json").read_text())["sha256"]
    assert (told["weights"], len(told["data.md5"])) == ("float16", 32)
    assert not {"paths", "data", "track"} & set(told["params"])
    assert set(sealing.check(made)) <= set("0123456789abcdef")
    assert set(sealing.RELEASED) <= {path.name for path in made.iterdir()}
    assert json.loads((made / "figures.json").read_text())["evaluate"]["test"]["auroc_low"] >= 0
    asked = [radiograph(clone), next((clone / ".phantoms/val/fractured").glob("*.jpg"))]
    current = predicted(clone, clone, asked, "--model", "current")
    elsewhere = predicted(clone, tmp_path, asked)  # no repository: the released one answers
    answers = [current, elsewhere]
    assert [answer["model"]["name"] for answer in answers[1]] == ["released drawn"] * 2
    assert answers[1][0]["model"]["learnt_from"] == "phantoms"
    for before, after in zip(*answers, strict=True):
        assert after["probability"] == pytest.approx(before["probability"], abs=0.002)
    seen = learnt_hashes.read(made / "learnt.npy")
    assert learnt_hashes.certain(seen, [outputs.sha256(path) for path in asked]).tolist() == [False, True]
    assert json.loads(run(clone, *command)) == told


def predicted(clone: Path, folder: Path, paths: list[Path], *options: str) -> list[dict[str, Any]]:
    """Call `fracture predict` in any folder."""
    code = f"import sys; sys.path.insert(0, {str(clone)!r}); from pipeline.__main__ import main; main()"
    command = [sys.executable, "-P", "-c", code, "predict", *map(str, paths), "--json", *options]
    answers: list[dict[str, Any]] = json.loads(run(folder, *command))
    return answers


@pytest.fixture(scope="module")
def champion(clone: Path) -> Path:
    """The clone, with its version as champion: what it learnt in two epochs passes no gate."""
    store(clone).set_registered_model_alias("fracture", "champion", "1")
    return clone


def store(clone: Path) -> MlflowClient:
    """Ask the clone's own store, whatever store a test before this left MLflow with."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{clone / 'mlflow.db'}"
    return MlflowClient(uri, uri)


def test_the_champion_answers_for_a_path_bytes_and_base64(champion: Path) -> None:
    code = (
        "import base64, json, mlflow, os, pandas as pd, sys\n"
        "folder, name = os.path.split(sys.argv[1])\n"
        "os.environ['FRACTURE_IMAGES'] = folder\n"
        "mlflow.set_tracking_uri('sqlite:///mlflow.db')\n"
        "model = mlflow.pyfunc.load_model('models:/fracture@champion')\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "asked = pd.DataFrame({'image': [name, data, base64.b64encode(data).decode()]})\n"
        "print(model.predict(asked).to_json(orient='records'))\n"
    )
    said = run(champion, sys.executable, "-c", code, str(radiograph(champion)))
    answers = json.loads(said.splitlines()[-1])
    for answer in answers:
        check_answer(answer, radiograph(champion))
    probabilities = [answer["probability"] for answer in answers]
    assert probabilities == pytest.approx([probabilities[0]] * 3, abs=1e-5)  # sums differ by place in a batch


def test_the_champion_answers_over_http_and_notes_what_it_saw(champion: Path, tmp_path: Path) -> None:
    data = radiograph(champion).read_bytes()
    with serving(champion, "--seen", str(tmp_path)) as address:
        (found,) = ask(address, base64.b64encode(data).decode())
    as_mlflow = {"regions": json.dumps(found["regions"]), "region_map": found["region_map"].partition(",")[2]}
    check_answer(found | as_mlflow, radiograph(champion))
    assert served.read(tmp_path).files == 1


def radiograph(clone: Path) -> Path:
    return next((clone / ".phantoms/test/fractured").glob("*.jpg"))


def check_answer(answer: dict[str, Any], asked: Path) -> None:
    """Expect probability, decision, boxes within the radiograph, and a map of its size."""
    height_px, width_px = images.read(asked).pixels.shape
    assert 0 <= answer["probability"] <= 1
    assert answer["decision"] in {"no finding", "needs review", "fracture", "out of scope"}
    for left, top, width, height in (box["bbox"] for box in json.loads(answer["regions"])):
        assert 0 <= left < left + width <= width_px
        assert 0 <= top < top + height <= height_px
    assert images.decode(base64.b64decode(answer["region_map"]), "map").pixels.shape == (height_px, width_px)


@contextmanager
def serving(clone: Path, *options: str) -> Iterator[str]:
    """Serve the champion as a user would; yield the address once it answers."""
    address = f"http://127.0.0.1:{(port := servers.free_port())}"
    command = [sys.executable, "-m", "pipeline", "serve", *options, "--port", str(port)]
    with (clone / "serve.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=clone, env=cloning.ENVIRONMENT, stdout=log, stderr=log, start_new_session=True
        )
        try:
            servers.wait(f"{address}/health", server)
            yield address
        finally:
            servers.end(server)


def ask(address: str, image: str) -> list[dict[str, Any]]:
    body = json.dumps({"images": [{"name": "a.jpg", "data": image}]}).encode()
    asked = urllib.request.Request(f"{address}/predict?map=true", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        results: list[dict[str, Any]] = json.load(answer)["results"]
    return results


@pytest.mark.reliability(42)
def test_a_forced_run_a_day_later_gives_the_same_lock(clone: Path, tmp_path: Path) -> None:
    before = (clone / "dvc.lock").read_text()
    run(clone, *clock.a_day_later(tmp_path), "dvc", "repro", "--force")
    assert (clone / "dvc.lock").read_text() == before
