from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.network import inference
from pipeline.region_maps import faithfulness
from tests import records
from tests.region_maps.cells import CELLS, drawn


def bright(batch: np.ndarray) -> np.ndarray:
    """A classifier that is as sure as its brightest pixel is bright."""
    return batch.reshape(len(batch), -1).max(axis=1) / 255


def measure(radiographs: list) -> tuple:
    groups = [str(place) for place in range(len(radiographs))]
    return faithfulness.measure(
        radiographs, groups, bright, threshold=0.5, steps=4, cell_px=16, n_samples=50, seed=0
    )


def test_erasing_what_decides_takes_the_probability_away() -> None:
    pixels = np.full((64, 64), 51, np.uint8)
    pixels[16:32, 32:48] = 255
    region_map = (pixels > 200).astype(np.float32)
    figures, curves = measure([(pixels, region_map)] * 2)
    assert figures["erase_drop"] > 0.5
    assert figures["erase_drop_control"] == pytest.approx(0, abs=1e-6)
    assert figures["deletion_auc"] < figures["random_deletion_auc"]
    assert figures["insertion_auc"] > 0.8
    assert figures["deletion_auc_low"] <= figures["deletion_auc"] <= figures["deletion_auc_high"]
    assert curves["share"].tolist() == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert curves["deletion"].iloc[0] == curves["insertion"].iloc[-1] == 1


def test_without_radiographs_nothing_is_known() -> None:
    figures, curves = measure([])
    assert len(figures) == 15
    assert np.isnan(list(figures.values())).all()
    assert len(curves) == 0


def test_the_network_itself_is_measured(network: keras.Model) -> None:
    maps, predict = drawn(CELLS), inference.predictor(network)
    canvases = [records.canvas(i, fractured=True) for i in range(2)]

    def probability(batch: np.ndarray) -> np.ndarray:
        return maps.calibration.probability(predict(batch).logits)

    figures, curves = faithfulness.measure(
        [(canvas, maps.on_canvas(i)) for i, canvas in enumerate(canvases)],
        ["g0", "g1"],
        probability,
        threshold=0.5,
        steps=2,
        cell_px=16,
        n_samples=50,
        seed=0,
    )
    names = faithfulness.FIGURES
    assert set(figures) == {f"{name}{end}" for name in names for end in ("", "_low", "_high")}
    assert all(0 <= figures[f"{name}_auc"] <= 1 for name in ("deletion", "insertion", "random_deletion"))
    assert curves["deletion"].iloc[0] == pytest.approx(probability(np.stack(canvases)).mean())
