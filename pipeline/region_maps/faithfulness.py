"""Whether maps can be believed: the network is asked again without what they show, and after it forgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import pandas as pd

from pipeline.network import classifier, inference
from pipeline.predict.calibration import Calibration
from pipeline.predict.maps import MapSet
from pipeline.region_maps import probing, randomization, scores
from pipeline.region_maps.asking import Predict
from pipeline.types import Float32Array, Float64Array, UInt8Array

_STEPS, _CASCADED = 12, 8  # of the cascade: how often maps are drawn, and of how many radiographs
_UNTAUGHT = 5  # networks with random weights: one alone says whatever its weights make of the brightness
CELL_PX = 2 * classifier.STRIDE  # what deletion takes away at once


def asker(predict: inference.Predict, calibration: Calibration) -> Predict:
    """Ask for nothing but calibrated probabilities."""

    def probability(batch: UInt8Array) -> Float64Array:
        return calibration.probability(predict(batch)[0])

    return probability


def probe(
    probability: Predict,
    found: MapSet,
    seen: Sequence[UInt8Array],
    *,
    threshold: float,
    steps: int,
    n_samples: int,
    seed: int,
) -> tuple[dict[str, float], pd.DataFrame]:
    """Ask whether the decision uses what the maps show.

    Parameters
    ----------
    probability
        From canvases to the classifier's probabilities: see :func:`asker`.
    found, seen
        Maps and, in the same order, what the network saw, uint8 (H, W) each.
    threshold
        Where a region begins.
    steps, n_samples, seed
        Steps of deletion and insertion, resamples of the groups, and where random numbers start.

    Returns
    -------
    figures : dict
    curves : DataFrame
        See :func:`pipeline.region_maps.probing.probe`.
    """
    return probing.probe(
        zip(seen, (found.on_canvas(position) for position in range(len(found))), strict=True),
        list(found.rows["group"].astype(str)),
        probability,
        threshold=threshold,
        steps=steps,
        cell_px=CELL_PX,
        n_samples=n_samples,
        seed=seed,
    )


def forget(
    model: keras.Model, found: MapSet, seen: Sequence[UInt8Array], *, n_samples: int, seed: int
) -> tuple[dict[str, float], pd.DataFrame]:
    """Give the layers random weights, one after another from the top, and compare the maps.

    Cells beside the radiograph, which are alike in any two maps, do not count; nor does the sign of a
    correlation, which is that of a random weight: its mean would be 0 for any map.

    Parameters
    ----------
    model
        The classifier; it is left as it is.
    found, seen
        Maps and, in the same order, what the network saw, uint8 (H, W) each.
    n_samples, seed
        Resamples of the groups, and where random numbers start.

    Returns
    -------
    figures : dict
        ``randomization_correlation``, the amount of the maps' correlation with those of networks that have
        forgotten everything, averaged over several, with ``_low`` and ``_high``; NaN without radiographs.
    cascade : DataFrame
        ``layers``, how many have forgotten; ``layer``, the last of them; ``correlation``, the mean amount
        over a few radiographs.

    References
    ----------
    Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018.
    https://doi.org/10.48550/arXiv.1810.03292
    """
    name = "randomization_correlation"
    cascade = pd.DataFrame(columns=["layers", "layer", "correlation"])
    if not len(found):
        return {f"{name}{end}": float("nan") for end in ("", "_low", "_high")}, cascade
    few, canvases = found.where(np.arange(len(found)) < _CASCADED), np.stack(seen[:_CASCADED])
    rows, own = [], None
    for count, layer, draw in _forgetting(model, seed):
        maps = draw(canvases)
        own = maps if own is None else own
        rows.append({"layers": count, "layer": layer, "correlation": float(np.mean(_alike(few, own, maps)))})
    table = found.rows[["group"]].assign(**{name: _like_untaught(model, found, np.stack(seen), seed)})
    return scores.means(table, [name], n_samples=n_samples, seed=seed), pd.DataFrame(rows)


def _alike(found: MapSet, maps: Float32Array, others: Float32Array) -> list[float]:
    """Amount of each map's rank correlation with its counterpart, on the radiograph."""
    return [
        abs(randomization.rank_correlation(one, other, found.inside(position, one.shape)))
        for position, (one, other) in enumerate(zip(maps, others, strict=True))
    ]


def _like_untaught(model: keras.Model, found: MapSet, canvases: UInt8Array, seed: int) -> Float64Array:
    """How alike the map of each radiograph is to those of several networks with random weights."""
    own = inference.predictor(model)(canvases).evidence
    twin = keras.models.clone_model(model)
    predict = inference.predictor(twin)
    alike = []
    for draw in range(_UNTAUGHT):
        twin.set_weights(classifier.with_random_weights(model, seed + draw).get_weights())
        alike.append(_alike(found, own, predict(canvases).evidence))
    return np.asarray(np.mean(alike, axis=0), np.float64)


def _forgetting(
    model: keras.Model, seed: int
) -> Iterator[tuple[int, str, Callable[[UInt8Array], Float32Array]]]:
    """Yield the network as it is, then, at even steps, with ever more layers from the top without memory."""
    untaught = classifier.with_random_weights(model, seed)
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    predict = inference.predictor(twin)

    def draw(canvases: UInt8Array) -> Float32Array:
        return predict(canvases)[1]

    yield 0, "", draw
    layers = [layer for layer in reversed(twin.layers) if layer.weights]
    shown = set(np.linspace(1, len(layers), min(_STEPS, len(layers))).round().astype(int).tolist())
    for count, layer in enumerate(layers, start=1):
        layer.set_weights(untaught.get_layer(layer.name).get_weights())
        if count in shown:
            yield count, layer.name, draw
