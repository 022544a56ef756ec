"""Where memory is short, training starts anew with half the batch; once."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from pipeline.config import Config
from pipeline.train import self_training

OUT_OF_MEMORY = [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")]


@pytest.mark.reliability(43)
@pytest.mark.parametrize("error", OUT_OF_MEMORY)
@pytest.mark.parametrize("largest", [16, 8, 4])
def test_the_batch_is_halved_once(
    largest: int, error: Exception, params: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def fit(config, examples, settings, checkpoint_path, on_epoch):
        tried.append((settings.batch_size, checkpoint_path.name))
        if settings.batch_size > largest:
            raise error
        return "network", []

    monkeypatch.setattr(self_training, "_fit", fit)
    if largest == 4:
        with pytest.raises(type(error)):
            self_training.fit(params, None, params.train, Path("training.npz"))
    else:
        assert self_training.fit(params, None, params.train, Path("training.npz"))[0] == "network"
    assert tried == [(16, "training.npz"), (8, "training-half.npz")][: 1 if largest == 16 else 2]
