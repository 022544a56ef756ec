from __future__ import annotations

import keras
import numpy as np

from pipeline.dataset.annotations import Annotations
from pipeline.network import inference
from pipeline.region_maps import methods
from tests import records
from tests.region_maps.cells import CELLS, KNOWN, NOTHING, drawn

CANVASES = [records.canvas(i, fractured=True) for i in range(2)]


def compare(network: keras.Model, known: Annotations):
    maps, predict = methods.sample(drawn(CELLS), known, 2), inference.predictor(network)
    table = methods.compare(
        network,
        lambda batch: maps.calibration.probability(predict(batch).logits),
        maps,
        CANVASES,
        known,
        steps=2,
        n_samples=50,
        seed=0,
    )
    return table.set_index("method")


def test_every_method_is_scored_on_the_same_radiographs(network: keras.Model) -> None:
    table = compare(network, KNOWN)
    assert table.index.tolist() == ["region_map", "grad_cam_plus_plus", "integrated_gradients"]
    assert (table["radiographs"] == 2).all()
    assert table.loc["region_map", ["pointing_game", "max_box_acc_0.5"]].tolist() == [1, 1]
    assert table[["pointing_game", "energy_in_box", "deletion_auc"]].notna().all(axis=None)


def test_without_annotations_methods_are_compared_by_deletion_alone(network: keras.Model) -> None:
    table = compare(network, NOTHING)
    assert table["deletion_auc"].notna().all()
    assert table["pointing_game"].isna().all()


def test_the_sample_is_even_among_the_annotated() -> None:
    paths = {f"r{i}": KNOWN.regions["r0"] for i in range(2)}
    assert methods.sample(drawn(CELLS), KNOWN, 9).rows["path"].tolist() == list(paths)
    assert methods.sample(drawn(CELLS), KNOWN, 1).rows["path"].tolist() == ["r0"]


def test_without_annotations_the_likeliest_are_taken() -> None:
    found = drawn(CELLS)
    found.rows["y_score"] = [0.1, 0.2, 0.9, 0.8]
    assert methods.sample(found, NOTHING, 2).rows["path"].tolist() == ["r2", "r3"]


def test_nothing_to_look_at_gives_an_empty_table(network: keras.Model) -> None:
    found = drawn(CELLS).where(np.zeros(4, bool))
    table = methods.compare(network, lambda batch: batch, found, [], KNOWN, steps=2, n_samples=50, seed=0)
    assert (len(table), list(table)) == (0, methods.COLUMNS)
