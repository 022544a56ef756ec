"""Whether two aligned radiographs are one and the same: arrays in, numbers out.

Correlation over the whole overlap is not enough: burnt-in text and arrows lower that of copies to 0.4,
while two exposures of one patient reach 0.87, and one patient's hardware more. So the two are correlated
in a small window about every point at which both show structure, and the median counts: in a copy most
places agree nearly perfectly, whatever was drawn over the others. And nothing has moved: between two
exposures a limb turns a little or a bowel fills, and the structure lies a third of a pixel or more beside
itself, however well the two are aligned. Noise, blur and JPEG lower the correlation but move nothing.

References
----------
B. D. Lucas, T. Kanade, "An Iterative Image Registration Technique with an Application to Stereo Vision",
IJCAI 1981.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from pipeline.types import BoolArray, Float32Array
from pipeline.validate.copies.alignment import Detail, Transform, warped

_WINDOW_PX = 7
_MOTION_WINDOW_PX = 21
_CORNERED = 5e-4  # below, a place may slide along itself
_STRUCTURE = 0.1  # mean square of the detail in the window: below, there is nothing to compare
_MOVED_PX = 4 / 3  # displacement that costs all of the correlation
_NEGATIVE = 0.08  # correlation that a negative must have in addition
_AGREES = 0.6  # local correlation
_ROUGHLY = 0.3  # local correlation of a copy that lies a pixel or two beside its place


class Agreement(NamedTuple):
    """How well a radiograph agrees with another laid onto it.

    Attributes
    ----------
    correlation
        Median of the local correlations where both show structure, 0 to 1, whatever the polarity.
    moved_px
        Median distance by which structure lies beside itself, in pixels of what is compared.
    overlap
        Share that both show of what the smaller of them shows, 0 to 1.
    structure
        Share of the first's frame where both show structure, 0 to 1.
    common
        Share of the structure in the overlap, of the one that shows less, that agrees, 0 to 1.
    corners
        Share of the first's frame where the two agree and cannot slide along themselves, 0 to 1: a straight
        bone lies well on any other.
    spread
        How far what agrees extends across itself, of how far what both show does: 1 where it lies everywhere,
        a half or less where only a line of burnt-in text agrees.
    inverted
        Whether one is a photographic negative of the other.
    """

    correlation: float
    moved_px: float
    overlap: float
    structure: float
    common: float
    corners: float
    spread: float
    inverted: bool

    @property
    def likeness(self) -> float:
        """The correlation, less for a negative: of two bones, the gap is like a bone of another picture."""
        return self.correlation - (_NEGATIVE if self.inverted else 0)

    @property
    def score(self) -> float:
        """What is compared with `validate.copy_agreement`: the likeness, less for what has moved."""
        return self.likeness - self.moved_px / _MOVED_PX


NOTHING = Agreement(0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, False)


class _Local(NamedTuple):
    """Two radiographs laid over one another, compared about every point of the first's frame."""

    first: Float32Array
    second: Float32Array  # laid onto the first, in its polarity
    both: BoolArray  # where both can be compared
    structured: BoolArray  # where both show structure
    n_least_structured: int  # points where the one that shows less shows structure
    correlation: Float32Array  # of the windows; any value where one shows no structure
    inverted: bool


def agreement(
    first: Detail, second: Detail, transform: Transform, *, least_correlation: float
) -> tuple[Agreement, BoolArray]:
    """Compare two radiographs where they lie on one another.

    Parameters
    ----------
    first, second
        Fine structure, and where it counts; see `thumbnails.detail`.
    transform
        From the first's (column, row) to the second's; see `alignment`.
    least_correlation
        Median of the local ones: below it nothing else is measured but the structure, and the two count as
        moved.

    Returns
    -------
    agreement : Agreement
    roughly : ndarray of bool, shape of the first
        Where the two agree at least roughly: what an alignment is to be refined on. Text and arrows that
        only one of them bears are left out; they would draw the alignment to themselves.
    """
    local = _compare(first, second, transform)
    if not local.structured.any():
        return NOTHING, np.zeros_like(local.both)
    correlation = _median(local.correlation[local.structured])
    structure = float(local.structured.mean())
    roughly = local.both & (local.correlation > _ROUGHLY)
    if correlation < least_correlation:
        hardly = NOTHING._replace(correlation=correlation, structure=structure, inverted=local.inverted)
        return hardly, roughly
    agreeing = local.structured & (local.correlation > _AGREES)
    moved_px, cornered = _moved(local)
    scale = abs(float(np.linalg.det(transform[:, :2])))
    n_smaller = min(float(first[1].sum()), float(second[1].sum()) / scale)
    measured = Agreement(
        correlation=correlation,
        moved_px=moved_px,
        overlap=min(1.0, float(local.both.sum() / n_smaller)),
        structure=structure,
        common=float(agreeing.sum() / local.n_least_structured),
        corners=float((agreeing & cornered).mean()),
        spread=_breadth(agreeing) / max(_breadth(local.structured), 1.0),
        inverted=local.inverted,
    )
    return measured, roughly


def _compare(first: Detail, second: Detail, transform: Transform) -> _Local:
    (here, here_counts), (there, there_counts) = first, second
    both = here_counts & (warped(there_counts.astype(np.float32), transform, here.shape) > 0.99)
    weight = both.astype(np.float32)
    one, other = here * weight, warped(there, transform, here.shape) * weight
    share = np.maximum(_window(weight), 1e-3)
    power, other_power = _window(one * one) / share, _window(other * other) / share
    one_rich, other_rich = both & (power > _STRUCTURE), both & (other_power > _STRUCTURE)
    structured, n_least = one_rich & other_rich, min(int(one_rich.sum()), int(other_rich.sum()))
    correlation = _window(one * other) / (share * np.sqrt(np.maximum(power * other_power, 1e-9)))
    inverted = bool(structured.any() and _median(correlation[structured]) < 0)
    sign = np.float32(-1 if inverted else 1)
    return _Local(one, other * sign, both, structured, n_least, correlation * sign, inverted)


def _moved(local: _Local) -> tuple[float, BoolArray]:
    """Median length of the shifts that explain best what differs, and where they can be measured."""
    one, other = (cv2.GaussianBlur(values, (0, 0), 1.0) for values in (local.first, local.second))
    mean, differs = (one + other) / 2, other - one
    along, down = (cv2.Sobel(mean, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    xx, xy, yy, xt, yt = (
        cv2.blur(product, (_MOTION_WINDOW_PX, _MOTION_WINDOW_PX))
        for product in (along**2, along * down, down**2, along * differs, down * differs)
    )
    smaller = (xx + yy) / 2 - np.sqrt((xx - yy) ** 2 / 4 + xy**2)  # eigenvalue of the structure tensor
    cornered = local.structured & (local.correlation > _ROUGHLY) & (smaller > _CORNERED)
    if not cornered.any():
        return 1.0, cornered
    xx, xy, yy, xt, yt = (values[cornered] for values in (xx, xy, yy, xt, yt))
    length = np.hypot(yy * xt - xy * yt, xx * yt - xy * xt) / (xx * yy - xy**2)
    return _median(length), cornered


def _median(values: Float32Array) -> float:
    """Give the upper median; `numpy.median` takes many times longer on so few."""
    return float(np.partition(values, len(values) // 2)[len(values) // 2])


def _breadth(places: BoolArray) -> float:
    """Give the standard deviation of places along the shorter of their own axes, in pixels."""
    moments = cv2.moments(places.view(np.uint8), binaryImage=True)
    if not moments["m00"]:
        return 0.0
    across, down, both = (moments[name] / moments["m00"] for name in ("mu20", "mu02", "mu11"))
    smaller = (across + down - np.hypot(across - down, 2 * both)) / 2
    return float(np.sqrt(max(smaller, 0.0)))


def _window(values: Float32Array) -> Float32Array:
    """Mean over a window about every point."""
    return np.asarray(cv2.blur(values, (_WINDOW_PX, _WINDOW_PX), borderType=cv2.BORDER_CONSTANT))
