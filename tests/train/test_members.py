"""Several networks that answer together: each by its own seed, each trained once, all scored as one."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import Config, Train
from pipeline.network import inference
from pipeline.train import members, self_training, training
from tests import records


class StoppedError(Exception):
    """Stands for a kill."""


@pytest.fixture(scope="module")
def config(params: Config, settings: Train) -> Config:
    side = {"height_px": records.SIDE, "width_px": records.SIDE}
    return params.model_copy(
        update={
            "train": settings.model_copy(update={"members": 2}),
            "preprocess": params.preprocess.model_copy(update=side),
        }
    )


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("members")


@pytest.fixture(scope="module")
def told() -> dict[str, float]:
    return {}


@pytest.fixture(scope="module")
def trained(
    config: Config, examples: training.Examples, checkpoints: Path, told: dict[str, float]
) -> members.Trained:
    """Two networks, and what was told of their epochs."""
    return members.fit(config, examples, checkpoints, lambda _, row: told.update(row))


def by_seed(config: Config, seed: int) -> Config:
    return config.model_copy(update={"run": config.run.model_copy(update={"seed": seed})})


def test_each_network_is_that_of_its_seed(
    config: Config,
    examples: training.Examples,
    trained: members.Trained,
    checkpoints: Path,
    told: dict[str, float],
    tmp_path: Path,
) -> None:
    assert {"val_auroc", "member2_val_auroc"} <= told.keys()
    second, history = self_training.fit(
        by_seed(config, config.run.seed + 1), examples, config.train, tmp_path / "second.npz"
    )
    assert trained.histories[1] == history != trained.histories[0]
    first, _ = self_training.fit(config, examples, config.train, checkpoints / "training.npz")
    canvases = np.random.default_rng(1).integers(0, 256, (2, records.SIDE, records.SIDE), dtype=np.uint8)
    logits = [inference.predictor(model)(canvases).logits for model in (first, second)]
    together = inference.predictor(trained.model)(canvases).logits
    assert together == pytest.approx(np.mean(logits, axis=0), abs=1e-5)
    assert not np.allclose(*logits)


def test_a_network_that_has_learnt_does_not_learn_again(
    config: Config,
    examples: training.Examples,
    trained: members.Trained,
    checkpoints: Path,
    tmp_path: Path,
) -> None:
    def stop(_: int, row: dict[str, float]) -> None:
        assert "val_auroc" not in row
        raise StoppedError

    shutil.copy(checkpoints / "training.npz", tmp_path)
    with pytest.raises(StoppedError):
        members.fit(config, examples, tmp_path, stop)
    seen: list[tuple[int, bool]] = []
    resumed = members.fit(
        config, examples, tmp_path, lambda epoch, row: seen.append((epoch, "member2_val_auroc" in row))
    )
    assert seen == [(1, True)]
    assert resumed.histories == trained.histories


def test_figures_are_of_all_together_and_of_each(
    config: Config, examples: training.Examples, trained: members.Trained
) -> None:
    found = members.figures(trained, examples, config.train)
    best = [training.selected_epoch(history, "best") for history in trained.histories]
    assert found["members"] == {
        str(n): {name: row[name] for name in ("val_loss", "val_auroc")} for n, row in enumerate(best, start=1)
    }
    assert found["train_loss"] == pytest.approx(np.mean([row["train_loss"] for row in best]))
    assert found["val_loss"] <= np.mean([row["val_loss"] for row in best])  # the loss is convex in logits


def test_one_network_has_no_figures_of_its_own(examples: training.Examples, settings: Train) -> None:
    history = [{"epoch": 0, "train_loss": 0.1, "val_loss": 0.2, "val_auroc": 0.9}]
    assert members.figures(members.Trained(None, [history]), examples, settings) == {}


def test_the_table_holds_an_epoch_a_row() -> None:
    first, second = (
        [{"epoch": n, "val_auroc": 0.5 + n / 10} for n in range(3)],
        [{"epoch": 0, "val_auroc": 0.7}],
    )
    table = members.table([first, second])
    assert list(table.columns) == ["epoch", "val_auroc", "member2_val_auroc"]
    assert table["member2_val_auroc"].tolist()[0] == 0.7
    assert table["member2_val_auroc"].isna().tolist() == [False, True, True]
    assert members.table([first])["epoch"].tolist() == [0, 1, 2]
