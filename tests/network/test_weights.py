from __future__ import annotations

import numpy as np
import pytest

from pipeline.network import weights
from tests import weights as stored


def test_finite_weights_are_not_named(tmp_path):
    assert weights.non_finite(stored.write(tmp_path / "a.keras", dense=[0.5, -1e30], seed=[7])) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.reliability(30)
def test_what_is_not_finite_is_named(tmp_path, value):
    path = stored.write(tmp_path / "a.keras", dense=[0.5, 1.0], logit=[0.5, value])
    assert weights.non_finite(path) == ["logit/vars/0"]


def test_keras_own_files_are_read(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.layers[-1].bias.assign([np.nan])
    model.save(tmp_path / "a.keras")
    assert weights.non_finite(tmp_path / "a.keras") == ["dense/vars/1"]  # Keras names it after its class


@pytest.mark.parametrize("content", [b"", b"PK\3\4 cut"])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "a.keras").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.keras must be a whole"):
        weights.non_finite(tmp_path / "a.keras")
