from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.network import pooling

EVIDENCE = np.array([[[0.0, 1.0], [2.0, -3.0]]], np.float32)[..., None]


def test_log_sum_exp_by_hand() -> None:
    expected = np.log((1 + np.exp(2) + np.exp(4) + np.exp(-6)) / 4) / 2
    assert pooling.LogSumExpPooling(2.0)(EVIDENCE).numpy() == pytest.approx(np.array([[expected]]), rel=1e-6)


@pytest.mark.parametrize(("sharpness", "limit"), [(1e-3, 0.0), (1e3, 2.0)])
def test_log_sum_exp_lies_between_mean_and_maximum(sharpness: float, limit: float) -> None:
    assert pooling.LogSumExpPooling(sharpness)(EVIDENCE).numpy().item() == pytest.approx(limit, abs=0.01)


def test_log_sum_exp_of_large_evidence_is_finite() -> None:
    assert pooling.LogSumExpPooling(8.0)(EVIDENCE * 1e4).numpy().item() == pytest.approx(2e4, rel=1e-4)


def test_attention_by_hand() -> None:
    attention = np.log(np.array([[[1.0, 2.0], [5.0, 2.0]]], np.float32))[..., None]
    pooled = pooling.AttentionPooling()([EVIDENCE, attention]).numpy()
    assert pooled == pytest.approx(np.array([[(0 * 1 + 1 * 2 + 2 * 5 - 3 * 2) / 10]]))


def test_probabilistic_pooling_by_hand() -> None:
    values = np.array([0.0, 1.0, 2.0, -3.0])
    probability = 1 / (1 + np.exp(-values))
    pooled = pooling.ProbabilisticPooling()(EVIDENCE).numpy()
    assert pooled == pytest.approx(np.array([[probability @ values / probability.sum()]]), rel=1e-5)


def test_the_gate_closes_attention() -> None:
    features = keras.Input((2, 2, 3))
    model = keras.Model(features, pooling.gated_attention(features, 4))
    gate = model.get_layer("attention_gate")
    gate.set_weights([np.zeros_like(gate.get_weights()[0]), np.full(4, -50.0)])
    bias = model.get_layer("attention").get_weights()[1]
    seen = model(np.random.default_rng(0).normal(size=(1, 2, 2, 3)).astype(np.float32))
    assert np.allclose(seen, bias, atol=1e-6)


def test_even_attention_is_the_mean() -> None:
    pooled = pooling.AttentionPooling()([EVIDENCE, np.full_like(EVIDENCE, 7)]).numpy()
    assert pooled.item() == pytest.approx(EVIDENCE.mean())


@pytest.mark.parametrize(
    "pool",
    [
        pooling.LogSumExpPooling(2.5),
        pooling.ProbabilisticPooling(),
        lambda image: pooling.AttentionPooling()([image, pooling.gated_attention(image, 2)]),
    ],
    ids=["lse", "pcam", "attention"],
)
def test_poolings_come_back_from_a_file_in_safe_mode(
    tmp_path: Path, pool: Callable[[keras.KerasTensor], keras.KerasTensor]
) -> None:
    image = keras.Input((2, 2, 1))
    model = keras.Model(image, pool(image))
    model.save(tmp_path / "pooling.keras")
    loaded = keras.saving.load_model(tmp_path / "pooling.keras", safe_mode=True)
    assert np.array_equal(loaded(EVIDENCE), model(EVIDENCE))
