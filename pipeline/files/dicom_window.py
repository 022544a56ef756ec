"""What a DICOM header makes of the stored values: rescaling, tables and window, where they make sense."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.files import levels
from pipeline.files.dicom_frames import Stored
from pipeline.files.dicom_header import Header
from pipeline.types import Float64Array, UInt8Array

_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_RESCALE = ("RescaleSlope", "RescaleIntercept")
_FEW_LEVELS = 8
_MOST_WHITE, _MOST_LOST = 0.7, 0.9  # of what tells the pixels of a picture apart
_SWINGS = 8  # how often a table may cross its own range
_LUT_BITS = range(8, 17)
_WHOLE_RANGE = "the window is left out, and the values are shown from the smallest to the largest"


class Shown:
    """The rescaling and the window of a header; where they make no sense, they are left out."""

    def __init__(self, stored: Stored, header: Header) -> None:
        self._header = header
        self._modality = self._table("ModalityLUTSequence", stored) or self._rescale()
        self._voi = self._table("VOILUTSequence", stored) or self._window(stored)

    def __call__(self, values: Float64Array) -> Float64Array:
        """Give what is shown of values as they mean to be."""
        for step in (self._modality, self._voi):
            values = step(values) if step else values
        return values

    def fit(self, values: Float64Array) -> None:
        """Leave out what makes all these values one, or no numbers; `values` are all that may occur."""
        if len(values) < 2:
            return
        if self._modality and not _tells(self._modality(values)):
            self._header.nonsense("rescaled, all values are one or no numbers; the rescaling is left out")
            self._modality = None
        rescaled = self._modality(values) if self._modality else values
        if self._voi and not _tells_enough(self._voi(rescaled), rescaled):
            detail = "the window shows nothing of the values; shown from the smallest to the largest"
            self._header.nonsense(detail)
            self._voi = None

    def doubt(self, values: NDArray[np.int64], *, negative: bool) -> None:
        """Leave out a table or a window under which most of these pixels lose what they show."""
        stored = values.astype(np.float64)
        rescaled = self._modality(stored) if self._modality else stored
        if self._modality and _hides_most(rescaled, stored, negative=negative):
            self._header.nonsense("the rescaling hides most of the picture; left out")
            self._modality, rescaled = None, stored
        if self._voi and _hides_most(self._voi(rescaled), rescaled, negative=negative):
            detail = "the window hides most of the picture; shown from the smallest to the largest"
            self._header.nonsense(detail)
            self._voi = None

    def _rescale(self) -> Any:
        slope, intercept = (self._header.number(keyword) for keyword in _RESCALE)
        if any(map(self._header.is_empty, _RESCALE)):
            self._header.nonsense("RescaleSlope or RescaleIntercept is empty; taken as 1 and 0")
        if slope == 0:
            self._header.nonsense("RescaleSlope is 0; left out")
            slope = None
        factor, offset = 1.0 if slope is None else slope, intercept or 0.0
        return (lambda values: values * factor + offset) if (factor, offset) != (1, 0) else None

    def _table(self, keyword: str, stored: Stored) -> Any:
        if (item := self._header.item(keyword)) is None:
            return None
        descriptor, table = item.numbers("LUTDescriptor"), item.bytes_or_numbers("LUTData")
        n_entries = int(descriptor[0]) % 2**16 or 2**16 if descriptor else 0
        entries = _entries(table, n_entries)
        fits = len(descriptor) == 3 and int(descriptor[2]) in _LUT_BITS and len(entries) == n_entries
        if not fits or np.abs(np.diff(entries)).sum() > _SWINGS * np.ptp(entries):
            received = f"descriptor {descriptor}, {len(entries)} entries"
            self._header.nonsense(f"the table of {keyword} makes no sense ({received}); left out")
            return None
        first = descriptor[1] - (2**16 if stored.is_signed and descriptor[1] >= 2**15 else 0)
        return lambda values: entries[np.clip(np.rint(values - first), 0, n_entries - 1).astype(np.int64)]

    def _window(self, stored: Stored) -> Any:
        center, width = self._header.number("WindowCenter"), self._header.number("WindowWidth")
        if center is None or width is None:
            if center is not width:
                self._header.nonsense(f"of WindowCenter and WindowWidth one has no value; {_WHOLE_RANGE}")
            return None
        if width <= 0:
            self._header.nonsense(f"WindowWidth is {width:g}; {_WHOLE_RANGE}")
            return None
        return _windowing(center, width, self._function(width), stored.bits, signed=stored.is_signed)

    def _function(self, width: float) -> str:
        function = self._header.text("VOILUTFunction") or "LINEAR"
        if function not in _FUNCTIONS:
            self._header.nonsense(f"VOILUTFunction is {function[:40]!r}; taken as LINEAR")
            function = "LINEAR"
        return "LINEAR_EXACT" if function == "LINEAR" and width < 1 else function


def _windowing(center: float, width: float, function: str, bits: int, *, signed: bool) -> Any:
    """Let pydicom window; only the shape of its output counts, as percentiles are stretched afterwards."""
    from pydicom import Dataset
    from pydicom.pixels.processing import apply_windowing

    tags = Dataset()
    tags.PhotometricInterpretation, tags.BitsStored = "MONOCHROME2", bits
    tags.PixelRepresentation = int(signed)
    tags.WindowCenter, tags.WindowWidth, tags.VOILUTFunction = repr(center)[:16], repr(width)[:16], function
    return lambda values: apply_windowing(values, tags)


def _entries(table: bytes | list[float], n_entries: int) -> Float64Array:
    """Read all of a table of 16 bits an entry, or of 8 where it is half as long."""
    if isinstance(table, list):
        return np.array(table, dtype=np.float64)
    packed = "u1" if len(table) in (n_entries, n_entries + 1) and n_entries > 1 else "<u2"
    usable = len(table) - len(table) % np.dtype(packed).itemsize
    entries = np.frombuffer(table[:usable], packed).astype(np.float64)
    return entries[:n_entries] if packed == "u1" else entries


def _tells(values: Float64Array) -> bool:
    return bool(np.isfinite(values).all() and values.min() < values.max())


def _tells_enough(shown: Float64Array, values: Float64Array) -> bool:
    """Whether a window leaves some grey levels, if there were many."""
    return _tells(shown) and (_n_levels(shown) > _FEW_LEVELS or _n_levels(values) <= 2 * _FEW_LEVELS)


def _n_levels(values: Float64Array) -> int:
    return np.unique(np.rint((values - values.min()) * (255 / np.ptp(values)))).size


def _hides_most(shown: Float64Array, values: Float64Array, *, negative: bool) -> bool:
    """Whether a window turns much of what differs white, as one for 8 bits does, or nearly all to its ends.

    Air and what a collimator covers end there, too, but differ by little among themselves.
    """
    low, high = np.percentile(values, levels.PERCENTILES)
    seen = levels.between(values, low, high)
    dark, white = (_information(seen, shown == end) for end in (shown.min(), shown.max()))
    dark, white = (white, dark) if negative else (dark, white)
    every = _information(seen, np.ones(seen.shape, bool))
    return white > _MOST_WHITE * every or white + dark > _MOST_LOST * every


def _information(grey_levels: UInt8Array, of: NDArray[np.bool_]) -> float:
    """Bits that tell the levels of some pixels apart, a pixel of the whole picture."""
    counts = np.bincount(grey_levels[of], minlength=256)
    shares = counts[counts > 0] / max(1, counts.sum())
    return float(-(shares * np.log2(shares)).sum() * of.mean())
