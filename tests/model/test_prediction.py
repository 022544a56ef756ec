from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.model import prediction
from pipeline.model.training import Examples
from pipeline.preprocess import shards
from tests import records


def test_all_batches_are_predicted_in_order(network: keras.Model, examples: Examples) -> None:
    batches = shards.dataset(examples.folder, examples.val, 3)  # the last batch holds two
    logits, evidence, _ = prediction.predict_all(prediction.predictor(network), batches)
    whole = np.stack([records.canvas(i, fractured=i % 2 == 0) for i in range(16, 24)])
    expected = prediction.predictor(network)(whole).logits
    assert evidence.shape == (8, 8, 8)
    assert logits == pytest.approx(expected, abs=1e-5)
