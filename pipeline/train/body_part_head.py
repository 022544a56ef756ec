"""Which part of the body a radiograph shows: a second output of the network, fitted once the first is learnt.

The backbone's coarsest features tell a hand from a hip without training for it, so a linear layer on
their mean is fitted to the labels by logistic regression. It costs one pass over the radiographs of train
and changes no weight of the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from pipeline.dataset.body_part import COLUMN, UNKNOWN
from pipeline.files import engine
from pipeline.network import classifier, interface
from pipeline.network.body_part_head import BODY_PART_HEAD, PartHead
from pipeline.preprocess import shards

_MIN_GROUPS = 5  # of a part, or it is not learnt
_STRENGTH = 0.1  # inverse of the regularization, on features of unit variance


def attach(model: keras.Model, folder: Path, train: pd.DataFrame, seed: int) -> keras.Model:
    """Give a trained classifier its second output, or return it as it is where labels do not tell parts.

    Parameters
    ----------
    model
        From :func:`pipeline.network.classifier.build`, trained.
    folder, train
        The shards, and the index rows to learn from; a part of fewer than five groups is not learnt.
    seed
        Of the regression.

    Returns
    -------
    keras.Model
        With ``part`` (B, K) among its outputs.
    """
    rows = _labelled(train)
    names = sorted(rows[COLUMN].unique()) if len(rows) else []
    if len(names) < 2:
        return model
    pooled = keras.layers.GlobalAveragePooling2D(name="part_pool")(classifier.coarsest(model))
    features = _features(keras.Model(model.inputs, pooled), folder, rows)
    head = PartHead(names, name=BODY_PART_HEAD)
    whole = keras.Model(model.inputs, {**model.output, BODY_PART_HEAD: head(pooled)}, name=model.name)
    head.set_weights(_fit(features, rows, names, seed))
    return whole


def _labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of parts that enough groups show."""
    if COLUMN not in rows:
        return rows.iloc[:0]
    labelled = rows[rows[COLUMN].astype(str) != UNKNOWN]
    return labelled[labelled.groupby(COLUMN)["group"].transform("nunique") >= _MIN_GROUPS]


def _features(model: keras.Model, folder: Path, rows: pd.DataFrame) -> NDArray[np.float64]:
    embed = tf.function(lambda canvases: model(tf.cast(canvases, tf.float32), training=False))
    batches = engine.ahead(shards.dataset(folder, rows, interface.BATCH))
    return np.concatenate([embed(canvases).numpy() for canvases, *_ in batches]).astype(np.float64)


def _fit(
    features: NDArray[np.float64], rows: pd.DataFrame, names: Sequence[str], seed: int
) -> list[NDArray[np.float64]]:
    """Kernel (C, K) and bias (K,), for features as they are; a group weighs as one, a part as another."""
    scaler = StandardScaler().fit(features)
    fitted = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=1000, random_state=seed)
    weight = rows["sampling_weight"].to_numpy(np.float64)
    fitted.fit(scaler.transform(features), rows[COLUMN].astype(str), sample_weight=weight)
    kernel, bias = fitted.coef_, fitted.intercept_
    if len(names) == 2:  # one column stands for the second of two
        kernel, bias = np.concatenate([0 * kernel, kernel]), np.concatenate([0 * bias, bias])
    kernel = kernel / scaler.scale_
    return [kernel.T, bias - kernel @ scaler.mean_]
