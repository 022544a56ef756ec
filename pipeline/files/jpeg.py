"""JPEG by a decoder that stops at damage; lenient ones draw what they make of it, without a word."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

import simplejpeg

from pipeline.files.faults import ImageFault, Note
from pipeline.types import UInt8Array

_MOST_SCANS = 500  # of a progressive picture; sound ones have about ten, and each costs a pass over it
_SCAN = b"\xff\xda"
_END = b"\xff\xd9"
_PROGRESSIVE = b"\xff\xc2"
# Behind these words pixels are wrong; other warnings are of what surrounds them.
_DAMAGE = re.compile(r"corrupt|premature end", re.IGNORECASE)
_CUT = re.compile(r"premature end of jpeg file|premature end of input", re.IGNORECASE)
_NO_FRAME_SIZE = frozenset({0xC4, 0xC8, 0xCC})  # markers of 0xC0 to 0xCF that begin no frame


class Frame(NamedTuple):
    """What a frame header says: process (the marker's second byte), bits a sample, ...; and its offset."""

    process: int
    bits: int
    height: int
    width: int
    n_channels: int
    start: int


def decode(data: bytes, colours: str, name: str) -> tuple[UInt8Array, list[Note]]:
    """Decode a JPEG of 8 bits strictly.

    Parameters
    ----------
    colours
        ``GRAY``, ``RGB`` or ``CMYK``, whichever it holds.

    Returns
    -------
    pixels : ndarray of uint8
        Shape (height_px, width_px), or (height_px, width_px, channels).
    notes : list of Note
        ``decoder_warning`` with what the library said of anything but the pixels.

    Raises
    ------
    ImageFault
        ``broken`` or ``truncated``: the library says that the pixels are damaged.
    DecoderRefused
        The library reads no such JPEG, or can't find its way in it.
    """
    if data.count(_SCAN) > _MOST_SCANS:
        raise ImageFault("broken", f"{name}: a JPEG of more than {_MOST_SCANS} scans")
    try:
        return _decoded(data, colours, strict=True), _lacking_scans(data)
    except ValueError as error:
        complaint = str(error)
    return _in_spite_of(complaint, data, colours, name)


def check_code(data: bytes, frame: Frame, name: str) -> list[Note]:
    """Look for damage in a JPEG of more than 8 bits, which lenient decoders alone read.

    Its entropy code is that of 8 bits, so that a strict decoder of these finds the damage.
    Returns notes, and raises, as `decode`.
    """
    depth = frame.start + 4
    return decode(data[:depth] + b"\x08" + data[depth + 1 :], "GRAY", name)[1]


class DecoderRefused(Exception):
    """The strict decoder can't read this JPEG at all; perhaps another one can."""


def frames(data: bytes) -> list[Frame]:
    """List all whole frame headers outside of other segments: a sound picture has one."""
    found = []
    for marker, position in _segments(data):
        if (0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_SIZE) or marker == 0xF7:
            bits, height, width, n_channels = struct.unpack_from(">BHHB", data, position + 4)
            found.append(Frame(marker, bits, height, width, n_channels, position))
    return found


def _lacking_scans(data: bytes) -> list[Note]:
    """Tell of a progressive picture that ends between two scans: what is there is blurred, and no damage."""
    headers = frames(data) if _PROGRESSIVE in data else []
    if not headers or headers[0].process != _PROGRESSIVE[1]:
        return []
    first_id, n_channels = headers[0].start + 10, headers[0].n_channels
    ids = data[first_id : first_id + 3 * n_channels : 3]
    lacking = {(channel, place): 1 for channel in ids for place in range(64)}  # bits that no scan brought
    ends = headers[1].start if len(headers) > 1 else len(data)  # another picture, such as a preview
    for marker, position in _segments(data[:ends]):
        if marker == _SCAN[1]:
            behind = position + 5 + 2 * data[position + 4]
            first, last, bits = data[behind : behind + 3]
            named = data[position + 5 : behind : 2]
            lacking |= {(channel, place): bits & 15 for channel in named for place in range(first, last + 1)}
    if not any(lacking.values()):
        return []
    return [Note("decoder_warning", "the last scans of the progressive JPEG are missing: fine detail lacks")]


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the marker and the offset of each segment; what stands inside of one is passed over."""
    position = 2
    while 0 <= (position := data.find(b"\xff", position)) < len(data) - 9:
        marker = data[position + 1]
        if marker in (0xFF, 0x00, 0x01) or 0xD0 <= marker <= 0xD9:
            position += 1 if marker == 0xFF else 2
            continue
        yield marker, position
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")


def _in_spite_of(complaint: str, data: bytes, colours: str, name: str) -> tuple[UInt8Array, list[Note]]:
    if _DAMAGE.search(complaint) and not _sound_without_filler(data, colours):
        code = "truncated" if _CUT.search(complaint) else "broken"
        raise ImageFault(code, f"{name}: parts of the picture are damaged: {complaint}")
    try:
        pixels = _decoded(data, colours, strict=False)
    except ValueError as error:
        raise DecoderRefused(str(error)) from error
    return pixels, [Note("decoder_warning", f"the JPEG decoder complained: {complaint}")]


def _sound_without_filler(data: bytes, colours: str) -> bool:
    """Whether all is sound without what some cameras put between segments and before the end."""
    kept = _tidy_head(data.removesuffix(_END))
    bare = kept.rstrip(kept[-1:])
    for candidate in (kept, bare, bare + kept[-1:]):  # the last byte may be of the picture, too
        try:
            _decoded(candidate + _END, colours, strict=True)
        except ValueError:
            continue
        return True
    return False


def _tidy_head(data: bytes) -> bytes:
    """Leave out what lies between the segments before the first scan."""
    segments, position = [data[:2]], 2
    while (position := data.find(b"\xff", position)) >= 0 and data[position + 1 : position + 2] != _SCAN[1:]:
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        segments.append(data[position:end])
        position = end
    return b"".join(segments) + data[max(position, 0) :]


def _decoded(data: bytes, colours: str, *, strict: bool) -> UInt8Array:
    pixels: UInt8Array = simplejpeg.decode_jpeg(data, colours, strict=strict)
    return pixels[..., 0] if colours == "GRAY" else pixels
