"""Pictures of Pillow's formats to grey; whatever a parser raises is a fault of that file."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pipeline.files import channels, containers, jpeg, previews, unidentified, window
from pipeline.files.faults import ImageFault, Note
from pipeline.files.radiograph import FORMATS, Radiograph, check_memory, check_size
from pipeline.files.strips import Made, mapped, strips
from pipeline.types import UInt8Array

_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_DEEP_MODES = ("I", "F")
_JPEG_COLOURS = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_PNG_DEPTH, _PNG_GREY = 24, 0  # where a PNG says its depth; behind it, its kind of colours
_DEEP_CHANNEL_BYTES = 2
_WEBP_BYTES = 7  # the decoder's own four, and three
_ORIENTATION_TAG = 0x0112
_UPRIGHT: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).T,
    8: np.rot90,
}
TURNED = Note("exif_orientation", "turned upright as its EXIF says")
_opening = threading.Lock()


def decode(data: bytes, name: str, max_pixels: int) -> Radiograph:
    """Decode a picture of one of Pillow's formats; parameters and faults as `images.decode`."""
    with faults_of(name):
        image, notes = _open(data, name)
        file_format, mode = _format(image), image.mode
        check_size(image.height, image.width, max_pixels, name)
        check_memory(len(data), image.height * image.width, _held_bytes(image, data), max_pixels, name)
        beside = previews.of_frames(image, partial(_opened, data), name)
        if (extra := containers.trailing_bytes(data, file_format, name)) and not beside:
            notes.append(Note("trailing_bytes", f"{extra} bytes behind the end of the image"))
        shown, more = _shown(data, image, name)
        orientation, exif_notes = _orientation(image)
        pixels, departure, grey_notes = shown
        if pixels.shape != (image.height, image.width):
            raise ImageFault("broken", f"{name}: what is inside has another size than the header says")
        every = (*notes, *beside, *more, *exif_notes, *grey_notes)
        return Radiograph(upright(pixels, orientation), file_format, mode, every, departure)


def upright(pixels: UInt8Array, orientation: int) -> UInt8Array:
    """Turn and mirror by EXIF's orientation, 1 to 8; others leave the pixels as they are."""
    return np.ascontiguousarray(_UPRIGHT.get(orientation, np.asarray)(pixels))


@contextmanager
def faults_of(name: str, *, quoted: bool = True) -> Iterator[None]:
    """Make a fault of whatever parsers of hostile bytes run into.

    Parameters
    ----------
    quoted
        Whether their words may be told: those of DICOM's parser quote headers, which name patients.
    """
    try:
        yield
    except ImageFault:
        raise
    except MemoryError:
        raise ImageFault("too_large", f"{name}: there is not enough memory to decode it") from None
    except NameError:  # a slip of ours, which no file is to blame for
        raise
    except Exception as error:
        reason = "truncated" if "truncated" in str(error).lower() else "broken"
        words = f": {error}" if quoted else ""
        raise ImageFault(reason, f"{name}: {type(error).__name__}{words}") from error


def _open(data: bytes, name: str) -> tuple[Image.Image, list[Note]]:
    """Read a picture's header; a PNG whose profile or text is damaged or a bomb is read without them."""
    try:
        return _opened(data), []
    except UnidentifiedImageError:
        raise unidentified.fault(data, name) from None
    except (ValueError, SyntaxError, OSError) as error:
        if not data.startswith(b"\x89PNG"):
            raise
        note = Note("decoder_warning", f"profile and text were left out, since they are damaged: {error}")
        return _opened(containers.bare_png(data, name)), [note]


def _opened(data: bytes) -> Image.Image:
    """Open without Pillow's own limit, which holds for the process; `check_size` has the caller's."""
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(io.BytesIO(data), formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _format(image: Image.Image) -> str:
    """Name the format; a JPEG with smaller pictures behind it is one, and not Pillow's MPO."""
    return "JPEG" if image.format == "MPO" else str(image.format)


def _shown(data: bytes, image: Image.Image, name: str) -> tuple[channels.Shown, list[Note]]:
    notes: list[Note] = []
    if _format(image) == "JPEG" and image.mode in _JPEG_COLOURS:
        try:
            pixels, notes = jpeg.decode(data, _JPEG_COLOURS[image.mode], name)
        except jpeg.DecoderRefused as error:  # arithmetic coding, say
            notes = [Note("decoder_warning", f"read by a lenient decoder, as the strict one says: {error}")]
        else:
            if image.mode != "CMYK":
                return (pixels, 0.0, []) if image.mode == "L" else channels.of_colours(pixels), notes
    elif _is_deep_png(image, data):
        return _deep_png(data, name), notes
    elif image.format == "WEBP":
        return _webp(data, name), notes
    image.load()
    return _grey(image, name), notes


def _held_bytes(image: Image.Image, data: bytes) -> int:
    """Bytes a pixel that the decoder of `_shown` holds."""
    if image.format == "WEBP":
        return _WEBP_BYTES
    if _is_deep_png(image, data):
        return _DEEP_CHANNEL_BYTES * len(image.getbands())
    if image.mode.startswith(_DEEP_MODES):
        return 2 if image.mode.startswith("I;16") else 4
    return 1 if len(image.getbands()) == 1 else 4  # Pillow pads colours


def _is_deep_png(image: Image.Image, data: bytes) -> bool:
    return image.format == "PNG" and data[_PNG_DEPTH] == 16 and data[_PNG_DEPTH + 1] != _PNG_GREY


def _deep_png(data: bytes, name: str) -> channels.Shown:
    """Decode 16 bits a channel, of which Pillow keeps eight."""
    import imagecodecs  # an eighth of a second, which few folders need spend

    values = imagecodecs.png_decode(containers.bare_png(data, name))
    return channels.of_deep(values, values.shape[2] in (2, 4), name)


def _webp(data: bytes, name: str) -> channels.Shown:
    """Decode a WebP into a quarter of the memory that Pillow takes."""
    import imagecodecs

    values = imagecodecs.webp_decode(data)
    return channels.of_colours(values) if values.shape[2] == 3 else _grey(Image.fromarray(values), name)


def _orientation(image: Image.Image) -> tuple[int, list[Note]]:
    try:
        orientation = int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception as error:  # as in `faults_of`, but the picture itself is sound
        return 1, [Note("header_nonsense", f"the EXIF can't be read; shown as it is: {error}")]
    return orientation, [TURNED] if orientation in _UPRIGHT else []


def _rows(image: Image.Image, convert: Callable[[Image.Image], Image.Image], *depth: int) -> Made:
    """Rows of a Pillow image in another mode."""
    return Made(
        (image.height, image.width, *depth),
        lambda rows: np.asarray(convert(image.crop((0, rows.start, image.width, rows.stop)))),
    )


def _grey(image: Image.Image, name: str) -> channels.Shown:
    """Turn any of Pillow's modes into grey; transparent pixels show black, as the air around a limb does."""
    if image.mode.startswith(_DEEP_MODES):
        pixels, notes = window.grey(_rows(image, lambda part: part), name)
        return pixels, 0.0, notes
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return mapped(_rows(image, lambda part: part.convert("L")), np.asarray), 0.0, []
    if image.mode not in _ALPHA_MODES and "transparency" not in image.info:
        return channels.of_colours(_rows(image, lambda part: part.convert("RGB"), 3))
    pixels, departure, notes = channels.of_colours(_rows(image, _on_black, 3))
    return pixels, departure, [*_transparency(image, name), *notes]


def _on_black(part: Image.Image) -> Image.Image:
    part = part.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", part.size, "black"), part).convert("RGB")


def _transparency(image: Image.Image, name: str) -> list[Note]:
    alphas = _rows(image, lambda part: part.convert("RGBA").getchannel("A"))
    lows, highs = zip(*((int(part.min()), int(part.max())) for _, part in strips(alphas)), strict=True)
    if max(highs) == 0:
        raise ImageFault("fully_transparent", f"{name}: every pixel is transparent")
    return [channels.TRANSPARENCY] if min(lows) < 255 else []
