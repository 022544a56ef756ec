"""DICOM files to values, in the order of the standard: modality, value of interest, polarity."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.files.faults import ImageFault

_PREAMBLE_BYTES = 128
# What is certainly no projection of X-rays. `OT` and what is unknown may be one; dental films (IO, PX) are.
_OTHER_MODALITIES = {
    "CT", "MR", "US", "NM", "PT", "IVUS", "OCT", "ES", "GM", "SM", "XC", "OP", "OPT", "OAM", "BDUS",
    "ECG", "EPS", "HD", "SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "SR", "DOC",
}  # fmt: skip


def is_dicom(data: bytes) -> bool:
    """Recognise a DICOM file by its magic word."""
    return data[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] == b"DICM"


def decode(data: bytes, name: str, max_pixels: int) -> tuple[NDArray[np.float64], str]:
    """Decode one frame, higher is brighter.

    Returns
    -------
    values : ndarray of float64
        Shape (height_px, width_px), or (height_px, width_px, 3) RGB in 0..255.
    photometric : str
        The photometric interpretation.

    Raises
    ------
    ImageFault
        ``broken``, ``no_pixels``, ``not_a_radiograph`` (by its modality), ``multi_frame``, ``too_large``,
        ``no_decoder`` or ``truncated``.
    """
    import pydicom  # a tenth of a second, which no folder of JPEG need spend
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut, convert_color_space

    try:
        dataset = pydicom.dcmread(io.BytesIO(data))
    except Exception as error:  # parsers raise whatever hostile bytes run them into
        raise ImageFault("broken", f"{name}: {error}") from error
    photometric = _check(dataset, name, max_pixels)
    stored = _stored_values(dataset, name)
    if stored.ndim == 3:
        rgb = stored if photometric == "RGB" else convert_color_space(stored, photometric, "RGB")
        return rgb.astype(np.float64), photometric
    values = apply_voi_lut(apply_modality_lut(stored, dataset), dataset).astype(np.float64)
    return (values.max() + values.min() - values if photometric == "MONOCHROME1" else values), photometric


def _check(dataset: Any, name: str, max_pixels: int) -> str:
    """Refuse what the header already rules out; return the photometric interpretation."""
    if "PixelData" not in dataset or not dataset.get("Rows") or not dataset.get("Columns"):
        raise ImageFault("no_pixels", f"{name}: the DICOM file holds no pixels")
    if (modality := str(dataset.get("Modality", ""))) in _OTHER_MODALITIES:
        raise ImageFault(
            "not_a_radiograph", f"{name}: its DICOM modality must be radiography. Received: {modality}"
        )
    if (n_frames := int(dataset.get("NumberOfFrames") or 1)) > 1:
        raise ImageFault("multi_frame", f"{name}: one frame a file. Received: {n_frames}")
    if (n_pixels := int(dataset.Rows) * int(dataset.Columns)) > max_pixels:
        raise ImageFault("too_large", f"{name}: at most {max_pixels} pixels. Received: {n_pixels}")
    return str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))


def _stored_values(dataset: Any, name: str) -> NDArray[Any]:
    try:
        return np.asarray(dataset.pixel_array)
    except Exception as error:  # a missing decoder is an error of many types
        syntax = dataset.file_meta.get("TransferSyntaxUID")
        compressed = syntax is not None and syntax.is_compressed
        raise ImageFault("no_decoder" if compressed else "truncated", f"{name}: {error}") from error
