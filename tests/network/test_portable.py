"""A predictor on its way to another process."""

from __future__ import annotations

import pickle
from pathlib import Path

import keras
import numpy as np

from pipeline.network import portable, tta
from tests import records

CANVASES = np.random.default_rng(5).integers(0, 255, (3, records.SIDE, records.SIDE), np.uint8)


def test_a_predictor_that_travelled_answers_to_the_bit(network: keras.Model, network_file: Path) -> None:
    predict = tta.with_tta(portable.predictor(network, network_file), 2)
    travelled = pickle.loads(pickle.dumps(predict))
    again = pickle.loads(pickle.dumps(travelled))  # from a machine to the next
    expected = [part.tobytes() for part in predict(CANVASES)]
    assert [part.tobytes() for part in travelled(CANVASES)] == expected
    assert [part.tobytes() for part in again(CANVASES)] == expected
