"""Bad luck of the real stages: kills, full disks, damaged files between them, a training that diverges."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from pipeline.network import backbone_names
from pipeline.preprocess import shards
from tests import cloning
from tests.reliability import injection
from tests.reliability.injection import command, hashes

SMALL = {
    "phantoms": {"train": 16, "val": 12, "test": 12, "min_side_px": 160, "max_side_px": 200},
    "preprocess": {"height_px": 64, "width_px": 64, "shard_records": 8},
    "train": {"backbone": "narrow", "weights": "random", "pyramid_channels": 8, "head_epochs": 1,
              "max_epochs": 2, "batch_size": 8},
    "run": {"workers": 1, "device": "cpu"},
}  # fmt: skip
# A stage in a process of its own, that kills itself when it comes to a function for the nth time.
KILLED = """
import importlib, os, signal, sys
from pipeline.network import backbone_names
backbone_names.LITE["narrow"] = (0.25, 0.25)
stage, where, name, calls = sys.argv[1], importlib.import_module(sys.argv[2]), sys.argv[3], int(sys.argv[4])
real = getattr(where, name)
def dying(*args, **kwargs):
    global calls
    calls -= 1
    if calls <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **kwargs)
setattr(where, name, dying)
sys.argv = ["fracture", stage]
from pipeline.__main__ import main
main()
"""


@pytest.fixture(scope="module", autouse=True)
def _narrow_and_untracked() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(backbone_names.LITE, "narrow", (0.25, 0.25))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture(scope="module")
def preprocessed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository whose first three stages have run; to be read only."""
    folder = cloning.copy(tmp_path_factory.mktemp("preprocessed") / "clone", SMALL)
    for stage in ("phantoms", "validate", "preprocess"):
        assert command(folder, stage).code == 0
    return folder


@pytest.fixture
def clone(preprocessed: Path, tmp_path: Path) -> Path:
    shutil.copytree(preprocessed, tmp_path / "clone", symlinks=True)
    return tmp_path / "clone"


def put(clone: Path, section: str, **values: object) -> None:
    params = yaml.safe_load((clone / "params.yaml").read_text(encoding="utf-8"))
    params[section] |= values
    (clone / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def kill_in(clone: Path, stage: str, module: str, name: str, calls: int = 1) -> None:
    """Run a stage in a child that dies by SIGKILL when it calls a function for the nth time."""
    arguments = [stage, module, name, str(calls)]
    environment = cloning.ENVIRONMENT | {"PYTHONPATH": str(injection.REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=clone, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.reliability(38)
@pytest.mark.parametrize(
    ("damaged", "stage", "words"),
    [
        ("Data/shards/train-00001.tfrecord", "train", "dvc repro -f preprocess"),
        ("Data/shards/index.csv", "train", "dvc repro -f preprocess"),
        ("Data/manifest.csv", "preprocess", "dvc repro"),
        ("Data/annotations.coco.json", "preprocess", "dvc repro"),
    ],
)
def test_a_damaged_intermediate_is_named_with_its_cure(
    clone: Path, damaged: str, stage: str, words: str
) -> None:
    data = (clone / damaged).read_bytes()
    (clone / damaged).write_bytes(data[: len(data) // 2])
    done = command(clone, stage)
    message = done.log.strip().splitlines()[-1]
    assert done.code == 1
    assert Path(damaged).name in message
    assert words in message


@pytest.mark.reliability(30)
def test_a_training_that_diverges_leaves_no_model_and_the_last_one_stands(clone: Path) -> None:
    (clone / "models/classifier.keras").write_bytes(b"the last good model")
    put(clone, "train", learning_rate=1e30, head_learning_rate=1e30)
    done = command(clone, "train")
    assert done.code == 1
    assert "Lower train.learning_rate" in done.log
    assert (clone / "models/classifier.keras").read_bytes() == b"the last good model"
    assert not (clone / "reports/train/metrics.json").exists()


@pytest.mark.reliability(34)
def test_a_kill_inside_the_save_of_a_model_leaves_the_old_one_whole(clone: Path) -> None:
    old = clone / "models/classifier.keras"
    old.write_bytes(b"the old model")
    kill_in(clone, "train", "pipeline.network.archive", "make_repeatable")
    assert old.read_bytes() == b"the old model"
    assert [path.name for path in old.parent.iterdir() if path.name.endswith("classifier.keras")] != [
        old.name
    ]
    assert command(clone, "train").code == 0
    assert old.stat().st_size > 10_000


@pytest.mark.reliability(32)
def test_after_a_kill_and_another_setting_nothing_of_the_old_run_is_left(
    preprocessed: Path, clone: Path, tmp_path: Path
) -> None:
    shutil.rmtree(clone / "Data/shards")  # as DVC does before it runs the stage
    kill_in(clone, "preprocess", "pipeline.preprocess.examples", "encode", calls=20)
    assert not (clone / "Data/shards").exists()
    put(clone, "preprocess", shard_records=16)
    assert command(clone, "preprocess").code == 0
    shutil.copytree(preprocessed, tmp_path / "unbroken", symlinks=True)
    put(tmp_path / "unbroken", "preprocess", shard_records=16)
    assert command(tmp_path / "unbroken", "preprocess").code == 0
    assert hashes(clone / "Data/shards") == hashes(tmp_path / "unbroken/Data/shards")
    assert len(shards.read_index(clone / "Data/shards")) > 30


@pytest.mark.reliability("what a stage that was killed left beside its output", "cleared by the next run")
def test_the_next_run_clears_what_a_killed_one_left(clone: Path) -> None:
    kill_in(clone, "preprocess", "pipeline.preprocess.examples", "encode", calls=20)
    assert private(clone)
    assert command(clone, "preprocess").code == 0
    assert private(clone) == []


def private(clone: Path) -> list[str]:
    """Names of what stages write aside before it takes its place."""
    return [path.name for path in (clone / "Data").iterdir() if re.match(r"\.\d", path.name)]


@contextmanager
def nearly_full(clone: Path, place: Path) -> Iterator[tuple[Path, Path]]:
    """Yield a copy of the clone on a disk with two pages left, and the ballast that fills it."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        shutil.copytree(clone, place / "clone", symlinks=True)
        (place / "ballast").write_bytes(bytes(shutil.disk_usage(place).free - 8192))
        yield place / "clone", place / "ballast"
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.reliability(37)
@pytest.mark.parametrize("stage", ["phantoms", "validate", "preprocess", "train"])
def test_a_full_disk_is_one_message_and_a_rerun_succeeds_once_space_is_free(
    clone: Path, tmp_path: Path, stage: str
) -> None:
    with nearly_full(clone, tmp_path / "disk") as (full, ballast):
        done = command(full, stage)
        assert done.code == 1
        assert "no space left" in done.log.lower()
        assert "Traceback" not in done.log
        ballast.unlink()
        assert command(full, stage).code == 0
