"""Where a JPEG or a PNG truly ends, and whether a PNG's check sums are right and its rows are all there.

Pillow skips the check sums of a PNG's pixel chunks, and draws missing rows black; no decoder minds bytes
behind the end.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from pipeline.files.faults import ImageFault

# In entropy-coded data 0xFF00 is a stuffed byte, 0xFFD0 to 0xFFD7 restart, 0xFFFF pads.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_END = 0xD9
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_PNG_SIGNATURE_BYTES = 8
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the kind of colours
_PNG_WHOLE = [(0, 0, 1, 1)]  # first row and column of a pass, and its steps
_PNG_PASSES = [
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1),
]  # fmt: skip
_PIECE, _INFLATED = 2**16, 2**20  # bytes that are inflated at once, and to how many at most
_PNG_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def trailing_bytes(data: bytes, file_format: str, name: str) -> int:
    """Count the bytes behind the end of a JPEG or a PNG; 0 for other formats.

    Raises
    ------
    ImageFault
        ``truncated`` where the end or a PNG's rows are missing, ``broken`` where its check sum is wrong.
    """
    if file_format == "JPEG":
        return len(data) - _jpeg_end(data, name)
    if file_format == "PNG":
        chunks = list(_png_chunks(data, name))
        _check_rows(chunks, name)
        return len(data) - _PNG_SIGNATURE_BYTES - sum(map(len, chunks))
    return 0


def bare_png(data: bytes, name: str) -> bytes:
    """Keep what a PNG's pixels need: no profile, no text, nothing that may unfold to gigabytes.

    Raises
    ------
    ImageFault
        As `trailing_bytes`.
    """
    chunks = [chunk for chunk in _png_chunks(data, name) if chunk[4:8] in _PNG_NEEDED]
    return data[:_PNG_SIGNATURE_BYTES] + b"".join(chunks)


def _jpeg_end(data: bytes, name: str) -> int:
    """Offset behind the end-of-image marker, reached segment by segment (thumbnails have their own)."""
    position = 2
    while match := _JPEG_MARKER.search(data, position):
        marker, position = match[0][1], match.end()
        if marker == _JPEG_END:
            return position
        if marker not in _JPEG_BARE:
            position += int.from_bytes(data[position : position + 2], "big")
    raise ImageFault("truncated", f"{name}: the JPEG lacks its end")


def _check_rows(chunks: list[memoryview], name: str) -> None:
    """Refuse a PNG whose pixels end early; what cannot be inflated is left to its decoder."""
    if bytes(chunks[0][4:8]) != b"IHDR":
        return
    width, height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][8:21])
    needed = 0
    for row, column, down, right in _PNG_PASSES if interlaced else _PNG_WHOLE:
        rows, columns = -(-(height - row) // down), -(-(width - column) // right)
        needed += rows * (1 + -(-columns * depth * _PNG_CHANNELS.get(colours, 1) // 8)) if columns > 0 else 0
    inflater, found = zlib.decompressobj(), 0
    try:
        for rest in _pieces(chunks):
            while rest and not inflater.eof and found < needed:
                found += len(inflater.decompress(rest, _INFLATED))
                rest = inflater.unconsumed_tail
    except zlib.error:
        return
    if found < needed:
        raise ImageFault("truncated", f"{name}: truncated: {needed} bytes of pixels. Received: {found}")


def _pieces(chunks: list[memoryview]) -> Iterator[bytes]:
    """Yield the compressed pixels in pieces."""
    for chunk in chunks:
        if bytes(chunk[4:8]) == b"IDAT":
            body = chunk[8:-4]
            yield from (bytes(body[at : at + _PIECE]) for at in range(0, len(body), _PIECE))


def _png_chunks(data: bytes, name: str) -> Iterator[memoryview]:
    """Yield the chunks up to IEND; every check sum is compared."""
    position, view = _PNG_SIGNATURE_BYTES, memoryview(data)
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        chunk = view[position : position + 12 + length]
        if len(chunk) < 12 + length:
            break
        if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            raise ImageFault("broken", f"{name}: wrong check sum in PNG chunk {bytes(chunk[4:8])!r}")
        yield chunk
        if bytes(chunk[4:8]) == b"IEND":
            return
        position += len(chunk)
    raise ImageFault("truncated", f"{name}: the PNG lacks its end")
