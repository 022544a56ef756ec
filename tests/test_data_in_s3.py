"""Radiographs and DVC's remote in one S3 server: a fresh clone, and another one that has nothing to do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests import buckets, cloning
from tests.cloning import run
from tests.test_end_to_end import SMALL

pytestmark = pytest.mark.slow
ROOT = "s3://hospital/radiographs"
FETCHED = "s3%3A%2F%2Fhospital%2Fradiographs"
PYTHON = (sys.executable, "-m", "pipeline")


@pytest.fixture(scope="module")
def bucket() -> Iterator[buckets.Bucket]:
    with buckets.served() as endpoint, pytest.MonkeyPatch.context() as patch:
        found = {"AWS_ENDPOINT_URL": endpoint, **buckets.ENVIRONMENT}
        patch.setattr(cloning, "ENVIRONMENT", cloning.ENVIRONMENT | found)
        yield buckets.Bucket(endpoint, "hospital")


@pytest.fixture(scope="module")
def clone(bucket: buckets.Bucket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose radiographs lie in the bucket, after `dvc repro` and `dvc push`."""
    data = {"root": ROOT, "annotations": "Data/drawn.coco.json"}
    folder = cloning.copy(tmp_path_factory.mktemp("clone"), {**SMALL, "data": data})
    run(folder, *PYTHON, "phantoms")
    for name in ("train", "val", "test"):
        bucket.put_folder(folder / ".phantoms" / name, f"radiographs/{name}")
    shutil.copy(folder / ".phantoms/annotations.coco.json", folder / "Data/drawn.coco.json")
    run(folder, "dvc", "remote", "add", "--default", "bucket", "s3://hospital/dvc")
    run(folder, "dvc", "repro")
    run(folder, "dvc", "push")
    run(folder, "git", "add", "--all")
    run(folder, "git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "All")
    return folder


@pytest.mark.reliability(
    "radiographs and DVC's remote in S3", "`dvc repro` from a fresh clone; again, and nothing is to do"
)
def test_a_second_time_nothing_is_to_do(clone: Path) -> None:
    assert ran(run(clone, "dvc", "repro")) == []
    locked = yaml.safe_load((clone / "dvc.lock").read_text())["stages"]["validate"]["deps"]
    assert {f"{ROOT}/{name}" for name in ("train", "val", "test")} <= {each["path"] for each in locked}


@pytest.fixture
def other(clone: Path, tmp_path: Path) -> Path:
    """Another clone, which pulls from the remote. Phantoms are drawn everywhere: docs/decisions/0021."""
    run(tmp_path, "git", "clone", "--quiet", str(clone), "other")
    run(tmp_path / "other", "dvc", "pull")
    return tmp_path / "other"


def ran(said: str) -> list[str]:
    return re.findall(r"Running stage '(\w+)'", said)


def test_in_another_clone_that_pulls_nothing_is_to_do_and_nothing_is_fetched(
    clone: Path, other: Path
) -> None:
    assert ran(run(other, "dvc", "repro")) == ["phantoms"]
    assert ran(run(other, "dvc", "repro")) == []
    assert (other / "models/bundle.json").read_bytes() == (clone / "models/bundle.json").read_bytes()
    assert not (other / ".fetched").exists()


def test_another_clone_that_changes_a_setting_fetches_what_its_stages_read(other: Path) -> None:
    params = yaml.safe_load((other / "params.yaml").read_text())
    params["region_maps"]["gallery"] = 2
    (other / "params.yaml").write_text(yaml.safe_dump(params))
    assert ran(run(other, "dvc", "repro"))[:2] == ["phantoms", "region_maps"]
    assert fetched(other) == drawn(other)


def fetched(clone: Path) -> set[str]:
    root = clone / ".fetched" / FETCHED
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def drawn(clone: Path) -> set[str]:
    """Paths of the radiographs in the gallery of region maps."""
    shown = pd.read_csv(clone / "reports/region_maps/overlays/index.csv")
    return set(shown["path"])


def test_nothing_at_the_address_was_written(clone: Path, bucket: buckets.Bucket) -> None:
    mine = {f"radiographs/{path}" for path in fetched(clone)}
    assert {key for key in bucket.objects() if not key.startswith("dvc/")} == mine


def test_mlflow_names_the_address_and_no_key(clone: Path) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{clone / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    (experiment,) = [each for each in client.search_experiments() if each.name == "fracture"]
    found = client.search_runs([experiment.experiment_id])
    inputs = [each.dataset for one in found for each in one.inputs.dataset_inputs]
    assert {json.loads(each.source)["uri"] for each in inputs if each.name == "radiographs"} == {ROOT}
    assert "s3" in {each.source_type for each in inputs}
    for secret in buckets.KEYS.values():
        assert secret.encode() not in (clone / "mlflow.db").read_bytes()


def test_predict_answers_for_an_address_as_for_a_folder(clone: Path) -> None:
    here, there = (asked(clone, place) for place in (".phantoms/val/fractured", f"{ROOT}/val/fractured"))
    assert len(there) == len(here) > 3
    assert [each.pop("path") for each in there] == [
        each.pop("path").replace(".phantoms", ROOT) for each in here
    ]
    assert there == here
    (one,) = asked(
        clone,
        f"{ROOT}/{next((clone / '.phantoms').glob('val/fractured/*')).relative_to(clone / '.phantoms')}",
    )
    assert one["path"].startswith(f"{ROOT}/val/fractured/")


def asked(clone: Path, place: str) -> list[dict[str, Any]]:
    command = [*PYTHON, "predict", place, "--json", "--model", "current"]
    done = subprocess.run(command, cwd=clone, env=cloning.ENVIRONMENT, capture_output=True, check=False)
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def test_assess_names_its_report_after_the_last_part_of_the_address(clone: Path) -> None:
    run(clone, *PYTHON, "assess", f"{ROOT}/test", "--model", "current")
    report = clone / "reports/assess/test"
    assert json.loads((report / "source.json").read_text())["folder"] == "test"
    assert "%3A" not in (report / "report.html").read_text()
    assert "%3A" not in (report / "issues.csv").read_text()


def test_doctor_counts_what_lies_at_the_address(clone: Path) -> None:
    said = run(clone, *PYTHON, "doctor", "--quick", "--json")
    checks = {each["name"]: each for each in json.loads(said)}
    assert checks["radiographs"]["detail"].startswith(f"{ROOT}: train/fractured ")
    assert checks["data.root"]["detail"] == ROOT
