"""A network stored with narrow kernels answers nearly as before."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.network import classifier, half_precision, weights
from tests import records


def test_it_takes_half_the_bytes_and_hardly_answers_otherwise(network, network_file, tmp_path):
    half_precision.halve(network_file, tmp_path / "narrow.keras")
    loaded = classifier.load(tmp_path / "narrow.keras")
    canvas = np.stack([records.canvas(number, fractured=True) for number in range(4)])[..., None]
    before, after = (keras.ops.convert_to_numpy(each(canvas)["logit"]) for each in (network, loaded))
    assert 0 < np.abs(after - before).max() < 0.01
    assert {weight.dtype for weight in loaded.weights} == {"float32"}
    assert weights.non_finite(tmp_path / "narrow.keras") == []
    assert (tmp_path / "narrow.keras").stat().st_size < 0.85 * network_file.stat().st_size


def test_equal_weights_give_equal_bytes(network_file, tmp_path):
    for name in ("a.keras", "b.keras"):
        half_precision.halve(network_file, tmp_path / name)
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()


def test_vectors_and_small_kernels_stay_exact(network, network_file, tmp_path):
    half_precision.halve(network_file, tmp_path / "narrow.keras")
    before, after = (weights.read(file) for file in (network_file, tmp_path / "narrow.keras"))
    large = 0.005 * sum(values.size for values in before.values())
    kernels = {name for name, values in before.items() if values.ndim > 1}
    small = {name for name in kernels if before[name].size < large}
    assert small
    assert kernels - small
    for name, values in after.items():
        is_exact = np.array_equal(values, before[name]) and values.dtype == before[name].dtype
        assert is_exact == (name not in kernels - small), name


def test_a_kernel_beyond_16_bits_is_refused(network, tmp_path):
    wide = keras.models.clone_model(network)
    kernel = max((weight for weight in wide.weights if len(weight.shape) == 4), key=keras.ops.size)
    kernel.assign(np.full(kernel.shape, 1e6, np.float32))
    classifier.save(wide, tmp_path / "wide.keras")
    with pytest.raises(ValueError, match="must fit into 16 bits"):
        half_precision.halve(tmp_path / "wide.keras", tmp_path / "narrow.keras")
