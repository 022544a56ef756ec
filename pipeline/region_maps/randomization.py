"""Does the map show what was learnt? Lay it beside maps of the network with random weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from pipeline.network import classifier, inference, interface
from pipeline.network.box_head import BOX_HEAD
from pipeline.predict.maps import MapSet
from pipeline.region_maps import scores
from pipeline.region_maps.inputs import require_same_shape
from pipeline.types import BoolArray, Float32Array, Float64Array, FloatArray, UInt8Array

FIGURE = "randomization_correlation"
_STEPS, _CASCADED = 12, 8  # of the cascade: how often maps are drawn, and of how many radiographs
_N_RANDOM = 5  # networks with random weights: one alone shows whatever its weights make of the brightness


def rank_correlation(map_a: FloatArray, map_b: FloatArray, inside: BoolArray | None = None) -> float:
    """Spearman's correlation of two maps over their pixels, -1..1; 0 where a map is constant.

    Parameters
    ----------
    map_a, map_b : float ndarray of shape (H, W)
    inside : bool ndarray of shape (H, W), optional
        The pixels that count.
    """
    require_same_shape(map_a, map_b)
    first, second = (map_a, map_b) if inside is None else (map_a[inside], map_b[inside])
    if not first.size or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second, axis=None).statistic)


def randomize_layers(
    model: keras.Model, maps: MapSet, canvases: Sequence[UInt8Array], *, n_samples: int, seed: int
) -> tuple[dict[str, float], pd.DataFrame]:
    """Give the layers random weights, one after another from the top, and compare the maps.

    A map that survives shows the radiograph, not what was learnt. Cells beside the radiograph, which are
    alike in any two maps, do not count; nor does the sign of a correlation, which is that of a random
    weight: its mean would be 0 for any map.

    Parameters
    ----------
    model
        The classifier; it is left as it is.
    maps, canvases
        Maps and, in the same order, the canvases behind them, uint8 (H, W) each.
    n_samples, seed
        Resamples of the groups, and where random numbers start.

    Returns
    -------
    figures : dict
        ``randomization_correlation``, the amount of the maps' correlation with those of networks with
        random weights throughout, averaged over several, with ``_low`` and ``_high``; NaN without
        radiographs.
    cascade : DataFrame
        ``layers``, how many are random; ``layer``, the last of them; ``correlation``, the mean amount
        over a few radiographs.

    References
    ----------
    Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018.
    https://doi.org/10.48550/arXiv.1810.03292
    """
    rows, own, correlation = [], None, np.empty(0)
    if len(maps):
        few, stack = maps.where(np.arange(len(maps)) < _CASCADED), np.stack(canvases[:_CASCADED])
        for count, layer, predict in _cascade(model, seed):
            evidence = predict(stack).evidence
            own = evidence if own is None else own  # the first is that of the network as it is
            alike = float(np.mean(_correlations(few, own, evidence)))
            rows.append({"layers": count, "layer": layer, "correlation": alike})
        correlation = _with_random_networks(model, maps, np.stack(canvases), seed)
    table = maps.rows[["group"]].assign(**{FIGURE: correlation})
    cascade = pd.DataFrame(rows, columns=["layers", "layer", "correlation"])
    return scores.means(table, [FIGURE], n_samples=n_samples, seed=seed), cascade


def _correlations(maps: MapSet, evidence: Float32Array, others: Float32Array) -> list[float]:
    """Amount of each map's rank correlation with its counterpart, on the radiograph."""
    return [
        abs(rank_correlation(one, other, maps.inside(position, one.shape)))
        for position, (one, other) in enumerate(zip(evidence, others, strict=True))
    ]


def _with_random_networks(model: keras.Model, maps: MapSet, canvases: UInt8Array, seed: int) -> Float64Array:
    """Correlation of each radiograph's map with those of networks with random weights, averaged."""
    own = inference.predictor(model)(canvases).evidence
    twin = keras.models.clone_model(model)
    predict = inference.predictor(twin)
    correlations = []
    for draw in range(_N_RANDOM):
        twin.set_weights(classifier.with_random_weights(model, seed + draw).get_weights())
        correlations.append(_correlations(maps, own, predict(canvases).evidence))
    return np.asarray(np.mean(correlations, axis=0), np.float64)


def _cascade(model: keras.Model, seed: int) -> Iterator[tuple[int, str, interface.Predict]]:
    """Yield the network as it is, then, at even steps, with ever more layers random from the top."""
    random = classifier.with_random_weights(model, seed)
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    predict = inference.predictor(twin)
    yield 0, "", predict
    behind_map = [layer for layer in twin.layers if not layer.name.startswith(BOX_HEAD)]
    layers = [layer for layer in reversed(behind_map) if layer.weights]
    yielded = set(np.linspace(1, len(layers), min(_STEPS, len(layers))).round().astype(int).tolist())
    for count, layer in enumerate(layers, start=1):
        layer.set_weights(random.get_layer(layer.name).get_weights())
        if count in yielded:
            yield count, layer.name, predict
