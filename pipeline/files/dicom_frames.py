"""The pixels of a DICOM file as they are stored, by a header of which nothing is believed unchecked."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.files import colour, dicom_codecs
from pipeline.files.dicom_codecs import Layout
from pipeline.files.dicom_header import Header
from pipeline.files.faults import ImageFault, Note

_FLOAT_BITS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
PIXEL_KEYWORDS = ("PixelData", *_FLOAT_BITS)
_ITEM = b"\xfe\xff\x00\xe0"  # begins what is compressed
_PLAIN_SYNTAX, _BIG_ENDIAN = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
_NATIVE = ("1.2.840.10008.1.2", _PLAIN_SYNTAX, _BIG_ENDIAN)
_GREYS = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_NATIVE_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422")
_DEPTHS = (1, 8, 16, 32, 64)
_WITH_OPACITY = 4  # channels
_NO_COLOUR, _TINGED = 0.05, 1  # strength of the colours of a grey picture, and in a wrong order


class Stored(NamedTuple):
    """Stored values, grey or RGB; how many bits they have and from which on; whether they are signed."""

    values: NDArray[Any]
    bits: int
    shift: int = 0
    is_signed: bool = False

    def logical(self, raw: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give what raw values mean, without bits that are not stored."""
        values = (raw >> self.shift) & ((1 << self.bits) - 1)
        return values - ((values >> (self.bits - 1)) << self.bits) if self.is_signed else values


def read(dataset: Any, header: Header, name: str, max_pixels: int) -> Stored:
    """Read the frame of a dataset whose size was checked.

    Raises
    ------
    ImageFault
        ``multi_frame``, ``too_large``, ``truncated``, ``broken``, ``no_pixels`` or ``no_decoder``.
    """
    keyword = next(keyword for keyword in PIXEL_KEYWORDS if keyword in dataset)
    data, n_frames = dataset[keyword].value, header.whole("NumberOfFrames")
    if not isinstance(data, bytes) or not data:
        raise ImageFault("no_pixels", f"{name}: the DICOM file holds no pixels")
    if n_frames is not None and n_frames > 1:
        raise ImageFault("multi_frame", f"{name}: one frame a file. Received: {n_frames}")
    syntax = _syntax(dataset, name)
    is_native = syntax in _NATIVE
    compressed = data[:4] == _ITEM and (not is_native or dataset[keyword].is_undefined_length)
    if syntax and is_native == compressed:
        said = "uncompressed" if is_native else "compressed"
        header.nonsense(f"the transfer syntax says that the pixels are {said}, and they are not")
    layout = _layout(header, len(data), keyword, name, compressed=compressed)
    if compressed:
        if n_frames is None and (n_found := _n_offsets(data)) > 1:
            raise ImageFault("multi_frame", f"{name}: one frame a file. Received: {n_found}")
        return _compressed(data, layout, header, name, max_pixels)
    if keyword != "PixelData":
        return _floats(data, layout, name)
    order = (syntax if syntax == _BIG_ENDIAN else _PLAIN_SYNTAX, dataset[keyword].VR)
    return _native(_cut(data, layout, n_frames, header, name), layout, order, header, name)


def _syntax(dataset: Any, name: str) -> str:
    """Transfer syntax; empty where the file names none."""
    from pydicom.uid import UID

    uid = UID(str(getattr(dataset, "file_meta", {}).get("TransferSyntaxUID") or ""))
    if uid and uid not in _NATIVE and (uid.is_private or uid.type != "Transfer Syntax"):
        raise ImageFault("no_decoder", f"{name}: its transfer syntax is unknown. Received: {uid[:64]!r}")
    return uid


def _layout(header: Header, n_bytes: int, keyword: str, name: str, *, compressed: bool) -> Layout:
    rows, columns = header.whole("Rows") or 0, header.whole("Columns") or 0
    photometric, n_channels = header.photometric(), header.whole("SamplesPerPixel")
    is_colour = "RGB" in photometric or "YBR" in photometric or photometric in ("HSV", "CMYK")
    if n_channels == _WITH_OPACITY and n_bytes >= rows * columns * n_channels:
        raise ImageFault("no_decoder", f"{name}: one or three channels. Received: {n_channels}")
    if n_channels not in (1, 3):
        n_channels = 3 if is_colour else 1
    allocated = _FLOAT_BITS.get(keyword) or header.whole("BitsAllocated")
    if allocated not in _DEPTHS:
        guessed = 8 * max(1, min(4, n_bytes // (rows * columns * n_channels)))
        if not compressed and n_bytes - rows * columns * n_channels * guessed // 8 not in (0, 1):
            what = f"pixels of 8, 16 or 32 bits are read. Received: {allocated}"
            raise ImageFault("no_decoder", f"{name}: {what}")
        header.nonsense(f"BitsAllocated is {allocated}; taken as {guessed} by the length of the pixels")
        allocated = guessed
    held = n_bytes * 8 // (rows * columns * allocated)  # channels
    if not compressed and is_colour != (n_channels == 3) and held >= 1:
        header.nonsense(f"{photometric[:40]!r} with {n_channels} channels; taken by the length of the pixels")
        n_channels, photometric = (3, "RGB") if held >= 3 else (1, "MONOCHROME2")
    elif not is_colour and photometric not in _GREYS:
        header.nonsense(f"PhotometricInterpretation is {photometric[:40]!r}; taken as MONOCHROME2")
        photometric = "MONOCHROME2"
    elif not compressed and photometric == "YBR_FULL_422" and held >= 3:
        header.nonsense("YBR_FULL_422 by name, and by the length of the pixels YBR_FULL")
        photometric = "YBR_FULL"
    stored, shift = _bits(header, allocated)
    is_signed = header.whole("PixelRepresentation") == 1
    planar = int(header.whole("PlanarConfiguration") == 1)
    return Layout(rows, columns, n_channels, allocated, stored, shift, is_signed, photometric, planar)


def _bits(header: Header, allocated: int) -> tuple[int, int]:
    """How many bits are stored, and from which on."""
    stored, high = header.whole("BitsStored"), header.whole("HighBit")
    if stored is None or not 1 <= stored <= allocated:
        if stored is not None:
            header.nonsense(f"BitsStored is {stored} of {allocated}; taken as {allocated}")
        return allocated, 0
    if high is not None and not stored - 1 <= high < allocated:
        header.nonsense(f"HighBit is {high} with {stored} bits stored; taken as {stored - 1}")
        high = None
    return stored, 0 if high is None else high + 1 - stored


def _n_offsets(data: bytes) -> int:
    """How many frames the table before compressed pixels names; it may be empty."""
    return int.from_bytes(data[4:8], "little") // 4


def _compressed(data: bytes, layout: Layout, header: Header, name: str, max_pixels: int) -> Stored:
    from pydicom.encaps import get_frame

    frame = get_frame(data, 0, number_of_frames=1)
    values, notes = dicom_codecs.decode(frame, layout, name, max_pixels)
    header.notes += notes
    bits = 8 * values.dtype.itemsize
    if values.dtype.kind == "i":
        return Stored(values, bits, is_signed=True)
    if layout.is_signed and values.dtype.itemsize == layout.allocated // 8 > 1:
        return Stored(values, layout.stored, is_signed=True)
    return Stored(values, bits)


def _cut(data: bytes, layout: Layout, n_frames: int | None, header: Header, name: str) -> bytes:
    """Check how many bytes there are, and leave out what lies behind the pixels."""
    extra = len(data) - layout.n_bytes
    if extra < 0:
        raise ImageFault("truncated", f"{name}: {layout.n_bytes} bytes of pixels. Received: {len(data)}")
    if extra >= layout.n_bytes and n_frames is None:
        raise ImageFault("multi_frame", f"{name}: one frame a file. Received: {len(data) // layout.n_bytes}")
    if extra > 1:
        header.notes.append(Note("trailing_bytes", f"{extra} bytes behind the pixels"))
    return data[: layout.n_bytes + layout.n_bytes % 2]  # even, where words are swapped


def _native(data: bytes, layout: Layout, order: tuple[str, str], header: Header, name: str) -> Stored:
    if layout.n_channels == 3 and layout.photometric not in _NATIVE_COLOURS:
        raise ImageFault("no_decoder", f"{name}: colours as {layout.photometric!r}")
    if "YBR" in layout.photometric and layout.allocated != 8:
        raise ImageFault("no_decoder", f"{name}: {layout.photometric} of {layout.allocated} bits")
    values = _array(data, layout, order)
    if layout.n_channels == 3 and layout.allocated == 8:
        values = _greyer(values, data, layout, order, header)
    return Stored(values, layout.stored, layout.shift, layout.is_signed)


def _greyer(
    values: NDArray[Any], data: bytes, layout: Layout, order: tuple[str, str], header: Header
) -> NDArray[Any]:
    """Doubt colours: many a converter leaves the old name of the colours, or their old order, behind."""
    if (strength := colour.strength(values)) <= _TINGED or layout.photometric == "YBR_FULL_422":
        return values
    apart = _array(data, layout._replace(planar=1 - layout.planar), order)
    if colour.strength(apart) < _NO_COLOUR:
        header.nonsense(f"PlanarConfiguration is {layout.planar}, and by what it shows {1 - layout.planar}")
        return apart
    if strength <= colour.DOUBTED:
        return values
    name = "YBR_FULL" if layout.photometric == "RGB" else "RGB"
    others = _array(data, layout._replace(photometric=name), order)
    if colour.strength(others) > strength / 2:
        return values
    header.nonsense(f"{layout.photometric} by name, and by what it shows {name}")
    return others


def _array(data: bytes, layout: Layout, order: tuple[str, str]) -> NDArray[Any]:
    from pydicom.pixels.decoders.base import get_decoder

    syntax, vr = order
    decoder: Any = get_decoder(syntax)  # typed too narrowly
    values, _ = decoder.as_array(
        data,
        index=0,
        rows=layout.rows,
        columns=layout.columns,
        number_of_frames=1,
        samples_per_pixel=layout.n_channels,
        bits_allocated=layout.allocated,
        bits_stored=layout.allocated,  # unused bits are left out later, by a table
        photometric_interpretation=layout.photometric,
        pixel_representation=int(layout.is_signed),
        planar_configuration=layout.planar,
        pixel_keyword="PixelData",
        pixel_vr="OB" if vr == "OB" and layout.allocated == 8 else "OW",
        view_only=layout.n_channels == 1 and layout.allocated > 1 and syntax == _PLAIN_SYNTAX,
    )
    return np.asarray(values)


def _floats(data: bytes, layout: Layout, name: str) -> Stored:
    if len(data) < layout.n_bytes:
        raise ImageFault("truncated", f"{name}: {layout.n_bytes} bytes of pixels. Received: {len(data)}")
    values = np.frombuffer(data, f"<f{layout.allocated // 8}", layout.rows * layout.columns)
    return Stored(values.reshape(layout.rows, layout.columns), layout.allocated, is_signed=True)
