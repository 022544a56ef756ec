from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.network import inference
from pipeline.preprocess import shards
from pipeline.train.training import Examples
from tests import records


def test_all_batches_are_predicted_in_order(network: keras.Model, examples: Examples) -> None:
    batches = shards.dataset(examples.folder, examples.val, 3)  # the last batch holds two
    logits, evidence, _ = inference.predict_all(inference.predictor(network), batches)
    whole = np.stack([records.canvas(i, fractured=i % 2 == 0) for i in range(16, 24)])
    expected = inference.predictor(network)(whole).logits
    assert evidence.shape == (8, 8, 8)
    assert logits == pytest.approx(expected, abs=1e-5)
