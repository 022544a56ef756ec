"""How a radiograph's stored values become grey, taken over into a presentation state.

A viewer that applies a presentation state ignores what the image itself says of this: so the state says it.
https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.11.8.html
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.valuerep import DSfloat

from pipeline.files.dicom_header import Header

_GREYS = ("MONOCHROME1", "MONOCHROME2")
_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing")
_LUT_LENGTH, _LUT_BITS = 3, range(8, 17)


class Display(NamedTuple):
    """How one radiograph is displayed.

    Attributes
    ----------
    is_colour
        Whether its pixels are colours.
    is_negative
        Whether its smallest value is white (MONOCHROME1).
    modality, voi
        Elements of the two modules; empty where the header has none that makes sense.
    area
        Size of a pixel, or its shape.
    """

    is_colour: bool
    is_negative: bool
    modality: Dataset
    voi: Dataset
    area: Dataset

    @property
    def key(self) -> tuple[bool, bool, str]:
        """What one presentation state can say only once, of all its images."""
        return self.is_colour, self.is_negative, self.modality.to_json()


def read(header: Header) -> Display:
    """Read it from a header; what makes no sense is left out."""
    photometric = header.photometric()
    is_colour = photometric not in _GREYS
    modality, voi = (Dataset(), Dataset()) if is_colour else (_modality(header), _voi(header))
    return Display(is_colour, photometric == "MONOCHROME1", modality, voi, _area(header))


def _modality(header: Header) -> Dataset:
    found = Dataset()
    if (table := _table(header, "ModalityLUTSequence")) is not None:
        table.ModalityLUTType = "US"
        found.ModalityLUTSequence = [table]
        return found
    slope, intercept = header.number("RescaleSlope"), header.number("RescaleIntercept")
    if slope and intercept is not None:
        found.RescaleIntercept, found.RescaleSlope = _decimal(intercept), _decimal(slope)
        found.RescaleType = "US"
    return found


def _voi(header: Header) -> Dataset:
    found = Dataset()
    if (table := _table(header, "VOILUTSequence")) is not None:
        found.VOILUTSequence = [table]
        return found
    center, width = header.number("WindowCenter"), header.number("WindowWidth")
    function = header.text("VOILUTFunction") or "LINEAR"
    if center is None or width is None or width <= 0:
        return found
    function = "LINEAR_EXACT" if function == "LINEAR" and width < 1 else function
    found.WindowCenter, found.WindowWidth = _decimal(center), _decimal(width)
    if function in _FUNCTIONS[1:]:
        found.VOILUTFunction = function
    return found


def _table(header: Header, keyword: str) -> Dataset | None:
    if (item := header.item(keyword)) is None:
        return None
    descriptor = [int(value) for value in item.numbers("LUTDescriptor")]
    entries = item.bytes_or_numbers("LUTData")
    data = entries if isinstance(entries, bytes) else np.array(entries, "<u2").tobytes()
    is_whole = len(descriptor) == _LUT_LENGTH and len(data) in _lengths(descriptor[0])
    if not is_whole or descriptor[2] not in _LUT_BITS:
        return None
    table = Dataset()
    table.add(DataElement("LUTDescriptor", "SS" if descriptor[1] < 0 else "US", descriptor))
    table.add(DataElement("LUTData", "OW", data))
    return table


def _lengths(entries: int) -> tuple[int, int]:
    """Bytes that a table of so many entries may take, of 8 or 16 bits each; 0 stands for 65,536."""
    n_entries = entries % 2**16 or 2**16
    return n_entries + n_entries % 2, 2 * n_entries


def _area(header: Header) -> Dataset:
    """Say how large a pixel is, or how wide, so that a viewer measures and draws it as before."""
    found = Dataset()
    for keyword in _SPACINGS:
        spacing = header.numbers(keyword)
        if len(spacing) == 2 and min(spacing) > 0:
            found.PresentationPixelSpacing = [_decimal(side) for side in spacing]
            return found
    shape = header.numbers("PixelAspectRatio")
    is_sound = len(shape) == 2 and min(shape) >= 1
    found.PresentationPixelAspectRatio = [int(side) for side in shape] if is_sound else [1, 1]
    return found


def _decimal(value: float) -> DSfloat:
    return DSfloat(value, auto_format=True)
