from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.network import inference
from pipeline.preprocess import shards
from pipeline.train.training import Examples
from tests import records


def test_all_batches_are_predicted_in_order(network: keras.Model, examples: Examples) -> None:
    batches = shards.dataset(examples.folder, examples.val, 3)  # the last batch holds two
    logits, evidence, *_ = inference.predict_all(inference.predictor(network), batches)
    whole = np.stack([records.canvas(i, fractured=i % 2 == 0) for i in range(16, 24)])
    expected = inference.predictor(network)(whole).logits
    assert evidence.shape == (8, 8, 8)
    assert logits == pytest.approx(expected, abs=1e-5)


@pytest.mark.reliability(43)
@pytest.mark.parametrize("largest", [2, 1])
def test_a_batch_is_halved_once_where_memory_is_short(
    largest: int, network: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = np.stack([records.canvas(i, fractured=i % 2 == 0) for i in range(4)])
    expected = inference.predictor(network)(whole)
    compile_ = tf.function

    def limited(function=None, **options):
        run = compile_(function, **options)
        if getattr(function, "__name__", "") != "forward":  # Keras compiles, too
            return run

        def refuse_many(canvases):
            if len(canvases) > largest:
                raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")
            return run(canvases)

        return refuse_many

    monkeypatch.setattr(inference.tf, "function", limited)
    predict = inference.predictor(network)
    if largest == 1:
        with pytest.raises(tf.errors.ResourceExhaustedError):
            predict(whole)
    else:
        assert predict(whole).logits == pytest.approx(expected.logits, abs=1e-5)
        assert predict(whole).evidence.shape == expected.evidence.shape
