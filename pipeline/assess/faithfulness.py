"""Does the decision use what the map shows? Take it away, and ask the classifier again.

``predict`` is a function from canvas pixels, uint8 ndarray of shape (N, H, W), to N probabilities of a
fracture. Each question is put to it as one batch. All random choices come from a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import median_abs_deviation, spearmanr

Pixels = NDArray[np.uint8]
Map = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Predict = Callable[[Pixels], NDArray[np.floating[Any]]]


def deletion_insertion(
    pixels: Pixels, region_map: Map, predict: Predict, *, steps: int = 10, cell_px: int = 16, seed: int = 0
) -> dict[str, float]:
    """Area under the probability while cells are blurred away, or brought back, in the map's order.

    The cells form a square grid and are ordered by the map's mean inside; ties are ordered at
    random. The random order is one of the same cells. What is deleted is replaced by a heavily
    blurred copy of the radiograph, which has no edges to mistake for a fracture. A faithful map
    has a low ``deletion_auc``, well below ``random_deletion_auc``, and a high ``insertion_auc``.

    Parameters
    ----------
    pixels : uint8 ndarray of shape (H, W)
    region_map : float ndarray of shape (H, W)
    predict : callable
        Asked once, for 3 * (steps + 1) radiographs.
    steps : int
        Equal steps from nothing deleted to everything.
    cell_px : int
        Side of a cell; that of one cell of the network's own grid is a good choice.
    seed : int
        Another for each radiograph, or all share one random order.

    Returns
    -------
    dict of str to float
        ``deletion_auc``, ``insertion_auc``, ``random_deletion_auc``, each 0..1.

    Raises
    ------
    ValueError
        The map does not have the radiograph's shape, or ``steps`` or ``cell_px`` is below 1.

    References
    ----------
    Petsiuk, Das and Saenko, RISE: randomized input sampling for explanation of black-box models,
    BMVC 2018. https://doi.org/10.48550/arXiv.1806.07421
    """
    _require_same_shape(pixels, region_map)
    if steps < 1 or cell_px < 1:
        raise ValueError(f"steps and cell_px must be at least 1. Received: {steps} and {cell_px}")
    generator = np.random.default_rng(seed)
    cell = _cell_grid(pixels.shape, cell_px)
    evidence = np.bincount(cell.ravel(), weights=region_map.ravel()) / np.bincount(cell.ravel())
    if np.isnan(evidence).any():
        raise ValueError("a region map orders cells only without NaN. Received: NaN; check the network")
    shuffle = generator.permutation(evidence.size)
    by_map = _first_cells(cell, np.lexsort((shuffle, -evidence)), steps)
    at_random = _first_cells(cell, generator.permutation(evidence.size), steps)
    blurred = blur(pixels)
    deleted = np.where(by_map, blurred, pixels)
    inserted = np.where(by_map, pixels, blurred)
    deleted_at_random = np.where(at_random, blurred, pixels)
    probability = _ask(predict, np.concatenate([deleted, inserted, deleted_at_random])).reshape(3, steps + 1)
    areas = np.asarray(np.trapezoid(probability, dx=1 / steps, axis=1)).tolist()
    return dict(zip(("deletion_auc", "insertion_auc", "random_deletion_auc"), areas, strict=True))


def erase_drops(
    pixels: Pixels, mask: Mask, predict: Predict, *, anatomy: Mask | None = None, seed: int = 0
) -> dict[str, float]:
    """Fall of the probability when the region is painted over, and when equal patches elsewhere are.

    Parameters
    ----------
    pixels : uint8 ndarray of shape (H, W)
    mask : bool ndarray of shape (H, W)
        The region: annotated, or shown by the map.
    predict : callable
        Asked once, for three radiographs.
    anatomy : bool ndarray of shape (H, W), optional
        Where the control may lie; by default :func:`anatomy_mask`.
    seed : int

    Returns
    -------
    dict of str to float
        ``erase_drop`` and ``erase_drop_control``: probability with minus probability without, -1..1.
        The control is NaN where no place is left for it.

    Raises
    ------
    ValueError
        The mask does not have the radiograph's shape, is empty or covers all.
    """
    elsewhere = control_mask(mask, anatomy_mask(pixels) if anatomy is None else anatomy, seed=seed)
    erased = erase(pixels, mask, seed=seed)
    control = erase(pixels, elsewhere, seed=seed) if elsewhere is not None else pixels
    whole, without, without_control = _ask(predict, np.stack([pixels, erased, control]))
    return {
        "erase_drop": float(whole - without),
        "erase_drop_control": float(whole - without_control) if elsewhere is not None else float("nan"),
    }


def erase(pixels: Pixels, mask: Mask, *, seed: int = 0) -> Pixels:
    """Paint a region over from its rim inwards, with the grain of its surroundings.

    Grain is added because a smooth patch is itself something a classifier can see.

    Parameters
    ----------
    pixels : uint8 ndarray of shape (H, W)
    mask : bool ndarray of shape (H, W)
    seed : int

    Returns
    -------
    uint8 ndarray of shape (H, W)
        A copy, changed inside the mask only.

    Raises
    ------
    ValueError
        The mask does not have the radiograph's shape, is empty or covers all.

    References
    ----------
    Bertalmio, Bertozzi and Sapiro, Navier-Stokes, fluid dynamics, and image and video inpainting,
    CVPR 2001. https://doi.org/10.1109/CVPR.2001.990497
    """
    _require_same_shape(pixels, mask)
    if not mask.any() or mask.all():
        raise ValueError(f"a region to erase must be a part of the radiograph. Received: {mask.sum()} pixels")
    flags = mask.astype(np.uint8)
    smooth = cv2.inpaint(pixels, flags, 3, cv2.INPAINT_NS)
    rim = cv2.dilate(flags, np.ones((9, 9), np.uint8)).astype(bool) & ~mask
    # Measured where the region is painted over already, and robustly: neither its edge nor a bone's is grain.
    residual = smooth.astype(np.float64) - cv2.GaussianBlur(smooth.astype(np.float64), (0, 0), 1.5)
    grain = median_abs_deviation(residual[rim], scale="normal")
    noise = np.random.default_rng(seed).normal(0.0, grain, pixels.shape)
    return np.where(mask, (smooth + noise).round().clip(0, 255), pixels).astype(np.uint8)


def control_mask(mask: Mask, anatomy: Mask, *, seed: int = 0) -> Mask | None:
    """Move each connected part of a region elsewhere, clear of the region and of one another.

    A part goes, at random, to a place whose box holds as much anatomy as its own box does, or to
    the place that holds most if none does.

    Returns
    -------
    bool ndarray of shape (H, W), or None
        As many pixels as ``mask``; None where a part finds no place.
    """
    _require_same_shape(mask, anatomy)
    generator = np.random.default_rng(seed)
    n_labels, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    moved = np.zeros_like(mask)
    for label in range(1, n_labels):
        column, row, width, height, _ = stats[label]
        free = _window_sums(mask | moved, height, width) == 0
        if not free.any():
            return None
        held = _window_sums(anatomy, height, width)
        places = np.argwhere(free & (held >= min(held[row, column], held[free].max())))
        to_row, to_column = generator.choice(places)
        part = labels[row : row + height, column : column + width] == label
        moved[to_row : to_row + height, to_column : to_column + width] |= part
    return moved


def anatomy_mask(pixels: Pixels) -> Mask:
    """Pixels of the body, brighter than the background by Otsu's threshold: bool ndarray of shape (H, W).

    Black pixels have no say in the threshold: on a canvas they are the letterbox, and would set the
    exposed film against it instead of the body against the film.

    References
    ----------
    Otsu, A threshold selection method from gray-level histograms, IEEE Transactions on Systems,
    Man, and Cybernetics 9, 1979. https://doi.org/10.1109/TSMC.1979.4310076
    """
    smooth = cv2.GaussianBlur(pixels, (0, 0), 3)
    exposed = smooth[pixels > 0]
    if not exposed.size:
        return np.zeros(pixels.shape, dtype=bool)
    threshold, _ = cv2.threshold(exposed, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return np.asarray(smooth > threshold)


def blur(pixels: Pixels) -> Pixels:
    """Heavily blurred copy: a Gaussian with a sigma of an eighth of the longer side."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), max(pixels.shape) / 8), dtype=np.uint8)


def rank_correlation(map_a: Map, map_b: Map) -> float:
    """Spearman's correlation of two maps over their pixels, -1..1; 0 where a map is constant.

    Between the map of a trained network and that of one with random weights it should be near 0:
    a map that survives randomisation shows the radiograph, not what was learnt.

    References
    ----------
    Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018.
    https://doi.org/10.48550/arXiv.1810.03292
    """
    _require_same_shape(map_a, map_b)
    if np.ptp(map_a) == 0 or np.ptp(map_b) == 0:
        return 0.0
    return float(spearmanr(map_a, map_b, axis=None).statistic)


def _ask(predict: Predict, batch: Pixels) -> NDArray[np.float64]:
    """One probability a radiograph."""
    probability = np.asarray(predict(batch), dtype=np.float64)
    if probability.shape != (len(batch),) or not np.isfinite(probability).all():
        shape = probability.shape
        raise ValueError(f"predict must give {len(batch)} finite probabilities. Received: shape {shape}")
    return probability


def _cell_grid(shape: tuple[int, ...], cell_px: int) -> NDArray[np.int64]:
    """Index of each pixel's grid cell; cells at the right and bottom may be cut."""
    rows, columns = (np.arange(side) // cell_px for side in shape)
    return np.asarray(rows[:, None] * (columns[-1] + 1) + columns)


def _first_cells(cell: NDArray[np.int64], order: NDArray[np.int64], steps: int) -> Mask:
    """Pixels of the first 0, 1/steps, ... and all cells of an order: bool (steps + 1, H, W)."""
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    taken = np.linspace(0, order.size, steps + 1).round()
    return np.asarray(rank[cell] < taken[:, None, None])


def _window_sums(mask: Mask, height: int, width: int) -> NDArray[np.int32]:
    """Pixels of the mask in the window of this size at each position that holds it whole."""
    total = cv2.integral(mask.astype(np.uint8))
    bottom, top = total[height:], total[:-height]
    return np.asarray(bottom[:, width:] - bottom[:, :-width] - top[:, width:] + top[:, :-width])


def _require_same_shape(first: NDArray[Any], second: NDArray[Any]) -> None:
    """Raise a ValueError unless both are of one shape (H, W)."""
    if first.ndim != 2 or first.shape != second.shape:
        raise ValueError(
            f"two arrays must be of one shape (H, W). Received: {first.shape} and {second.shape}"
        )
