"""DICOM files to grey: recognised by their bytes, read as viewers read them, or a fault of that file."""

from __future__ import annotations

import io
import re
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.files import channels, dicom_frames, dicom_values, pictures
from pipeline.files.dicom_frames import Stored
from pipeline.files.dicom_header import Header
from pipeline.files.faults import ImageFault, Note
from pipeline.files.radiograph import Radiograph, check_size

_PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
_SEARCHED_BYTES = 1024  # for a magic word that is not in its place
_FIRST_GROUPS = (0x0002, 0x0008)
_LIKE_DICOM = 3  # elements in a row
_LONG_VRS = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"}
_VRS = _LONG_VRS | {
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH",
    b"SL", b"SS", b"ST", b"SV", b"TM", b"UI", b"UL", b"US", b"UV",
}  # fmt: skip
_UNDEFINED = 0xFFFFFFFF
_COMPRESSED_PIXELS = re.compile(rb"\xe0\x7f\x10\0O[BW]\0\0\xff{4}")  # dropped where they break off
_DEFLATED, _PLAIN = b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.1\0\0\0"
_LITTLE, _BIG = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0"
_PIXEL_DATA = 0x7FE00010
_HEADER_BYTES = 2**24  # allowed beside the pixels
# What is certainly no projection of X-rays. `OT` and what is unknown may be one; dental films (IO, PX) are.
_OTHER_MODALITIES = {
    "CT", "MR", "US", "NM", "PT", "IVUS", "OCT", "ES", "GM", "SM", "XC", "OP", "OPT", "OAM", "BDUS",
    "ECG", "EPS", "HD", "SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "SR", "DOC",
}  # fmt: skip
_SHAPES = ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio")
_SQUARE = 1.1  # sides that differ by less


def is_dicom(data: bytes) -> bool:
    """Recognise a DICOM file by its magic word, or where that is missing by its first elements."""
    return data[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] == _MAGIC or _start(data) is not None


def decode(data: bytes, name: str, max_pixels: int) -> Radiograph:
    """Decode one frame, higher is brighter.

    Raises
    ------
    ImageFault
        ``broken``, ``no_pixels``, ``not_a_radiograph`` (by its modality), ``multi_frame``, ``too_large``,
        ``no_decoder``, ``truncated`` or ``not_finite``.
    """
    with pictures.faults_of(name, quoted=False):
        dataset = parse(data, name, max_pixels)
        header = Header(dataset, [])
        if not _has_pixels(dataset) and _COMPRESSED_PIXELS.search(data):
            raise ImageFault("truncated", f"{name}: truncated: the compressed pixels break off")
        _check(dataset, header, name, max_pixels)
        stored = dicom_frames.read(dataset, header, name, max_pixels)
        shown = _shown(stored, dataset, header, name)
        return replace(shown, notes=(*shown.notes, *_stretched(dataset)))


def parse(data: bytes, name: str, max_pixels: int) -> Any:
    """Parse a DICOM file to a `pydicom.Dataset`, whatever it holds; its pixels are not decoded."""
    import pydicom  # a tenth of a second, which no folder of JPEG need spend

    data = _plain(_whole(data), name, max_pixels)
    before = 0

    def is_behind_pixels(tag: int, *_: Any) -> bool:
        nonlocal before
        last, before = before, tag
        return last == _PIXEL_DATA

    return pydicom.filereader.read_partial(io.BytesIO(data), is_behind_pixels, force=True)


def read_header(data: bytes, name: str, max_pixels: int) -> Header:
    """Read what a DICOM file says of itself; its pixels are not decoded.

    Raises
    ------
    ImageFault
        ``not_an_image``, or what `decode` raises for a header.
    """
    if not is_dicom(data):
        raise ImageFault("not_an_image", f"{name}: no DICOM file")
    with pictures.faults_of(name, quoted=False):
        header = Header(dataset := parse(data, name, max_pixels), [])
        _check(dataset, header, name, max_pixels)
        return header


def some(data: bytes, keywords: Sequence[str]) -> Any:
    """Read the values of some keywords alone, as a `pydicom.Dataset`; hostile bytes raise anything."""
    import pydicom

    return pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, specific_tags=[*keywords])


def load(path: Path) -> Any:
    """Read a DICOM file that we wrote, as a `pydicom.Dataset`."""
    import pydicom

    return pydicom.dcmread(path)


def _shown(stored: Stored, dataset: Any, header: Header, name: str) -> Radiograph:
    mode = header.photometric()
    if stored.values.ndim == 2 and mode == "PALETTE COLOR":
        colours = dicom_values.palette_colours(stored.values, dataset, header, name)
        stored = Stored(colours, 8 * colours.dtype.itemsize)
    if stored.values.ndim == 2:
        pixels, windowed = dicom_values.grey(stored, header, name)
        return Radiograph(pixels, "DICOM", mode, (*header.notes, *windowed))
    if stored.values.dtype.itemsize == 1:
        pixels, departure, more = channels.of_colours(stored.values)
    else:
        values = dicom_values.meant_colours(stored, header)
        pixels, departure, more = channels.of_deep_colours(values, name)
    return Radiograph(pixels, "DICOM", mode, (*header.notes, *more), departure)


def _check(dataset: Any, header: Header, name: str, max_pixels: int) -> None:
    """Refuse what the header already rules out."""
    if header.is_own:
        raise ImageFault("not_a_radiograph", f"{name}: it is a result that this program made")
    rows, columns = header.whole("Rows"), header.whole("Columns")
    if not _has_pixels(dataset) or not rows or not columns:
        raise ImageFault("no_pixels", f"{name}: the DICOM file holds no pixels")
    if (modality := header.text("Modality")) in _OTHER_MODALITIES:
        raise ImageFault(
            "not_a_radiograph", f"{name}: its DICOM modality must be radiography. Received: {modality}"
        )
    check_size(rows, columns, max_pixels, name)


def _has_pixels(dataset: Any) -> bool:
    return any(keyword in dataset for keyword in dicom_frames.PIXEL_KEYWORDS)


def _stretched(dataset: Any) -> list[Note]:
    """Tell of pixels that are no squares: to the network, and in overlays, they are."""
    header = Header(dataset, [])
    shapes = (header.numbers(keyword) for keyword in _SHAPES)
    sides = next((sides for sides in shapes if len(sides) == 2 and min(sides) > 0), [1.0, 1.0])
    if max(sides) < _SQUARE * min(sides):
        return []
    return [Note("stretched", f"a pixel is {sides[0] / sides[1]:.3g} times as high as wide; taken as square")]


def _whole(data: bytes) -> bytes:
    """Give the file a preamble and the magic word where they are missing or out of place."""
    if data[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] == _MAGIC:
        return data
    start = _start(data)
    if start is None or int.from_bytes(data[start : start + 2], "little") != 2:
        return data if start is None else data[start:]  # no file meta information: pydicom guesses the syntax
    return bytes(_PREAMBLE_BYTES) + _MAGIC + data[start:]


def _start(data: bytes) -> int | None:
    """Offset of the first element where the magic word is not in its place; nothing where none begins."""
    magic = data.find(_MAGIC, 0, _SEARCHED_BYTES)
    offsets = ([magic + 4] if magic >= 0 else []) + [0, _PREAMBLE_BYTES, _PREAMBLE_BYTES + 4]
    offsets += [len(data[:_SEARCHED_BYTES]) - len(data[:_SEARCHED_BYTES].lstrip(b" \t\r\n"))]
    return next((offset for offset in offsets if _begins_elements(data, offset)), None)


def _begins_elements(data: bytes, offset: int) -> bool:
    """Whether elements with rising tags stand here, as nothing but DICOM has them."""
    last = -1
    for _ in range(_LIKE_DICOM):
        group = int.from_bytes(data[offset : offset + 2], "little")
        tag = group << 16 | int.from_bytes(data[offset + 2 : offset + 4], "little")
        end = _element_end(data, offset)
        if tag <= last or (last < 0 and group not in _FIRST_GROUPS) or end is None:
            return False
        last, offset = tag, end
    return True


def _element_end(data: bytes, offset: int) -> int | None:
    """Offset behind an element with explicit or implicit VR, little endian."""
    if data[offset + 4 : offset + 6] in _LONG_VRS:
        start, length = offset + 12, int.from_bytes(data[offset + 8 : offset + 12], "little")
    elif data[offset + 4 : offset + 6] in _VRS:
        start, length = offset + 8, int.from_bytes(data[offset + 6 : offset + 8], "little")
    else:
        start, length = offset + 8, int.from_bytes(data[offset + 4 : offset + 8], "little")
    end = start if length == _UNDEFINED else start + length
    return end if start <= len(data) and end <= len(data) else None


def _plain(data: bytes, name: str, max_pixels: int) -> bytes:
    """Inflate a deflated dataset; believe its first bytes where the transfer syntax names another order."""
    start = _PREAMBLE_BYTES + 4
    while data[start : start + 2] == b"\x02\x00" and (end := _element_end(data, start)) is not None:
        start = end
    said, first = data[:start], data[start : start + 2]
    if _DEFLATED in data[: max(start, 4 * _SEARCHED_BYTES)] and not _begins_elements(data, start):
        return _inflated(data, start, name, max_pixels)
    meant = said.replace(_DEFLATED, _PLAIN)
    for begins, other, order in ((b"\x08\0", _BIG, _LITTLE), (b"\0\x08", _LITTLE, _BIG)):
        meant = meant.replace(other, order) if first == begins else meant
    if meant == said:
        return data
    warnings.warn(
        "the transfer syntax names another order or compression than the elements have", stacklevel=2
    )
    return meant + data[start:]


def _inflated(data: bytes, start: int, name: str, max_pixels: int) -> bytes:
    """Inflate what stands from an offset on, as far as pixels within the limit need it."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    dataset = inflater.decompress(data[start:], 3 * max_pixels + _HEADER_BYTES)
    if inflater.unconsumed_tail:
        raise ImageFault("too_large", f"{name}: inflates to more than {max_pixels} pixels need")
    if not inflater.eof:
        raise ImageFault("truncated", f"{name}: the deflated dataset breaks off")
    return data[:start].replace(_DEFLATED, _PLAIN) + dataset
