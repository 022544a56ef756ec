"""The network for the light runtime is used where it decides as TensorFlow does, and only there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.dataset import names
from pipeline.network import export, inference
from pipeline.network.interface import NetworkOutput, Predict
from pipeline.predict import light
from pipeline.predict.calibration import Calibration
from pipeline.predict.operating_points import OperatingPoints
from tests import records

CANVASES = np.random.default_rng(0).integers(0, 256, (4, records.SIDE, records.SIDE)).astype(np.uint8)
POINTS, CALIBRATION = OperatingPoints(0.3, 0.7), Calibration(1.0)


def output(logits: list[float]) -> NetworkOutput:
    whole = np.array(logits, np.float32)
    empty = np.zeros((len(whole), 0), np.float32)
    return NetworkOutput(whole, whole[:, None, None], empty, empty)


def test_agreement_is_required_of_logits_and_of_decisions() -> None:
    light.check(output([0.0, 2.0]), output([0.0009, 2.0]), POINTS, CALIBRATION)
    with pytest.raises(ValueError, match=r"0\.0011 apart, 0 of 2 radiographs decided otherwise"):
        light.check(output([0.0, 2.0]), output([0.0, 2.0011]), POINTS, CALIBRATION)
    edge = float(np.log(0.7 / 0.3))
    with pytest.raises(ValueError, match=r"0\.0008 apart, 1 of 2 radiographs decided otherwise"):
        light.check(output([0.0, edge + 4e-4]), output([0.0, edge - 4e-4]), POINTS, CALIBRATION)
    with pytest.raises(ValueError, match="scores that are numbers"):
        light.check(output([0.0]), output([np.nan]), POINTS, CALIBRATION)


@pytest.fixture
def write(network: keras.Model, network_file: Path, tmp_path: Path) -> Callable[[], Path]:
    shutil.copy(network_file, tmp_path / names.CLASSIFIER)
    expected = inference.predictor(network)(CANVASES)

    def examine(predict: Predict) -> NetworkOutput:
        return predict(CANVASES)

    def written() -> Path:
        light.write(tmp_path, network, expected, examine, POINTS, CALIBRATION, tta_views=1, threads=1)
        return tmp_path / names.GRAPH

    return written


def test_a_network_that_agrees_is_written_once_and_alike(write: Callable[[], Path]) -> None:
    first = write().read_bytes()
    assert len(first) > 1000
    assert write().read_bytes() == first


@pytest.mark.reliability(
    "a network that cannot be written for the light runtime, or answers otherwise there",
    "the bundle is sealed without it, with a warning, and TensorFlow answers",
)
def test_what_cannot_be_converted_is_left_to_tensorflow(
    write: Callable[[], Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> bytes:
        raise NotImplementedError("no such operation")

    monkeypatch.setattr(export, "graph", refuse)
    assert write().read_bytes() == b""
    assert "this model needs TensorFlow to answer" in caplog.text
    assert "no such operation" in caplog.text
