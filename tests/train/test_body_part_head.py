from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from pipeline.dataset import body_part
from pipeline.network import classifier, inference
from pipeline.network.body_part_head import part_names
from pipeline.preprocess import shards
from pipeline.train import body_part_head
from pipeline.train.training import Examples
from tests import records

CANVASES = np.stack([records.canvas(i, fractured=False) for i in range(4)])


def labelled(rows: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Let the index say in turns what part a group shows."""
    number = rows["group"].astype("category").cat.codes
    return rows.assign(body_part=[names[code % len(names)] for code in number])


def attach(network: keras.Model, examples: Examples, rows: pd.DataFrame) -> keras.Model:
    return body_part_head.attach(network, examples.folder, rows, 7)


@pytest.fixture(autouse=True)
def _few_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_part_head, "_MIN_GROUPS", 2)


@pytest.mark.parametrize("names", [("hand", "leg"), ("hand", "hip", "leg")])
def test_the_layer_says_what_logistic_regression_says(
    network: keras.Model, examples: Examples, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = []
    fit = body_part_head.LogisticRegression.fit

    def keep(self: object, features: np.ndarray, *rest: object, **named: object) -> object:
        done = fit(self, features, *rest, **named)
        fitted.append(done.predict_proba(features))
        return done

    monkeypatch.setattr(body_part_head.LogisticRegression, "fit", keep)
    rows = labelled(examples.train, *names)
    whole = attach(network, examples, rows)
    answer = inference.predict_all(inference.predictor(whole), shards.dataset(examples.folder, rows, 5))
    assert part_names(whole) == names
    assert answer.parts == pytest.approx(fitted[0], abs=1e-4)


def test_the_first_answer_stays_and_the_file_keeps_the_second(
    network: keras.Model, examples: Examples, tmp_path: Path
) -> None:
    whole = attach(network, examples, labelled(examples.train, "hand", "leg"))
    classifier.save(whole, tmp_path / "model.keras")
    loaded = classifier.load(tmp_path / "model.keras")
    before, after = (inference.predictor(model)(CANVASES) for model in (network, loaded))
    assert np.array_equal(before.logits, after.logits)
    assert np.array_equal(before.evidence, after.evidence)
    assert before.parts.shape == (4, 0)
    assert after.parts.sum(axis=1) == pytest.approx(np.ones(4))
    assert part_names(loaded) == ("hand", "leg")


@pytest.mark.parametrize("names", [("hand",), ("", ""), ("hand", "")])
def test_labels_that_tell_no_two_parts_leave_the_network_as_it_is(
    network: keras.Model, examples: Examples, names: tuple[str, ...]
) -> None:
    assert attach(network, examples, labelled(examples.train, *names)) is network


def test_a_part_of_few_groups_is_not_learnt(network: keras.Model, examples: Examples) -> None:
    rows = labelled(examples.train, "hand", "leg")
    rows.loc[0, body_part.COLUMN] = "shoulder"
    assert part_names(attach(network, examples, rows)) == ("hand", "leg")


def test_without_the_column_there_is_no_second_answer(network: keras.Model, examples: Examples) -> None:
    assert part_names(attach(network, examples, examples.train)) == ()
