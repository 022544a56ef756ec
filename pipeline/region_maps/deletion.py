"""Does the decision use what the map shows? Take it away cell by cell, or bring it back, and predict again.

``predict`` is a function from canvas pixels, uint8 ndarray of shape (N, H, W), to N probabilities of a
fracture. It gets one batch a radiograph. All random choices come from a seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.region_maps.inputs import Predict, probabilities, require_same_shape
from pipeline.types import BoolArray, Float64Array, FloatArray, Int64Array, UInt8Array

CURVES = ("deletion", "insertion", "random_deletion")


def curves(
    pixels: UInt8Array,
    region_map: FloatArray,
    predict: Predict,
    names: Sequence[str] = CURVES,
    *,
    steps: int = 10,
    cell_px: int = 16,
    seed: int = 0,
) -> dict[str, Float64Array]:
    """Probability while cells are blurred away, or brought back, in the map's order.

    The cells form a square grid and are ordered by the map's mean inside; ties are ordered at
    random. The random order is one of the same cells. What is deleted is replaced by a heavily
    blurred copy of the radiograph, which has no edges to mistake for a fracture. A faithful map
    has little :func:`area` under ``deletion``, well below ``random_deletion``, and much under ``insertion``.

    Parameters
    ----------
    pixels : uint8 ndarray of shape (H, W)
    region_map : float ndarray of shape (H, W)
    predict : callable
        Called once, with steps + 1 radiographs for each name.
    names : sequence of str
        Which of :data:`CURVES` to draw.
    steps : int
        Equal steps from nothing deleted to everything.
    cell_px : int
        Side of a cell; that of one cell of the network's own grid is a good choice.
    seed : int
        Another for each radiograph, or all share one random order.

    Returns
    -------
    dict of str to float64 ndarray of shape (steps + 1,)
        By name, each 0..1.

    Raises
    ------
    ValueError
        The map does not have the radiograph's shape, or ``steps`` or ``cell_px`` is below 1.

    References
    ----------
    Petsiuk, Das and Saenko, RISE: randomized input sampling for explanation of black-box models,
    BMVC 2018. https://doi.org/10.48550/arXiv.1806.07421
    """
    require_same_shape(pixels, region_map)
    if steps < 1 or cell_px < 1:
        raise ValueError(f"steps and cell_px must be at least 1. Received: {steps} and {cell_px}")
    generator, cell = np.random.default_rng(seed), _cell_grid(pixels.shape, cell_px)
    by_map = _first_cells(cell, _order(cell, region_map, generator), steps)
    at_random = _first_cells(cell, generator.permutation(cell.max() + 1), steps)
    blurred = blur(pixels)
    stacks = {
        "deletion": np.where(by_map, blurred, pixels),
        "insertion": np.where(by_map, pixels, blurred),
        "random_deletion": np.where(at_random, blurred, pixels),
    }
    probability = probabilities(predict, np.concatenate([stacks[name] for name in names]))
    return dict(zip(names, probability.reshape(len(names), steps + 1), strict=True))


def area(curve: Float64Array) -> float:
    """Area under a curve over equal steps from 0 to 1."""
    return float(np.trapezoid(curve, dx=1 / (len(curve) - 1)))


def blur(pixels: UInt8Array) -> UInt8Array:
    """Heavily blurred copy: a Gaussian with a sigma of an eighth of the longer side."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), blur_px(pixels.shape)), dtype=np.uint8)


def blur_px(shape: tuple[int, ...]) -> float:
    """Sigma of the heavy blur in pixels."""
    return max(shape) / 8


def _order(cell: Int64Array, region_map: FloatArray, generator: np.random.Generator) -> Int64Array:
    """Order cells by falling evidence, ties at random."""
    evidence = np.bincount(cell.ravel(), weights=region_map.ravel()) / np.bincount(cell.ravel())
    if np.isnan(evidence).any():
        raise ValueError("a region map orders cells only without NaN. Received: NaN; check the network")
    return np.lexsort((generator.permutation(evidence.size), -evidence))


def _cell_grid(shape: tuple[int, ...], cell_px: int) -> Int64Array:
    """Index of each pixel's grid cell; cells at the right and bottom may be cut."""
    rows, columns = (np.arange(side) // cell_px for side in shape)
    return np.asarray(rows[:, None] * (columns[-1] + 1) + columns)


def _first_cells(cell: Int64Array, order: Int64Array, steps: int) -> BoolArray:
    """Pixels of the first 0, 1/steps, ... and all cells of an order: bool (steps + 1, H, W)."""
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    n_cells = np.linspace(0, order.size, steps + 1).round()
    return np.asarray(rank[cell] < n_cells[:, None, None])
