"""Small changes of a file's bytes: anywhere, and in the fields that each format's reader trusts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from random import Random

_NUMBERS = (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 127, 128, 255, 256, 4095, 20000, 32767, 32768, 65535, 65536,
            99999, 2**31 - 1, 2**31, 2**32 - 1)  # fmt: skip
_TEXTS = (b"", b"0", b"-1", b"1,5", b"1e400", b"NaN", b"inf", b"1\\2", b"\\", b"many", b"2\\", b"  ", b"-0.0",
          b"9" * 20, b"\xff\xfe", b"YBR_FULL_422", b"YBR_RCT", b"YBR_ICT", b"PALETTE COLOR", b"MONOCHROME1",
          b"RGB",
          b"LINEAR_EXACT", b"SIGMOID", b"1.2.840.10008.1.2.4.70", b"1.2.3.4")  # fmt: skip
_VRS = (
    b"US",
    b"SS",
    b"OW",
    b"OB",
    b"DS",
    b"IS",
    b"LO",
    b"SQ",
    b"UN",
    b"FL",
    b"FD",
    b"AT",
    b"CS",
    b"UI",
    b"PN",
    b"??",
)
_LONG_VRS = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_PNG_CHUNKS = (b"tRNS", b"acTL", b"eXIf", b"iCCP", b"zTXt", b"PLTE")
_TIFF_TAGS = (258, 259, 262, 274, 277, 284, 317, 320, 330, 338, 339, 347)
_PIXEL_TAGS = (0x0028, 0x7FE0)

Mutate = Callable[[bytes, Random], bytes]


def mutate(data: bytes, random: Random) -> bytes:
    """Change one to four places: by format where it is known, anywhere else."""
    for _ in range(random.choice((1, 1, 2, 4))):
        by_format = next((change for magic, change in _BY_FORMAT if magic(data)), anywhere)
        data = random.choice((by_format, by_format, anywhere))(data, random)
    return data


def anywhere(data: bytes, random: Random) -> bytes:
    """Flip, overwrite, insert, cut, repeat."""
    if not data:
        return random.randbytes(random.randrange(64))
    start = random.randrange(len(data))
    size = min(len(data) - start, random.choice((1, 2, 4, 8, 32, 300)))
    head, piece, tail = data[:start], data[start : start + size], data[start + size :]
    changes = (
        lambda: head + bytes([piece[0] ^ 1 << random.randrange(8)]) + piece[1:] + tail,
        lambda: head + random.randbytes(size) + tail,
        lambda: head + _number(size, random) + tail,
        lambda: head + tail,
        lambda: head + piece * random.choice((2, 3, 50)) + tail,
        lambda: head,
        lambda: head + random.choice(_TEXTS) + piece + tail,
    )
    return random.choice(changes)()


def png(data: bytes, random: Random) -> bytes:
    """Change a chunk, and write the check sum that it then has."""
    chunks, position = [], 8
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        chunks.append((data[position + 4 : position + 8], data[position + 8 : end - 4]))
        position = end
    if not chunks:
        return anywhere(data, random)
    place = random.randrange(len(chunks))
    name, body = chunks[place]
    changes = (
        lambda: chunks.__setitem__(place, (name, anywhere(body, random))),
        lambda: chunks.__setitem__(place, (random.choice(chunks)[0], body)),
        lambda: chunks.insert(random.randrange(len(chunks)), (name, body)),
        lambda: chunks.insert(1, (random.choice(_PNG_CHUNKS), anywhere(body, random))),
        lambda: chunks.pop(place),
        lambda: chunks.__setitem__(place, (name, _pixels_changed(body, random))),
    )  # fmt: skip
    random.choice(changes)()
    return data[:8] + b"".join(_chunk(*chunk) for chunk in chunks)


def tiff(data: bytes, random: Random) -> bytes:
    """Change one entry of the first directory: its tag, type, count or value."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        entry = start + 2 + 12 * random.randrange(count)
        tag, kind, number, value = struct.unpack_from(f"{order}HHII", data, entry)
    except (struct.error, ValueError):
        return anywhere(data, random)
    changed = random.choice((
        (random.choice((tag ^ 1, *_TIFF_TAGS)), kind, number, value),
        (tag, random.randrange(19), number, value),
        (tag, kind, random.choice(_NUMBERS), value),
        (tag, kind, number, random.choice(_NUMBERS)),
        (tag, kind, number, random.choice((value ^ 1, value + 1 & 0xFFFFFFFF, value << 16 & 0xFFFFFFFF))),
    ))  # fmt: skip
    return data[:entry] + struct.pack(f"{order}HHII", *changed) + data[entry + 12 :]


def dicom(data: bytes, random: Random) -> bytes:
    """Change one element of an explicit, little-endian file: its value, type or place."""
    elements = _elements(data)
    if len(elements) < 2:
        return anywhere(data, random)
    wanted = [place for place, element in enumerate(elements) if element[0] in _PIXEL_TAGS]
    place = random.choice(wanted or [0]) if random.random() < 0.8 else random.randrange(len(elements))
    group, element, vr, value = elements[place]
    changes = (
        lambda: elements.__setitem__(place, (group, element, vr, _value(vr, value, random))),
        lambda: elements.__setitem__(place, (group, element, vr, _value(vr, value, random))),
        lambda: elements.__setitem__(place, (group, element, random.choice(_VRS), value)),
        lambda: elements.__setitem__(place, (group, element, vr, anywhere(value, random))),
        lambda: elements.__setitem__(place, (group, element, vr, b"")),
        lambda: elements.pop(place),
        lambda: elements.insert(place, (0x0028, *random.choice(_ODD_ELEMENTS), random.choice(_TEXTS))),
    )
    random.choice(changes)()
    return data[:132] + b"".join(map(_element, elements))


_ODD_ELEMENTS = (
    (0x0008, b"IS"), (0x1050, b"DS"), (0x1051, b"DS"), (0x1052, b"DS"), (0x1053, b"DS"), (0x1056, b"CS"),
    (0x0120, b"US"), (0x0121, b"US"), (0x0034, b"IS"), (0x0006, b"US"), (0x1101, b"US"), (0x1201, b"OW"),
    (0x0004, b"CS"), (0x0002, b"US"), (0x3000, b"SQ"), (0x3010, b"SQ"), (0x1054, b"LO"), (0x2110, b"CS"),
)  # fmt: skip


def _elements(data: bytes) -> list[tuple[int, int, bytes, bytes]]:
    """Top-level elements up to the pixels: group, element, type, value."""
    found, position = [], 132
    while position + 8 <= len(data):
        group, element = struct.unpack_from("<HH", data, position)
        vr = data[position + 4 : position + 6]
        head, form = (12, "<I") if vr in _LONG_VRS else (8, "<H")
        if not vr.isalpha() or position + head > len(data):
            break
        (size,) = struct.unpack_from(form, data, position + head - struct.calcsize(form))
        end = len(data) if size == 0xFFFFFFFF else position + head + size
        found.append((group, element, vr, data[position + head : end]))
        position = end
    return found


def _element(element: tuple[int, int, bytes, bytes]) -> bytes:
    group, number, vr, value = element
    value += b"\0" * (len(value) % 2)
    encapsulated = group == 0x7FE0 and value[:4] == b"\xfe\xff\x00\xe0"
    if vr in _LONG_VRS:
        size = 0xFFFFFFFF if encapsulated else len(value)
        return struct.pack("<HH2sHI", group, number, vr, 0, size) + value
    return struct.pack("<HH2sH", group, number, vr, len(value) & 0xFFFF) + value[:65535]


def _value(vr: bytes, value: bytes, random: Random) -> bytes:
    if vr in (b"US", b"SS"):
        return b"".join(_number(2, random) for _ in range(random.choice((1, 1, 2, 3))))
    if vr in (b"OW", b"OB", b"UN", b"SQ", b"FL", b"FD", b"AT"):
        return anywhere(value, random)
    return random.choice(_TEXTS)


def _number(size: int, random: Random) -> bytes:
    order = random.choice(("little", "big"))
    return (random.choice(_NUMBERS) % 2 ** (8 * size)).to_bytes(size, order)


def _chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def _pixels_changed(body: bytes, random: Random) -> bytes:
    try:
        return zlib.compress(anywhere(zlib.decompress(body), random))
    except zlib.error:
        return anywhere(body, random)


_BY_FORMAT: tuple[tuple[Callable[[bytes], bool], Mutate], ...] = (
    (lambda data: data.startswith(b"\x89PNG"), png),
    (lambda data: data[:4] in (b"II*\0", b"MM\0*"), tiff),
    (lambda data: data[128:132] == b"DICM", dicom),
)
