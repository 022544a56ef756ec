"""Does the decision use the region? Paint it over, and as much elsewhere, and predict again."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.stats import median_abs_deviation

from pipeline.region_maps.inputs import Predict, probabilities, require_same_shape
from pipeline.types import BoolArray, Int32Array, UInt8Array


def erase_drops(pixels: UInt8Array, mask: BoolArray, predict: Predict, *, seed: int = 0) -> dict[str, float]:
    """Fall of the probability when the region is painted over, and when equal patches elsewhere are.

    Parameters
    ----------
    pixels : uint8 ndarray of shape (H, W)
    mask : bool ndarray of shape (H, W)
        The region: annotated, or shown by the map.
    predict : callable
        Called once, with three radiographs.
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
    elsewhere = control_mask(mask, anatomy_mask(pixels), seed=seed)
    erased = erase(pixels, mask, seed=seed)
    control = erase(pixels, elsewhere, seed=seed) if elsewhere is not None else pixels
    whole, without, without_control = probabilities(predict, np.stack([pixels, erased, control]))
    return {
        "erase_drop": float(whole - without),
        "erase_drop_control": float(whole - without_control) if elsewhere is not None else float("nan"),
    }


def erase(pixels: UInt8Array, mask: BoolArray, *, seed: int = 0) -> UInt8Array:
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
    require_same_shape(pixels, mask)
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


def control_mask(mask: BoolArray, anatomy: BoolArray, *, seed: int = 0) -> BoolArray | None:
    """Move each connected part of a region elsewhere, clear of the region and of one another.

    A part goes, at random, to a place whose box holds as much anatomy as its own box does, or to
    the place that holds most if none does.

    Returns
    -------
    bool ndarray of shape (H, W), or None
        As many pixels as ``mask``; None where a part finds no place.
    """
    require_same_shape(mask, anatomy)
    generator = np.random.default_rng(seed)
    n_labels, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    moved = np.zeros_like(mask)
    for label in range(1, n_labels):
        column, row, width, height, _ = stats[label]
        free = _window_sums(mask | moved, height, width) == 0
        if not free.any():
            return None
        body = _window_sums(anatomy, height, width)
        places = np.argwhere(free & (body >= min(body[row, column], body[free].max())))
        to_row, to_column = generator.choice(places)
        part = labels[row : row + height, column : column + width] == label
        moved[to_row : to_row + height, to_column : to_column + width] |= part
    return moved


def anatomy_mask(pixels: UInt8Array) -> BoolArray:
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


def _window_sums(mask: BoolArray, height: int, width: int) -> Int32Array:
    """Pixels of the mask in the window of this size at each position that holds it whole."""
    total = cv2.integral(mask.astype(np.uint8))
    bottom, top = total[height:], total[:-height]
    return np.asarray(bottom[:, width:] - bottom[:, :-width] - top[:, width:] + top[:, :-width])
