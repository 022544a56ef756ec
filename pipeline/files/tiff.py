"""TIFF: what Pillow reads falsely or not at all (deep colours, many depths), and what must not be trusted."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.files import channels, complaints, jpeg, pictures, previews
from pipeline.files.faults import ImageFault, Note
from pipeline.files.radiograph import Radiograph, check_memory, check_size
from pipeline.types import UInt8Array

_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MOST_CHANNELS = 5
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE = 0, 1, 2, 3
_JPEG = 7
_ORIENTATION = 274
_ALPHA_KINDS = ((1,), (2,))  # associated with the colours, or not


def is_tiff(data: bytes) -> bool:
    """Recognise a TIFF or a BigTIFF by its first bytes."""
    return data[:4] in _MAGICS


def decode(data: bytes, name: str, max_pixels: int) -> Radiograph:
    """Decode a TIFF of one page, beside smaller views of it; parameters and faults as `images.decode`."""
    import tifffile  # an eighth of a second, which few folders need spend

    with pictures.faults_of(name), tifffile.TiffFile(io.BytesIO(data)) as file:
        page, data, beside = previews.of_pages(file, data, name)
        _check_page(page, max_pixels, name)
        held = page.samplesperpixel * (page.dtype.itemsize if page.dtype else 1)
        check_memory(len(data), page.imagelength * page.imagewidth, held, max_pixels, name)
        _check_segments(page, data, name)
        orientation = _orientation(page)
        notes = beside + (_jpeg_notes(page, data, name) if page.compression == _JPEG else [])
        notes += [pictures.TURNED] if 2 <= orientation <= 8 else []
        if page.dtype is not None and page.dtype.kind in "bu" and page.dtype.itemsize == 1:
            return _by_pillow(data, name, max_pixels, notes)
        pixels, departure, more = _deep(page, data, name)
        mode = f"{_photometric(page)};{page.bitspersample}"
        pixels = pictures.upright(pixels, orientation)
        return Radiograph(pixels, "TIFF", mode, (*notes, *more), departure)


def _orientation(page: Any) -> int:
    """Give the orientation, of several the first one, as Pillow does; 1 where it is no number."""
    said = page.tags.valueof(_ORIENTATION)
    first = next(iter(said), 1) if isinstance(said, tuple) else said
    return first if isinstance(first, int) else 1


def _by_pillow(data: bytes, name: str, max_pixels: int, notes: list[Note]) -> Radiograph:
    """Decode up to 8 bits; what libtiff writes to the terminal becomes a note."""
    said: list[str] = []
    with complaints.standard_error(said):
        found = pictures.decode(data, name, max_pixels)
    return replace(found, notes=(*notes, *found.notes, *complaints.notes(said)))


def _check_page(page: Any, max_pixels: int, name: str) -> None:
    """Refuse a page that is too large, or several pictures in one; tiles count as large as they say."""
    check_size(page.imagelength, page.imagewidth, max_pixels, name)
    if page.is_tiled:
        check_size(page.tilelength, page.tilewidth, max_pixels, name)
    if page.imagedepth > 1 or page.samplesperpixel > _MOST_CHANNELS:
        received = f"{page.imagedepth} x {page.samplesperpixel}"
        raise ImageFault("multi_frame", f"{name}: one picture of at most five channels. Received: {received}")


def _check_segments(page: Any, data: bytes, name: str) -> None:
    """Refuse strips or tiles that are not there, which decoders fill with black."""
    ends = [offset + size for offset, size in zip(page.dataoffsets, page.databytecounts, strict=True)]
    if not ends or min(page.dataoffsets) <= 0 or min(page.databytecounts) <= 0 or max(ends) > len(data):
        raise ImageFault("truncated", f"{name}: truncated: the TIFF lacks some of its strips or tiles")


def _jpeg_notes(page: Any, data: bytes, name: str) -> list[Note]:
    """Decode each strip or tile strictly; libtiff drops what libjpeg warns of, and fills what is short."""
    found = []
    for place, (offset, size) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        segment = data[offset : offset + size]
        if page.jpegtables:
            segment = page.jpegtables[:-2] + segment[2:]
        if page.dtype == np.uint8:
            pixels, notes = jpeg.decode(segment, "GRAY", name)
            height, width = _sides(page, place)
            if pixels.shape[0] < height or pixels.shape[1] < width:
                received = f"{pixels.shape[1]} x {pixels.shape[0]} pixels of {width} x {height}"
                raise ImageFault("truncated", f"{name}: truncated: a strip or tile holds {received}")
            found += notes
    return list(dict.fromkeys(found))


def _sides(page: Any, place: int) -> tuple[int, int]:
    """Height and width of a strip or tile; the last strip may be lower."""
    if page.is_tiled:
        return page.tilelength, page.tilewidth
    height = min(page.rowsperstrip or page.imagelength, page.imagelength)
    first = place % -(-page.imagelength // height) * height
    return min(height, page.imagelength - first), page.imagewidth


def _deep(page: Any, data: bytes, name: str) -> tuple[UInt8Array, float, list[Note]]:
    values = _values(page, data)
    if values.ndim == 2:
        values = values[..., None]
    elif page.axes == "SYX":
        values = np.moveaxis(values, 0, -1)
    if page.photometric == _PALETTE:
        values = np.moveaxis(page.colormap[:, values[..., 0]], 0, -1).copy()
    elif page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        raise ImageFault("no_decoder", f"{name}: colours of more than 8 bits as {_photometric(page)}")
    n_colours = 3 if page.photometric in (_RGB, _PALETTE) else 1
    has_alpha = page.extrasamples[:1] in _ALPHA_KINDS
    kept = values[..., : n_colours + has_alpha]
    return channels.of_deep(kept, has_alpha, name, negative=page.photometric == _WHITE_IS_ZERO)


def _photometric(page: Any) -> str:
    """Name what the channels show; a number that means nothing has no name."""
    return getattr(page.photometric, "name", str(page.photometric))


def _values(page: Any, data: bytes) -> NDArray[Any]:
    """Give the stored values; those that lie in one piece are viewed and not copied."""
    is_plain = page.is_contiguous and page.compression == 1
    if is_plain and page.samplesperpixel == 1 and page.dtype.itemsize * 8 == page.bitspersample:
        dtype = page.dtype.newbyteorder(page.parent.byteorder)
        count = page.imagelength * page.imagewidth
        return np.frombuffer(data, dtype, count, page.dataoffsets[0]).reshape(page.shape)
    return np.asarray(page.asarray())
