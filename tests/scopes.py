"""Scopes that hold everything, or nothing, for a network."""

from __future__ import annotations

import keras
import numpy as np

from pipeline.network import classifier
from pipeline.predict.scope import Scope


def whole(model: keras.Model, threshold: float = 2.0) -> Scope:
    """The scope of a model with one training radiograph; features of length one lie at most 2 apart."""
    bank = np.zeros((1, 2 * classifier.coarsest(model).shape[-1]), np.float16)
    return Scope(bank, np.array(["hand"]), threshold)
