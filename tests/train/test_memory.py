"""A batch that does not fit into memory is halved, once, and that is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from pipeline.config import Config, Train
from pipeline.stages import train
from pipeline.train import self_training, training
from pipeline.train.training import Examples

ROW = {"epoch": 0, "train_loss": 0.5, "val_loss": 0.5, "val_auroc": 0.7}
ERRORS = [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")]


@pytest.fixture
def config(params: Config, settings: Train) -> Config:
    canvas = params.preprocess.model_copy(update={"height_px": 64, "width_px": 64})
    return params.model_copy(update={"train": settings, "preprocess": canvas})


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[int]:
    """Sizes of the batches that were tried; those above three do not fit."""
    sizes: list[int] = []
    fits, error = request.param

    def fit(model, examples, settings, seed, path: Path, on_epoch):
        sizes.append(settings.batch_size)
        if settings.batch_size > fits:
            raise error
        path.write_bytes(b"an epoch")
        on_epoch(0, ROW)
        return [ROW]

    monkeypatch.setattr(training, "fit", fit)
    return sizes


@pytest.mark.reliability(43)
@pytest.mark.parametrize("tried", [(3, error) for error in ERRORS], indirect=True, ids=["host", "device"])
def test_a_batch_that_does_not_fit_is_halved_once_and_recorded(
    config: Config, examples: Examples, tmp_path: Path, tried: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    told: list[dict[str, float]] = []
    fit = lambda: self_training.fit(  # noqa: E731
        config, examples, config.train, tmp_path / "training.npz", lambda epoch, row: told.append(row)
    )
    model, history = fit()
    assert tried == [6, 3]
    assert history == told == [ROW | {"batch_size": 3}]
    assert train.summarize(model, history, "last")["batch_size"] == 3
    assert "memory does not suffice for train.batch_size 6: starting anew with 3" in caplog.text
    fit()  # as after a kill
    assert tried == [6, 3, 3]


@pytest.mark.reliability(43)
@pytest.mark.parametrize("tried", [(2, ERRORS[0])], indirect=True)
def test_half_a_batch_that_does_not_fit_is_one_message(
    config: Config, examples: Examples, tmp_path: Path, tried: list[int]
) -> None:
    with pytest.raises(self_training.OutOfMemoryError, match=r"nor for 3\. Lower train\.batch_size"):
        self_training.fit(config, examples, config.train, tmp_path / "training.npz")
    assert tried == [6, 3]


@pytest.mark.parametrize("tried", [(6, ERRORS[0])], indirect=True)
def test_a_batch_that_fits_is_nothing_to_record(
    config: Config, examples: Examples, tmp_path: Path, tried: list[int]
) -> None:
    model, history = self_training.fit(config, examples, config.train, tmp_path / "training.npz")
    assert "batch_size" not in train.summarize(model, history, "last")
    assert tried == [6]
