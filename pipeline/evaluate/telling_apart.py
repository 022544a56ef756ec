"""How well a model tells what is out of scope: the share of held-out radiographs, and of drawn phantoms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.config import Preprocess
from pipeline.phantoms.drawing import draw
from pipeline.predict.scope import Scope
from pipeline.preprocess import canvas
from pipeline.types import FloatArray, UInt8Array

_PHANTOMS = 48
_SIDE_PX = (320, 560)


def phantoms(settings: Preprocess, seed: int) -> UInt8Array:
    """Draw phantoms, half of them fractured, on canvases: uint8 (48, H, W)."""
    drawn = (
        draw(seed, "test", index, fractured=bool(index % 2), side_px=_SIDE_PX) for index in range(_PHANTOMS)
    )
    return np.stack([canvas.place(phantom.pixels, settings)[0] for phantom in drawn])


def figures(predictions: pd.DataFrame, scope: Scope, phantom_features: FloatArray | None) -> dict[str, Any]:
    """Say which share is out of scope.

    Parameters
    ----------
    predictions
        ``split``, ``scope_score`` and ``in_scope`` of each radiograph of ``val`` and ``test``.
    scope
        Of the model.
    phantom_features
        (P, F), of phantoms; None for a model that learnt from phantoms, to which all of them are alike.

    Returns
    -------
    dict
        ``threshold`` of the score; ``val_out_of_scope``, ``test_out_of_scope``, shares; ``phantoms``, how
        many were drawn. Of a model of radiographs ``phantoms_out_of_scope``, the share of them, and
        ``phantoms_beyond_test``, the share above the score that 2 % of ``test`` exceed: it compares phantoms
        with ``test`` itself, wherever the threshold of ``val`` lies.
    """
    shares = {
        f"{split}_out_of_scope": float(1 - predictions.loc[predictions["split"] == split, "in_scope"].mean())
        for split in ("val", "test")
    }
    told = {"threshold": scope.threshold, **shares, "phantoms": 0}
    if phantom_features is None:
        return told
    scores = scope.score(phantom_features)
    limits = {
        "phantoms_out_of_scope": scope.threshold,
        "phantoms_beyond_test": predictions.loc[predictions["split"] == "test", "scope_score"].quantile(0.98),
    }
    beyond = {name: float((scores > limit).mean()) for name, limit in limits.items()}
    return told | {"phantoms": len(scores), **beyond}
