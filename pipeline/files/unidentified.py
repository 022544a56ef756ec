"""What bytes are that no decoder opens: named, so that its owner knows what to save it as."""

from __future__ import annotations

import re

from pipeline.files import containers, jpeg
from pipeline.files.faults import ImageFault
from pipeline.files.radiograph import FORMATS

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_KINDS = {
    rb"\x89PNG": "a PNG that was changed on its way, as by a transfer in text mode",
    rb"....ftyp(avi[fs])": "AVIF",
    rb"....ftyp(hei|hev|mif|msf)": "HEIC, as telephones write it",
    rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51": "JPEG 2000",
    rb"\xff\x0a|\0\0\0\x0cJXL ": "JPEG XL",
    rb"P[1-7]\s": "a portable bitmap (PBM, PGM, PPM)",
    rb"%PDF": "a PDF",
    rb"PK[\3\5]|Rar!|7z\xbc\xaf|\x1f\x8b|BZh|\xfd7zXZ": "an archive; unpack it",
    rb"version https://git-lfs": "a pointer of Git LFS; fetch the file itself with `git lfs pull`",
    rb"\s*(<!doctype|<html|<\?xml|<svg)": "HTML, SVG or XML",
    rb"[\t\n\r\x20-\x7e]+$": "text",
}  # fmt: skip
_LOOKED_AT, _SEARCHED = 512, 2**20  # bytes: for signs, and for the header of a JPEG


def fault(data: bytes, name: str) -> ImageFault:
    """Say why bytes that are not empty could not be opened.

    Returns
    -------
    ImageFault
        ``no_decoder`` or ``broken`` for a JPEG, PNG or TIFF, else ``not_an_image``.
    """
    if data.startswith(_JPEG) and (headers := jpeg.frames(data[:_SEARCHED])):
        inside = headers[0]
        return ImageFault(
            "no_decoder",
            f"{name}: a JPEG of {inside.bits} bits, process {inside.process:#x}, {inside.width} x "
            f"{inside.height} pixels. Save it as PNG or DICOM",
        )
    if data.startswith(_TIFF):
        return ImageFault("no_decoder", f"{name}: a TIFF of unusual channels or compression. Save it as PNG")
    if data.startswith(_PNG):
        try:
            containers.bare_png(data, name)
        except ImageFault as damage:
            return damage
        return ImageFault("broken", f"{name}: the header of the PNG makes no sense")
    head = data[:_LOOKED_AT]
    kinds = (kind for signs, kind in _KINDS.items() if re.match(signs, head, re.IGNORECASE | re.DOTALL))
    received = next(kinds, f"bytes that begin with {head[:8].hex(' ')}")
    allowed = ", ".join((*FORMATS, "DICOM"))
    return ImageFault("not_an_image", f"{name}: the bytes are none of {allowed}. Received: {received}")
