"""The stage that trains: what stays when a training fails."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.config import Config, Run, Train
from pipeline.files import outputs
from pipeline.network import classifier, cluster, device
from pipeline.preprocess import shards
from pipeline.report import training as training_page
from pipeline.stages import train
from pipeline.train import training
from tests.networks import _narrow_backbone, _repeatable, examples, settings

__all__ = ["_narrow_backbone", "_repeatable", "examples", "settings"]


@pytest.fixture
def config(
    params: Config,
    settings: Train,
    examples: training.Examples,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Config:
    """Settings of a folder that has shards; DVC is not asked."""
    monkeypatch.chdir(tmp_path)
    pipeline = SimpleNamespace(root=tmp_path, checkpoints=lambda _: tmp_path / ".checkpoints" / "recipe")
    monkeypatch.setattr(train, "repository", SimpleNamespace(read=lambda: pipeline))
    canvas = params.preprocess.model_copy(update={"height_px": 64, "width_px": 64})
    paths = params.paths.model_copy(update={"shards": examples.folder})
    run = params.run.model_copy(update={"device": "cpu"})
    return params.model_copy(update={"train": settings, "preprocess": canvas, "paths": paths, "run": run})


@pytest.mark.reliability(30)
@pytest.mark.filterwarnings("ignore:invalid value encountered in logaddexp")
def test_a_training_that_diverges_says_where_the_last_good_model_is(config: Config) -> None:
    train.run(config)
    good = outputs.sha256(config.paths.classifier)
    config.paths.classifier.unlink()  # as DVC does before it runs the stage
    wild = config.train.model_copy(update={"learning_rate": 1e30, "head_learning_rate": 1e30})
    with pytest.raises(training.DivergedError, match="The last good model is whole") as raised:
        train.run(config.model_copy(update={"train": wild}))
    assert not config.paths.classifier.exists()
    command = str(raised.value).partition(": cp ")[2].removesuffix(" brings it back.")
    subprocess.run(["cp", *shlex.split(command)], check=True)
    assert outputs.sha256(config.paths.classifier) == good


@pytest.mark.reliability(30)
@pytest.mark.parametrize(("damage", "words"), [("none", "No earlier model is kept"), ("torn", "is damaged")])
def test_what_is_not_the_last_good_model_is_not_called_so(tmp_path: Path, damage: str, words: str) -> None:
    classifier = tmp_path / "models" / "classifier.keras"
    if damage == "torn":
        outputs.write_bytes(classifier, b"weights")
        train.last_good.keep(classifier, tmp_path)
        (tmp_path / ".checkpoints/last-good/classifier.keras").write_bytes(b"wei")
    assert words in train.last_good.advice(classifier, tmp_path)


def test_several_networks_are_saved_and_scored_as_one(config: Config) -> None:
    several = config.model_copy(update={"train": config.train.model_copy(update={"members": 2})})
    train.run(several)
    names = {layer.name for layer in classifier.load(config.paths.classifier).layers}
    assert {"evidence_pyramid", "evidence_pyramid_member2", "logit_mean"} <= names
    report = config.paths.report("train")
    figures = json.loads((report / "metrics.json").read_text())
    assert set(figures["members"]) == {"1", "2"}
    assert figures["val_loss"] not in {own["val_loss"] for own in figures["members"].values()}
    header = (report / "history.csv").read_text().splitlines()[0].split(",")
    assert {"epoch", "val_auroc", "member2_val_auroc"} <= set(header)
    assert "Networks together" in training_page.documents(config)["report.html"]


@pytest.mark.parametrize("rank", [0, 1])
def test_processes_meet_before_tensorflow_reads_anything(
    config: Config, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    """TensorFlow refuses to meet others once it has computed: "must be configured at program startup"."""

    class MetError(Exception):
        pass

    def met(settings: Run, processes: cluster.Cluster) -> None:
        raise MetError(f"{processes.rank} of {processes.size}")

    monkeypatch.setattr(cluster, "read", lambda: cluster.Cluster(("one:1", "other:1"), rank))
    monkeypatch.setattr(device, "spread", met)
    monkeypatch.setattr(shards, "read_index", None)  # it computes
    with pytest.raises(MetError, match=f"{rank} of 2"):
        train.run(config)
