"""A decoded radiograph, and what can be said of it."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.files.faults import ImageFault, Note
from pipeline.types import UInt8Array

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF")  # beside DICOM
_BYTES_A_PIXEL = 6  # of the file, its stored values and the grey pixels
_SMALL_BYTES = 2**22


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
        What was odd, and what was done about it; their codes stand in `faults.MEANINGS`.
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


def check_size(height: int, width: int, max_pixels: int, name: str) -> None:
    """Refuse a picture before it is decoded.

    Raises
    ------
    ImageFault
        ``too_large``, or ``broken`` where a side is nothing.
    """
    if min(height, width) < 1:
        raise ImageFault("broken", f"{name}: both sides need a pixel. Received: {width} x {height}")
    if height * width > max_pixels:
        raise ImageFault("too_large", f"{name}: at most {max_pixels} pixels. Received: {width} x {height}")


def check_memory(n_bytes: int, n_pixels: int, bytes_a_pixel: int, max_pixels: int, name: str) -> None:
    """Refuse a picture that would take more than six bytes for each allowed pixel.

    A file of ``n_bytes`` says that it holds ``n_pixels``, for each of which its decoder holds
    ``bytes_a_pixel``.

    Raises
    ------
    ImageFault
        ``too_large``.
    """
    if n_bytes + n_pixels * (bytes_a_pixel + 1) > _BYTES_A_PIXEL * max_pixels + _SMALL_BYTES:
        taken = f"{n_pixels} pixels of {bytes_a_pixel} bytes"
        raise ImageFault("too_large", f"{name}: its {taken} take more memory than {max_pixels} may")
