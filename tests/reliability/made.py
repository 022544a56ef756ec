"""Radiographs of noise, and what goes wrong with files of them: rows 1 to 15 and 28 of the matrix."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
import pydicom
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless

from pipeline.types import UInt8Array

SIDES_PX = (200, 160)


def radiograph(seed: int) -> UInt8Array:
    """Smooth noise, (200, 160), of which no two are copies."""
    rng = np.random.default_rng(seed)
    smooth = cv2.resize(
        rng.normal(size=(10, 8)).astype(np.float32), SIDES_PX[::-1], interpolation=cv2.INTER_CUBIC
    )
    return np.clip(110 + 50 * smooth + rng.normal(0, 2, SIDES_PX), 0, 255).astype(np.uint8)


class Kind(NamedTuple):
    """A row of the matrix, a file, and its verdict: a reason to refuse it, or a note on one in use."""

    row: int
    name: str
    make: Callable[[UInt8Array], bytes]
    reason: str = ""
    note: str = ""
    seen: str = ""  # where the page should say more than "as expected"


def saved(pixels: UInt8Array | Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def jpeg(pixels: UInt8Array) -> bytes:
    return saved(pixels, "JPEG", quality=90)


def png(pixels: UInt8Array) -> bytes:
    return saved(pixels, "PNG")


def flipped(data: bytes, position: int, bits: int = 1) -> bytes:
    return data[:position] + bytes([data[position] ^ bits]) + data[position + 1 :]


def huffman_flipped(pixels: UInt8Array) -> bytes:
    return flipped(data := jpeg(pixels), data.index(b"\xff\xc4") + 6, 0x80)


def check_sum_flipped(pixels: UInt8Array) -> bytes:
    return flipped(data := png(pixels), data.index(b"IEND") - 6)


def header_of(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels, and holds none."""
    parts = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"")))
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (*parts, (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def frames(file_format: str) -> Callable[[UInt8Array], bytes]:
    return lambda pixels: saved(
        pixels, file_format, save_all=True, append_images=[Image.fromarray(255 - pixels)]
    )


def turned(orientation: int) -> Callable[[UInt8Array], bytes]:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return lambda pixels: saved(pixels, "JPEG", quality=90, exif=exif)


def with_alpha(alpha: int, mode: str) -> Callable[[UInt8Array], bytes]:
    def make(pixels: UInt8Array) -> bytes:
        image = Image.fromarray(pixels).convert(mode)
        image.putalpha(Image.new("L", image.size, alpha))
        return saved(image, "PNG")

    return make


def deep(bits: int) -> Callable[[UInt8Array], bytes]:
    return lambda pixels: saved(Image.fromarray(pixels.astype(np.uint16) << (bits - 8)), "PNG")


def banded(pixels: UInt8Array) -> bytes:
    filled = pixels.copy()
    filled[-16:] = 128
    return png(filled)


def not_finite(pixels: UInt8Array) -> bytes:
    values = pixels.astype(np.float32)
    values[3, 4] = np.nan
    return saved(Image.fromarray(values), "TIFF")


def dicom(**tags: Any) -> Callable[[UInt8Array], bytes]:
    """A DICOM file of 12 bits; a tag that is None is left out."""

    def make(pixels: UInt8Array) -> bytes:
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = tags.get("syntax", ExplicitVRLittleEndian)
        dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3"
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
        dataset.PixelRepresentation = 0
        dataset.PixelData = (pixels.astype(np.uint16) << 4).tobytes() * tags.get("NumberOfFrames", 1)
        for name, value in tags.items():
            if value is None:
                delattr(dataset, name)
            elif name != "syntax":
                setattr(dataset, name, value)
        if "syntax" in tags:
            dataset["PixelData"].is_undefined_length = True
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    return make


_UNKNOWN = pydicom.encaps.encapsulate([b"\xff\xd8 no decoder \xff\xd9"])
_FORMATS = {"PNG": {}, "BMP": {}, "WEBP": {"lossless": True}, "TIFF": {}, "GIF": {}}

KINDS = [
    Kind(1, "cut by 2 bytes.jpg", lambda p: jpeg(p)[:-2], "truncated"),
    Kind(1, "cut by a tenth.jpg", lambda p: jpeg(p)[: len(jpeg(p)) * 9 // 10], "truncated"),
    Kind(1, "cut by half.jpg", lambda p: jpeg(p)[: len(jpeg(p)) // 2], "truncated"),
    Kind(2, "bit flip.jpg", huffman_flipped, "broken"),
    Kind(2, "check sum.png", check_sum_flipped, "broken"),
    Kind(3, "no bytes.jpg", lambda p: b"", "empty_file"),
    Kind(3, "NULs.jpg", lambda p: bytes(4096), "not_an_image"),
    Kind(3, "header alone.jpg", lambda p: jpeg(p)[:20], "not_an_image"),
    Kind(4, "page.jpg", lambda p: b"<!DOCTYPE html><html><body>404</body></html>", "not_an_image"),
    Kind(4, "drawing.jpg", lambda p: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not_an_image"),
    Kind(4, "text.jpg", lambda p: b"see the other folder\n", "not_an_image"),
    *(
        Kind(5, f"{name} named.jpg", lambda p, n=name, o=options: saved(p, n, **o), note="extension_mismatch")
        for name, options in _FORMATS.items()
    ),
    Kind(5, "JPEG named.png", jpeg, note="extension_mismatch"),
    Kind(6, "more behind.jpg", lambda p: jpeg(p) + b"more", note="trailing_bytes"),
    Kind(7, "1 bit.png", lambda p: saved(Image.fromarray(p).convert("1"), "PNG"), "drawing",
         seen="1 bit is decoded, then left out: two grey levels look like a drawing"),
    Kind(7, "palette.png", lambda p: saved(Image.fromarray(p).convert("P"), "PNG")),
    Kind(7, "LA.png", with_alpha(255, "L")),
    Kind(7, "RGBA.png", with_alpha(255, "RGB")),
    Kind(8, "transparent.png", with_alpha(0, "RGB"), "fully_transparent"),
    Kind(9, "CMYK.tif", lambda p: saved(Image.fromarray(p).convert("CMYK"), "TIFF")),
    Kind(9, "CMYK.jpg", lambda p: saved(Image.fromarray(p).convert("CMYK"), "JPEG", quality=95)),
    Kind(10, "16 bits.png", deep(16), note="windowed"),
    Kind(10, "12 in 16 bits.png", deep(12), note="windowed"),
    *(Kind(11, f"orientation {o}.jpg", turned(o), note="exif_orientation") for o in range(2, 9)),
    Kind(12, "frames.gif", frames("GIF"), "multi_frame"),
    Kind(12, "frames.png", frames("PNG"), "multi_frame"),
    Kind(12, "pages.tif", frames("TIFF"), "multi_frame"),
    Kind(13, "30000 x 30000.png", lambda p: header_of(30_000, 30_000), "too_large"),
    Kind(13, "forged.png", lambda p: header_of(2_000_000, 2_000_000), "too_large"),
    Kind(14, "1 x 1.png", lambda p: png(p[:1, :1]), "too_small"),
    Kind(14, "5000 x 2.png", lambda p: png(np.tile(p[:2], (1, 32))), "too_small"),
    Kind(14, "black.png", lambda p: png(p * 0), "blank"),
    Kind(14, "grey band.png", banded, note="grey_band"),
    Kind(15, "NaN.tif", not_finite, "not_finite"),
    Kind(28, "MONOCHROME1.dcm", dicom(PhotometricInterpretation="MONOCHROME1"), note="windowed"),
    Kind(28, "window.dcm", dicom(WindowCenter=2000, WindowWidth=3000), note="windowed"),
    Kind(28, "frames.dcm", dicom(NumberOfFrames=2), "multi_frame"),
    Kind(28, "no pixels.dcm", dicom(PixelData=None), "no_pixels"),
    Kind(28, "no decoder.dcm", dicom(syntax=JPEGLSLossless, PixelData=_UNKNOWN), "no_decoder"),
]  # fmt: skip
