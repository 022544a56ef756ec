"""The only decoder and encoder: strict, by bytes and never by name, grey and upright.

A file is whole, or it is an `ImageFault` with a reason. A lenient decoder fills what a truncated
file lacks with flat grey, and a classifier learns the grey.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import replace
from pathlib import Path, PurePath

import cv2
import numpy as np

from pipeline import addresses
from pipeline.files import complaints, dicom, pictures, remote, tiff
from pipeline.files.faults import ImageFault, Note
from pipeline.files.limits import DEFAULTS
from pipeline.files.radiograph import Radiograph
from pipeline.types import UInt8Array

__all__ = [
    "ImageFault",
    "Radiograph",
    "begins",
    "decode",
    "encode_jpeg",
    "encode_png",
    "read",
    "read_again",
    "read_bytes",
    "write",
]

MAX_PIXELS = DEFAULTS.max_pixels
_WITHOUT_WAITING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
SUFFIXES = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".bmp": "BMP",
    ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".gif": "GIF", ".dcm": "DICOM", ".dicom": "DICOM",
}  # fmt: skip
_BEGINNINGS = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|BM.{4}\0{4}|RIFF.{4}WEBP", re.DOTALL)
_BEGINNING_BYTES = 4096


def read(path: Path, max_pixels: int = MAX_PIXELS) -> Radiograph:
    """Decode a file whole.

    Raises
    ------
    ImageFault
        The file cannot be read, or is no sound radiograph; see `read_bytes` and `decode`.
    """
    return decode(read_bytes(path), str(path), max_pixels)


def read_again(path: Path, sha256: str, max_pixels: int = MAX_PIXELS) -> Radiograph:
    """Decode a file that was read before; its bytes must still have that hash, unless it is empty.

    Raises
    ------
    ImageFault
        ``changed``, or as `read`.
    """
    data = read_bytes(path)
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise ImageFault("changed", f"{path}: its bytes are not those that were read before")
    return decode(data, str(path), max_pixels)


def begins(path: Path) -> bool:
    """Whether a file begins as a picture or as DICOM; one that cannot be read may be either."""
    try:
        with path.open("rb") as file:
            head = file.read(_BEGINNING_BYTES)
    except OSError:
        return True
    return _BEGINNINGS.match(head) is not None or tiff.is_tiff(head) or dicom.is_dicom(head)


def read_bytes(path: Path) -> bytes:
    """Read a file that is to be decoded; one that stands for an address is fetched first.

    Raises
    ------
    ImageFault
        ``too_large``, ``vanished``, ``not_a_file`` or ``unreadable``.
    """
    if addresses.of(path):
        return remote.read(path)
    try:
        with open(os.open(path, _WITHOUT_WAITING), "rb") as file:  # noqa: PTH123 - a pipe must not hang it
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ImageFault("not_a_file", f"{path}: a folder, pipe, socket or device; no file to read")
            if status.st_size > remote.MAX_BYTES:
                raise ImageFault("too_large", f"{path}: a file may hold at most {remote.MAX_BYTES} bytes")
            return file.read()
    except FileNotFoundError:
        raise ImageFault("vanished", f"{path}: not there any more, or a link to nothing") from None
    except OSError as error:
        raise ImageFault("unreadable", f"{path}: {error.strerror or error}") from error


def decode(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Radiograph:
    """Decode bytes whole, by what they are and not by how they are named.

    Parameters
    ----------
    data
        A JPEG, PNG, BMP, WebP, TIFF, GIF or DICOM file with one frame.
    name
        For messages; its suffix is compared with the format.
    max_pixels
        Refused before decoding when the header promises more.

    Raises
    ------
    ImageFault
        ``empty_file``, ``not_an_image``, ``too_large``, ``multi_frame``, ``truncated``, ``broken``,
        ``fully_transparent``, ``not_finite``, ``no_pixels``, ``not_a_radiograph`` (a DICOM file of
        another modality) or ``no_decoder``.
    """
    if not data:
        raise ImageFault("empty_file", f"{name}: the file holds no bytes")
    with complaints.heard() as said:
        decoded = _decode(data, name, max_pixels)
    notes = tuple(dict.fromkeys((*decoded.notes, *complaints.notes(said))))
    suffix = PurePath(name).suffix.lower()
    if SUFFIXES.get(suffix, decoded.format) != decoded.format:
        notes = (Note("extension_mismatch", f"named {suffix}, and of the format {decoded.format}"), *notes)
    return replace(decoded, notes=notes)


def encode_png(pixels: UInt8Array) -> bytes:
    """Encode uint8 pixels, (height_px, width_px) grey or (height_px, width_px, 3) RGB, without loss."""
    return _encode(".png", pixels, [])


def encode_jpeg(pixels: UInt8Array, quality: int = 85) -> bytes:
    """Encode uint8 pixels, (height_px, width_px) grey or (height_px, width_px, 3) RGB, quality 1 to 100."""
    return _encode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])


def write(path: Path, pixels: UInt8Array) -> None:
    """Write grey or RGB pixels as ``.png`` or ``.jpg``, by the path's suffix."""
    encoders = {".png": encode_png, ".jpg": encode_jpeg}
    if path.suffix not in encoders:
        raise ValueError(f"an image is written as .png or .jpg. Received: {path}")
    path.write_bytes(encoders[path.suffix](pixels))


def _decode(data: bytes, name: str, max_pixels: int) -> Radiograph:
    if dicom.is_dicom(data):
        return dicom.decode(data, name, max_pixels)
    if tiff.is_tiff(data):
        return tiff.decode(data, name, max_pixels)
    return pictures.decode(data, name, max_pixels)


def _encode(suffix: str, pixels: UInt8Array, options: list[int]) -> bytes:
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise ValueError(
            "pixels must be uint8, (height_px, width_px) or (height_px, width_px, 3). "
            f"Received: {pixels.dtype}, {pixels.shape}"
        )
    swapped = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[:, :, ::-1])
    done, encoded = cv2.imencode(suffix, swapped, options)
    if not done:
        raise ValueError(f"{suffix} cannot hold an image of this size. Received: {pixels.shape}")
    return encoded.tobytes()
