from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.config import Config
from pipeline.evaluate import telling_apart
from pipeline.predict import scope

RNG = np.random.default_rng(1)
NEAR, FAR = RNG.normal(1, 0.1, (40, 8)), RNG.normal(-1, 0.1, (4, 8))
SCOPE = scope.fit(NEAR, np.full(40, ""), NEAR, np.ones(40))
PREDICTIONS = pd.DataFrame(
    {
        "split": ["val"] * 2 + ["test"] * 4,
        "in_scope": [True] * 5 + [False],
        "scope_score": [9.0, 9.0, *SCOPE.score(NEAR[:4])],
    }
)


def test_shares_out_of_scope_are_of_each_split_and_of_the_phantoms() -> None:
    figures = telling_apart.figures(PREDICTIONS, SCOPE, np.concatenate([FAR, NEAR[:1]]))
    assert figures["threshold"] == SCOPE.threshold
    assert (figures["val_out_of_scope"], figures["test_out_of_scope"]) == (0, 0.25)
    assert (figures["phantoms"], figures["phantoms_out_of_scope"]) == (5, 0.8)
    assert figures["phantoms_beyond_test"] == 0.8
    farther = PREDICTIONS.assign(scope_score=99.0)
    assert telling_apart.figures(farther, SCOPE, FAR)["phantoms_beyond_test"] == 0


def test_a_model_of_phantoms_is_not_tried_on_them() -> None:
    figures = telling_apart.figures(PREDICTIONS, SCOPE, None)
    assert (figures["phantoms"], "phantoms_out_of_scope" in figures) == (0, False)


def test_phantoms_are_drawn_alike_on_the_canvas(params: Config) -> None:
    settings = params.preprocess.model_copy(update={"height_px": 64, "width_px": 96})
    drawn = telling_apart.phantoms(settings, 7)
    assert (drawn.shape, drawn.dtype) == ((48, 64, 96), np.uint8)
    assert np.array_equal(drawn, telling_apart.phantoms(settings, 7))
