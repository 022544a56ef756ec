"""Stored DICOM values to grey, in the order of the standard: modality, value of interest, polarity.

Values of up to 16 bits go through a table of all of them, which is exact and costs no copy of the picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.files import window
from pipeline.files.dicom_frames import Stored
from pipeline.files.dicom_header import Header
from pipeline.files.dicom_window import Shown
from pipeline.files.faults import ImageFault, Note
from pipeline.files.strips import Made, strips, thinned
from pipeline.types import UInt8Array

_PROBES = 256
_ROWS_LOOKED_AT = 32
_JUMPS = 0.001  # of neighbours; fewer are edges
_MOST_DOUBTED_BITS = 16
_SAMPLE_PX = 256  # of a side, by which a window is judged


def grey(stored: Stored, header: Header, name: str) -> tuple[UInt8Array, list[Note]]:
    """Show values of one channel; returns as `window.grey`, while the header's notes grow by what is odd."""
    negative = header.photometric() == "MONOCHROME1"
    stored = _meant(stored, header)
    shown = Shown(stored, header)
    if (ends := window.span(stored.values)) is None:
        values = stored.values
        shown.fit(np.linspace(float(values.min()), float(values.max()), _PROBES))
        rows = Made(values.shape, lambda rows: shown(values[rows].astype(np.float64)).astype(np.float32))
        return window.grey(rows, name, negative=negative)
    raw = np.arange(ends[0], ends[1] + 1)
    values = stored.logical(raw)
    if _has_other_bits(raw, values, stored) and not header.holds("PixelPaddingValue"):
        header.nonsense(f"some values have other bits than the {stored.bits} stored ones; these are left out")
    shown.fit(values.astype(np.float64))
    shown.doubt(stored.logical(thinned(stored.values, _SAMPLE_PX).astype(np.int64)), negative=negative)
    meaning = window.Meaning(ends[0], shown(values.astype(np.float64)), _padding(raw, values, stored, header))
    return window.by_meaning(stored.values, meaning, name, negative=negative)


def meant_colours(stored: Stored, header: Header) -> NDArray[Any]:
    """Leave out bits that are not stored, in place; shape (height_px, width_px, 3)."""
    plane = stored._replace(values=stored.values[..., 1])
    meant = _meant(plane, header)
    if meant.values is not plane.values:
        stored = stored._replace(values=stored.values.byteswap())
    if meant.bits < 8 * stored.values.dtype.itemsize and not meant.is_signed:
        for rows, part in strips(stored.values):
            stored.values[rows] = meant.logical(part.astype(np.int64))
    return stored.values


def palette_colours(indices: NDArray[Any], dataset: Any, header: Header, name: str) -> NDArray[Any]:
    """Look colours up, 8 or 16 bits, shape (height_px, width_px, 3)."""
    from pydicom.pixels.processing import apply_color_lut

    if "WindowWidth" in dataset:
        header.nonsense("a window for the colours of a palette; left out")
    try:
        _widen(dataset)
        colours = np.asarray(apply_color_lut(indices, dataset))
    except Exception as error:  # as `pictures.faults_of`
        raise ImageFault("broken", f"{name}: its palette makes no sense: {error}") from error
    if colours.dtype.itemsize == 1:
        return colours
    high, low = colours >> 8, colours & 0xFF
    return high.astype(np.uint8) if ((low == 0) | (low == high)).all() else colours


def _widen(dataset: Any) -> None:
    """Write palettes of more than 256 bytes as words: pydicom counts what it looks up in their own type."""
    n_entries = dataset.get("RedPaletteColorLookupTableDescriptor", [1])[0] or 2**16
    for keyword in (f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")):
        table = dataset.get(keyword, b"")
        if n_entries > 256 and len(table) in (n_entries, n_entries + 1):
            dataset[keyword].value = np.frombuffer(table[:n_entries], "u1").astype("<u2").tobytes()


def _meant(stored: Stored, header: Header) -> Stored:
    """Doubt bits, sign and byte order of values that jump, where read otherwise they do not.

    A value that is cut off, or taken for negative, jumps between neighbours that differ by little. Bits that
    hold an overlay or nothing do the opposite.
    """
    bits = 8 * stored.values.dtype.itemsize
    if bits > _MOST_DOUBTED_BITS or (jumps := _share_of_jumps(stored)) <= _JUMPS:
        return stored
    for sign in (stored.is_signed, not stored.is_signed):
        other = Stored(stored.values, bits, 0, sign)
        is_another = (other.logical(_few(other)) != stored.logical(_few(stored))).mean() > _JUMPS
        if is_another and _share_of_jumps(other) < jumps / 4:
            taken = f"taken as {bits} bits, {'signed' if sign else 'unsigned'}"
            header.nonsense(f"BitsStored or PixelRepresentation is wrong: values wrap; {taken}")
            return other
    swapped = stored._replace(values=stored.values.byteswap())
    if _share_of_jumps(swapped) < jumps / 4:
        header.nonsense("the two bytes of each value are in the wrong order; swapped")
        return swapped
    return stored


def _few(stored: Stored) -> NDArray[np.int64]:
    return stored.values[:: -(-len(stored.values) // _ROWS_LOOKED_AT)].astype(np.int64)


def _share_of_jumps(stored: Stored) -> float:
    """Share of neighbours half the range apart; the smallest and the largest value may be padding."""
    rows = _few(stored)
    inside = (rows > rows.min()) & (rows < rows.max())
    values = stored.logical(rows)
    differences = np.abs(np.diff(values, axis=1))[inside[:, 1:] & inside[:, :-1]]
    return float((differences > np.ptp(values[inside]) / 2).sum()) / rows.size if inside.any() else 0.0


def _has_other_bits(raw: NDArray[Any], values: NDArray[Any], stored: Stored) -> bool:
    """Whether some are neither the stored bits alone nor these with their sign."""
    fewer = stored.bits < 8 * stored.values.dtype.itemsize
    return fewer and bool(((values != raw) & (values % 2**stored.bits != raw >> stored.shift)).any())


def _padding(raw: NDArray[Any], values: NDArray[Any], stored: Stored, header: Header) -> NDArray[np.bool_]:
    """Mark what the header calls padding, by all bits or by those that are stored."""
    value, limit = header.number("PixelPaddingValue"), header.number("PixelPaddingRangeLimit")
    if value is None:
        return np.zeros(len(raw), bool)
    low, high = sorted((value, value if limit is None else limit))
    turn = 2 ** (8 * stored.values.dtype.itemsize)  # some write a negative value as a positive one
    marked = np.isin(raw, (low + turn, low - turn))
    return marked | (raw >= low) & (raw <= high) | (values >= low) & (values <= high)
