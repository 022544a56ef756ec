"""Compressed DICOM frames: what they are is told by their bytes, and their size before they are decoded."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.files import colour, containers, jpeg
from pipeline.files.faults import ImageFault, Note
from pipeline.files.radiograph import check_memory, check_size

_JPEG, _CODESTREAM, _JP2 = b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "
_RLE_MOST_SEGMENTS = 15
_LOSSLESS, _JPEG_LS = 0xC3, 0xF7
_DCT = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
_ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"  # says that colours are not transformed
_SAYS_COLOURS = re.compile(rb"JFIF|\xff\xee\x00[\x0e-\xff]Adobe")  # a shorter marker counts for nothing
_SEARCHED_BYTES = 1024
_MOST_CHANNELS = 3
_J2K_BYTES = 6  # a channel: the decoder's own four, and two
_STYLE, _MULTIPLE_COMPONENT_TRANSFORM = b"\xff\x52", 8  # of JPEG 2000: a marker, and an offset behind it


class Layout(NamedTuple):
    """What the header says of the pixels, after nonsense was left out."""

    rows: int
    columns: int
    n_channels: int
    allocated: int
    stored: int
    shift: int
    is_signed: bool
    photometric: str
    planar: int

    @property
    def n_bytes(self) -> int:
        """Bytes that the pixels take uncompressed."""
        bits = self.rows * self.columns * self.n_channels * self.allocated
        return -(-bits * 2 // 24) if self.photometric == "YBR_FULL_422" else -(-bits // 8)


def decode(frame: bytes, layout: Layout, name: str, max_pixels: int) -> tuple[NDArray[Any], list[Note]]:
    """Decode a frame whose own header says the size that the file's header says.

    Returns
    -------
    values : ndarray
        Shape (height_px, width_px), or (height_px, width_px, 3) RGB; of the frame's own depth and sign.
    notes : list of Note
        What the decoder complained about.

    Raises
    ------
    ImageFault
        ``too_large``, ``broken``, ``truncated`` or ``no_decoder``.
    """
    if frame.startswith(_JPEG):
        values, notes = _jpeg(frame, layout, name, max_pixels)
    elif frame.startswith((_CODESTREAM, _JP2)):
        values, notes = _jpeg_2000(frame, layout, name, max_pixels), []
    elif 1 <= int.from_bytes(frame[:4], "little") <= _RLE_MOST_SEGMENTS:
        values, notes = _as_rgb(_run_lengths(frame, layout), layout, name), []
    else:
        raise ImageFault("no_decoder", f"{name}: compressed in an unknown way: {frame[:4]!r}")
    if values.shape[:2] != (layout.rows, layout.columns):
        raise ImageFault("broken", f"{name}: what is inside has another size than the header says")
    return (values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values), notes


def _check_inside(
    height: int, width: int, n_channels: int, layout: Layout, name: str, max_pixels: int
) -> None:
    check_size(height, width, max_pixels, name)
    said = f"{layout.columns} x {layout.rows}"
    if (height, width) != (layout.rows, layout.columns):
        received = f"the header says {said}, and inside are {width} x {height} pixels"
        raise ImageFault("broken", f"{name}: {received}")
    if n_channels not in (1, _MOST_CHANNELS):
        raise ImageFault("no_decoder", f"{name}: one or three channels. Received: {n_channels}")


def _jpeg(frame: bytes, layout: Layout, name: str, max_pixels: int) -> tuple[NDArray[Any], list[Note]]:
    import imagecodecs

    headers = jpeg.frames(frame)
    if len(headers) != 1:
        raise ImageFault("broken", f"{name}: a JPEG needs one frame header. Received: {len(headers)}")
    inside = headers[0]
    _check_inside(inside.height, inside.width, inside.n_channels, layout, name, max_pixels)
    if inside.process == _JPEG_LS:  # CharLS can take ten seconds over a kilobyte of damaged data
        raise ImageFault("no_decoder", f"{name}: JPEG-LS is not read; save it with another compression")
    if behind := containers.trailing_bytes(frame, "JPEG", name):
        frame = frame[:-behind]
    if inside.process == _LOSSLESS:
        values = imagecodecs.jpegsof3_decode(frame)
        _check_depth(values, inside.bits, name, is_signed=layout.is_signed)
        return _as_rgb(values, layout, name), []
    if inside.process not in _DCT:
        raise ImageFault("no_decoder", f"{name}: a JPEG of the process {inside.process:#x}")
    if inside.bits > 8:
        return imagecodecs.jpeg8_decode(frame), _deep_notes(frame, inside, name)
    if inside.n_channels == 1 or _SAYS_COLOURS.search(frame, 0, _SEARCHED_BYTES):
        return _strictly(frame, "GRAY" if inside.n_channels == 1 else "RGB", name)
    return _unsaid(frame, layout, name)


def _check_depth(values: NDArray[Any], bits: int, name: str, *, is_signed: bool) -> None:
    """Refuse values that the stated bits cannot hold: behind damage, each value adds to a wrong one."""
    if values.dtype != np.uint16 or bits > 15:
        return
    meant = values.view(np.int16)
    least = -(1 << (bits - 1)) if is_signed else 0
    if meant.min() < least or meant.max() >= 1 << bits:
        raise ImageFault("broken", f"{name}: damaged: some values have more than the {bits} bits of the JPEG")


def _deep_notes(frame: bytes, inside: jpeg.Frame, name: str) -> list[Note]:
    try:
        return jpeg.check_code(frame, inside, name)
    except jpeg.DecoderRefused as error:  # arithmetic coding, say
        return [Note("decoder_warning", f"read by a lenient decoder, as the strict one says: {error}")]


def _unsaid(frame: bytes, layout: Layout, name: str) -> tuple[NDArray[Any], list[Note]]:
    """Read colours whose kind the JPEG leaves open as the header has it, if that is not far more coloured."""
    kinds = [frame, frame[:2] + _ADOBE_RGB + frame[2:]]
    if layout.photometric == "RGB":
        kinds.reverse()
    said = _strictly(kinds[0], "RGB", name)
    if (strength := colour.strength(said[0])) <= colour.DOUBTED:
        return said
    pixels, notes = _strictly(kinds[1], "RGB", name)
    if colour.strength(pixels) > strength / 2:
        return said
    odd = Note("header_nonsense", f"{layout.photometric} by name, and not by what it shows")
    return pixels, [*notes, odd]


def _strictly(frame: bytes, colours: str, name: str) -> tuple[NDArray[Any], list[Note]]:
    try:
        return jpeg.decode(frame, colours, name)
    except jpeg.DecoderRefused as error:
        raise ImageFault("broken", f"{name}: {error}") from error


def _jpeg_2000(frame: bytes, layout: Layout, name: str, max_pixels: int) -> NDArray[Any]:
    import imagecodecs

    start = frame.find(_CODESTREAM)
    size = frame[start + 2 : start + 42] if start >= 0 else b""
    if len(size) < 40:
        raise ImageFault("truncated", f"{name}: the JPEG 2000 frame lacks its header")
    right, bottom, left, top = (int.from_bytes(size[at : at + 4], "big") for at in (6, 10, 14, 18))
    n_channels = int.from_bytes(size[38:40], "big")
    _check_inside(bottom - top, right - left, n_channels, layout, name, max_pixels)
    check_memory(len(frame), layout.rows * layout.columns, _J2K_BYTES * n_channels, max_pixels, name)
    values = imagecodecs.jpeg2k_decode(frame)
    style = frame.find(_STYLE, start)
    is_transformed = style >= 0 and frame[style + _MULTIPLE_COMPONENT_TRANSFORM] == 1
    return values if is_transformed else _as_rgb(values, layout, name)


def _run_lengths(frame: bytes, layout: Layout) -> NDArray[Any]:
    import imagecodecs

    size = layout.rows * layout.columns * layout.n_channels * layout.allocated // 8
    dtype = np.dtype(f"<u{layout.allocated // 8}")
    planes = np.frombuffer(imagecodecs.dicomrle_decode(frame, dtype, out=size), dtype)
    planes = planes.reshape(layout.n_channels, layout.rows, layout.columns)
    return planes[0] if layout.n_channels == 1 else np.moveaxis(planes, 0, -1).copy()


def _as_rgb(values: NDArray[Any], layout: Layout, name: str) -> NDArray[Any]:
    """Convert colours that the codec left as luminance and chroma."""
    if values.ndim == 2 or not layout.photometric.startswith("YBR_FULL"):
        return values
    if values.dtype != np.uint8:
        raise ImageFault("no_decoder", f"{name}: {layout.photometric} of more than 8 bits")
    from pydicom.pixels.processing import convert_color_space

    return np.asarray(convert_color_space(values, "YBR_FULL", "RGB"))
