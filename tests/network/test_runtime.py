"""A network in ONNX Runtime answers as it does in TensorFlow, and its file depends on the network alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.config import Train
from pipeline.network import classifier, export, half_precision, inference, runtime
from pipeline.network.body_part_head import BODY_PART_HEAD, PartHead
from pipeline.network.interface import NetworkOutput
from tests import records

CANVASES = np.random.default_rng(0).integers(0, 256, (3, records.SIDE, records.SIDE)).astype(np.uint8)


def lively(model: keras.Model) -> keras.Model:
    """Draw weights so large that what the network sees reaches its outputs; new ones hardly do."""
    rng = np.random.default_rng(5)
    for weight in model.trainable_variables:
        if len(weight.shape) > 1:
            fan_in = np.prod(weight.shape[: -1 if weight.shape[-1] > 1 else 2])
            weight.assign(rng.normal(0, np.sqrt(2 / fan_in), weight.shape))
    return model


@pytest.fixture(scope="module")
def network(settings: Train) -> keras.Model:
    whole = settings.model_copy(update={"frozen_fraction": 0.0})
    return lively(classifier.build(whole, (records.SIDE, records.SIDE)))


@pytest.fixture(scope="module")
def network_file(network: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "classifier.keras"
    classifier.save(network, path)
    return path


@pytest.fixture(scope="module")
def graph(network: keras.Model, network_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "classifier.onnx"
    path.write_bytes(export.graph(network, network_file))
    return path


def same(one: NetworkOutput, other: NetworkOutput, apart: float) -> bool:
    pairs = zip(one, other, strict=True)
    return all(a.shape == b.shape and np.allclose(a, b, atol=apart, rtol=1e-3) for a, b in pairs)


def test_both_libraries_compute_the_same(network: keras.Model, network_file: Path, graph: Path) -> None:
    light = runtime.load(graph, network_file).predict(CANVASES)
    assert same(inference.predictor(network)(CANVASES), light, 1e-4)
    assert np.ptp(light.logits) > 0.01


def test_with_heads_for_boxes_and_parts_the_same(settings: Train, tmp_path: Path) -> None:
    archive, graph = tmp_path / "classifier.keras", tmp_path / "classifier.onnx"
    model = lively(classifier.build(settings, (records.SIDE, records.SIDE), with_boxes=True))
    pooled = keras.layers.GlobalAveragePooling2D()(classifier.coarsest(model))
    head = PartHead(("hand", "leg"), name=BODY_PART_HEAD)
    whole = keras.Model(model.inputs, {**model.output, BODY_PART_HEAD: head(pooled)}, name=model.name)
    head.set_weights([np.random.default_rng(1).normal(size=each.shape) for each in head.get_weights()])
    classifier.save(whole, archive)
    graph.write_bytes(export.graph(classifier.load(archive), archive))
    light = runtime.load(graph, archive)
    assert light.parts == ("hand", "leg")
    assert same(inference.predictor(whole)(CANVASES), light.predict(CANVASES), 1e-3)


def test_an_answer_does_not_depend_on_what_stands_beside_it(network_file: Path, graph: Path) -> None:
    predict = runtime.load(graph, network_file).predict
    alone = [predict(CANVASES[place : place + 1]) for place in range(len(CANVASES))]
    for whole, parts in zip(predict(CANVASES), zip(*alone, strict=True), strict=True):
        assert np.array_equal(whole, np.concatenate(parts))


def test_equal_networks_have_equal_graphs(network_file: Path, graph: Path) -> None:
    keras.layers.Conv2D(2, 1)(keras.Input((4, 4, 1)))  # Keras counts its layers on
    assert export.graph(classifier.load(network_file), network_file) == graph.read_bytes()
    assert len(graph.read_bytes()) < 100_000 < network_file.stat().st_size


def test_narrow_weights_are_widened(network_file: Path, graph: Path, tmp_path: Path) -> None:
    half_precision.halve(network_file, tmp_path / "half.keras")
    wide, narrow = (
        runtime.load(graph, each).predict(CANVASES) for each in (network_file, tmp_path / "half.keras")
    )
    assert not np.array_equal(wide.logits, narrow.logits)
    assert np.allclose(wide.logits, narrow.logits, atol=0.05)


@pytest.mark.parametrize("torn", ["classifier.onnx", "classifier.keras"])
def test_a_damaged_file_is_named(torn: str, network_file: Path, graph: Path, tmp_path: Path) -> None:
    for path in (graph, network_file):
        data = path.read_bytes()
        (tmp_path / path.name).write_bytes(data[:999] if path.name == torn else data)
    with pytest.raises(ValueError, match=rf"{torn}.* must hold one network\. Received: "):
        runtime.load(tmp_path / "classifier.onnx", tmp_path / "classifier.keras")


def test_weights_of_another_network_are_refused(network_file: Path, graph: Path, settings: Train) -> None:
    other = classifier.build(settings.model_copy(update={"pyramid_channels": 4}), (64, 64))
    with pytest.raises(ValueError, match=r"must hold .* Received: another network"):
        export.graph(other, network_file)


def test_it_runs_without_tensorflow(network_file: Path, graph: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import numpy as np; from pipeline.network import runtime;"
        "predict = runtime.load(*map(Path, sys.argv[1:])).predict;"
        f"predict(np.zeros((1, {records.SIDE}, {records.SIDE}), np.uint8));"
        "sys.exit(', '.join({'tensorflow', 'keras'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code, str(graph), str(network_file)], check=True)
