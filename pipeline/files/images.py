"""The only decoder and encoder: strict, by bytes and never by name, grey and upright.

A file is whole, or it is an `ImageFault` with a reason. A lenient decoder fills what a truncated
file lacks with flat grey, and a classifier learns the grey.
"""

from __future__ import annotations

import io
import stat
import warnings
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.files import colour, containers, dicom
from pipeline.files.faults import ImageFault, Note
from pipeline.types import Float64Array, UInt8Array

__all__ = [
    "ImageFault",
    "Radiograph",
    "decode",
    "encode_jpeg",
    "encode_png",
    "read",
    "read_bytes",
    "size_px",
    "write",
]

MAX_PIXELS = 100_000_000
_MAX_BYTES = 2**30
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF")
_SUFFIXES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".gif": "GIF",
    ".dcm": "DICOM",
    ".dicom": "DICOM",
}
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_DEEP_MODES = ("I", "F")
_ORIENTATION_TAG = 0x0112
_WINDOW_PERCENTILES = (0.5, 99.5)
_DETAILS = {
    "extension_mismatch": "the name's extension is not what the bytes are",
    "trailing_bytes": "bytes behind the end of the image",
    "transparency": "transparent pixels, shown as black",
    "colour_marks": "strongly coloured pixels on a grey radiograph: an arrow, a circle, a stamp",
    "colour": "a colour picture, perhaps no radiograph",
    "exif_orientation": "turned upright as its EXIF says",
    "windowed": "more than 8 bits, windowed between two percentiles",
    "decoder_warning": "the decoder complained",
}

# `decode` compares the header's size with its caller's limit before any pixel is decoded.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class Radiograph:
    """One decoded radiograph.

    Attributes
    ----------
    pixels
        uint8, shape (height_px, width_px): grey, upright by its EXIF, higher is brighter.
    format
        What the bytes are: ``JPEG``, ``PNG``, ``BMP``, ``WEBP``, ``TIFF``, ``GIF`` or ``DICOM``.
    mode
        The file's pixel mode in Pillow's terms, or DICOM's photometric interpretation.
    notes
        What was odd and was put right: ``extension_mismatch``, ``trailing_bytes``, ``transparency``,
        ``colour_marks``, ``colour``, ``exif_orientation``, ``windowed`` (more than 8 bits),
        ``decoder_warning``.
    colour
        How far its colours depart from a tint, 0 to 128; see `colour.departure`.
    """

    pixels: UInt8Array
    format: str
    mode: str
    notes: tuple[Note, ...]
    colour: float = 0.0

    @property
    def codes(self) -> tuple[str, ...]:
        """The notes' codes."""
        return tuple(note.code for note in self.notes)


def read(path: Path, max_pixels: int = MAX_PIXELS) -> Radiograph:
    """Decode a file whole.

    Raises
    ------
    ImageFault
        The file cannot be read, or is no sound radiograph; see `read_bytes` and `decode`.
    """
    return decode(read_bytes(path), str(path), max_pixels)


def read_bytes(path: Path) -> bytes:
    """Read a file that is to be decoded.

    Raises
    ------
    ImageFault
        ``too_large``, ``vanished``, ``not_a_file`` or ``unreadable``.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for
            raise ImageFault("not_a_file", f"{path}: a folder, pipe, socket or device; no file to read")
        if status.st_size > _MAX_BYTES:
            raise ImageFault("too_large", f"{path}: a file may hold at most {_MAX_BYTES} bytes")
        return path.read_bytes()
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
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        if dicom.is_dicom(data):
            decoded = _decode_dicom(data, name, max_pixels)
        else:
            decoded = _decode_picture(data, name, max_pixels)
    notes = decoded.notes
    if complaints:
        notes = (*notes, _note("decoder_warning"))
    if _SUFFIXES.get(PurePath(name).suffix.lower(), decoded.format) != decoded.format:
        notes = (_note("extension_mismatch"), *notes)
    return replace(decoded, notes=notes)


def size_px(path: Path) -> tuple[int, int]:
    """Height and width by a picture's header; `ImageFault` where there is none."""
    image = _open(read_bytes(path), str(path))
    return image.height, image.width


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


def _decode_picture(data: bytes, name: str, max_pixels: int) -> Radiograph:
    image = _open(data, name)
    file_format, mode = str(image.format), image.mode
    if image.width * image.height > max_pixels:
        raise ImageFault(
            "too_large", f"{name}: at most {max_pixels} pixels. Received: {image.width} x {image.height}"
        )
    if (n_frames := getattr(image, "n_frames", 1)) > 1:
        raise ImageFault("multi_frame", f"{name}: one frame a file. Received: {n_frames}")
    codes = ["trailing_bytes"] if containers.trailing_bytes(data, file_format, name) else []
    image = _load(image, name)
    if image.getexif().get(_ORIENTATION_TAG, 1) in range(2, 9):
        codes.append("exif_orientation")
        image = ImageOps.exif_transpose(image)
    pixels, grey_codes, departure = _grey(image, name)
    notes = tuple(_note(code) for code in (*codes, *grey_codes))
    return Radiograph(pixels, file_format, mode, notes, departure)


def _note(code: str) -> Note:
    return Note(code, _DETAILS[code])


def _open(data: bytes, name: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        allowed = ", ".join((*_FORMATS, "DICOM"))
        raise ImageFault("not_an_image", f"{name}: the bytes are none of {allowed}") from None
    except Exception as error:  # decoders raise whatever their parsing of hostile bytes runs into
        raise ImageFault("broken", f"{name}: {error}") from error


def _load(image: Image.Image, name: str) -> Image.Image:
    try:
        image.load()
    except Exception as error:  # as above
        reason = "truncated" if "truncated" in str(error).lower() else "broken"
        raise ImageFault(reason, f"{name}: {error}") from error
    return image


def _grey(image: Image.Image, name: str) -> tuple[UInt8Array, list[str], float]:
    """Turn any of Pillow's modes into grey; transparent pixels show black, as the air around a limb does."""
    if image.mode.startswith(_DEEP_MODES):
        return _window(np.asarray(image, dtype=np.float64), name), ["windowed"], 0.0
    codes: list[str] = []
    departure = 0.0
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        image = image.convert("RGBA")
        low, high = image.getchannel("A").getextrema()
        if high == 0:
            raise ImageFault("fully_transparent", f"{name}: every pixel is transparent")
        if low < 255:  # type: ignore[operator]
            codes.append("transparency")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    if image.mode not in ("1", "L"):
        image = image if image.mode == "RGB" else image.convert("RGB")
        rgb = np.asarray(image)
        codes += colour.codes(rgb)
        departure = colour.departure(rgb)
    return _pixels(image if image.mode == "L" else image.convert("L")), codes, departure


def _pixels(image: Image.Image) -> UInt8Array:
    """Copy an image of mode ``L`` once; `numpy.array` would do so four times, through strings of bytes."""
    pixels = np.empty((image.height, image.width), np.uint8)
    Image.fromarray(pixels).im.paste(image.im, (0, 0, *image.size))  # into the array's own memory
    return pixels


def _decode_dicom(data: bytes, name: str, max_pixels: int) -> Radiograph:
    values, mode = dicom.decode(data, name, max_pixels)
    if values.ndim == 3:
        rgb = values.astype(np.uint8)
        grey = np.array(Image.fromarray(rgb).convert("L"))
        return Radiograph(grey, "DICOM", mode, (), colour.departure(rgb))
    return Radiograph(_window(values, name), "DICOM", mode, (_note("windowed"),))


def _window(values: Float64Array, name: str) -> UInt8Array:
    """Map the bulk of the values to 0..255, so that 12 bits in 16 do not read as black."""
    if not np.isfinite(values).all():
        raise ImageFault("not_finite", f"{name}: every pixel must be a finite number")
    low, high = np.percentile(values, _WINDOW_PERCENTILES)
    if high <= low:  # nearly all pixels are equal: show what differs
        low, high = float(values.min()), float(values.max())
    share = (values - low) / max(high - low, np.finfo(np.float64).tiny)
    pixels: UInt8Array = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
    return pixels


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
