"""Small sound files of each format that the decoder reads, and odd ones that lie beside the repository."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pydicom
from PIL import Image, ImageDraw
from pydicom import uid
from pydicom.encaps import encapsulate

from tests.conftest import SHARED

PATIENT = "Zweistein"  # who must not be told of
HEIGHT, WIDTH = 40, 48
_LARGEST = 60_000  # bytes of a seed from beside the repository
_MODES = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "BMP": ("1", "L", "P", "RGB"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("L", "P"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"),
}
_TURNED = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
_SAVED_AS = {
    "progressive.jpg": ("JPEG", "L", {"progressive": True, "restart_marker_blocks": 2}),
    "exif.jpg": ("JPEG", "L", {"exif": _TURNED}),
    "lossless.webp": ("WEBP", "RGB", {"lossless": True}),
    "transparent.png": ("PNG", "L", {"transparency": 0}),
    **{
        f"{name}.tif": ("TIFF", mode, {"compression": name})
        for name, mode in [
            ("tiff_lzw", "L"), ("tiff_adobe_deflate", "I;16"), ("packbits", "RGB"), ("jpeg", "RGB"),
            ("group4", "1"), ("group3", "1"), ("tiff_deflate", "F"),
        ]
    },
}  # fmt: skip


def picture(mode: str = "L") -> Image.Image:
    """Something with an edge, a ramp and noise, in a mode of Pillow's."""
    noise = np.random.default_rng(0).integers(0, 30, (HEIGHT, WIDTH), dtype=np.uint8)
    grey = Image.fromarray(noise + np.arange(WIDTH, dtype=np.uint8) * 3)
    ImageDraw.Draw(grey).ellipse((10, 8, 30, 34), fill=230)
    if mode in ("I;16", "I", "F"):
        values = np.asarray(grey).astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]) * 16
        return Image.fromarray(values)
    return grey.convert("RGB").convert(mode)


def pictures() -> dict[str, bytes]:
    """Names with the right suffix to bytes."""
    wanted = {
        f"{mode.replace(';', '')}.{file_format.lower()}": (file_format, mode, {})
        for file_format, modes in _MODES.items()
        for mode in modes
    }
    return {name: _saved(*how) for name, how in (wanted | _SAVED_AS).items()}


def dicoms() -> dict[str, bytes]:
    """Uncompressed and compressed ones, with windows and tables."""
    window = {
        "WindowCenter": [2000, 1000],
        "WindowWidth": [4000, 500],
        "WindowCenterWidthExplanation": ["A", "B"],
    }
    rescaled = {"RescaleSlope": "1.5", "RescaleIntercept": "-100", "PixelPaddingValue": 0, "Modality": "DX"}
    table = pydicom.Dataset()
    table.LUTDescriptor, table.LUTData = [4096, 0, 16], list(range(0, 65536, 16))
    table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "US"
    eight = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    rgb = eight | {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    palette = eight | {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour in ("Red", "Green", "Blue"):
        palette |= {
            f"{colour}PaletteColorLookupTableDescriptor": [256, 0, 16],
            f"{colour}PaletteColorLookupTableData": np.arange(0, 65536, 256, dtype=np.uint16).tobytes(),
        }
    deep = np.asarray(picture("I;16"))
    grey, colours = np.asarray(picture()), np.asarray(picture("RGB"))
    return {
        "plain.dcm": dicom(deep, **window, **rescaled),
        "negative.dcm": dicom(deep, **(window | {"PhotometricInterpretation": "MONOCHROME1"})),
        "tables.dcm": dicom(deep, ModalityLUTSequence=[table], VOILUTSequence=[table], NumberOfFrames="1"),
        "signed.dcm": dicom(deep.astype(np.int16), PixelRepresentation=1, VOILUTFunction="SIGMOID", **window),
        "implicit.dcm": dicom(deep, syntax=uid.ImplicitVRLittleEndian, **rescaled),
        "big.dcm": dicom(deep.byteswap(), syntax=uid.ExplicitVRBigEndian, **window),
        "deflated.dcm": dicom(deep, syntax=uid.DeflatedExplicitVRLittleEndian),
        "rle.dcm": rle(deep),
        "rgb.dcm": dicom(colours, **rgb),
        "ybr.dcm": dicom(colours, **(rgb | {"PhotometricInterpretation": "YBR_FULL"})),
        "palette.dcm": dicom(grey, **palette),
        "jpeg.dcm": dicom(grey, frame=_saved("JPEG", "L"), syntax=uid.JPEGBaseline8Bit, **eight),
        "jpeg_ybr.dcm": dicom(
            colours, frame=_saved("JPEG", "RGB"), syntax=uid.JPEGBaseline8Bit,
            **(rgb | {"PhotometricInterpretation": "YBR_FULL_422"}),
        ),
        "j2k.dcm": dicom(grey, frame=_saved("JPEG2000", "L"), syntax=uid.JPEG2000Lossless, **eight),
        "j2k16.dcm": dicom(deep, frame=_saved("JPEG2000", "I;16"), syntax=uid.JPEG2000, BitsStored=16),
    }  # fmt: skip


def dicom(pixels: np.ndarray, syntax: str = uid.ExplicitVRLittleEndian, frame: bytes = b"", **tags) -> bytes:
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = HEIGHT, WIDTH, 1
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PatientName, dataset.PatientID = f"{PATIENT}^Jane", PATIENT
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.PixelData = encapsulate([frame]) if frame else pixels.tobytes()
    dataset["PixelData"].VR = "OB" if dataset.BitsAllocated == 8 or frame else "OW"
    return _written(dataset)


def rle(pixels: np.ndarray) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(dicom(pixels)))
    dataset.compress(uid.RLELossless, encoding_plugin="pydicom")
    return _written(dataset)


def beside(*folders: str) -> Iterator[tuple[str, bytes]]:
    """Small files of the shared data, where it lies beside the repository."""
    for folder in folders:
        for path in sorted((SHARED / folder).rglob("*")):
            if (
                path.is_file()
                and path.stat().st_size <= _LARGEST
                and path.suffix not in (".csv", ".md", ".json")
            ):
                yield path.name, path.read_bytes()


def _saved(file_format: str, mode: str, options: dict[str, object] | None = None) -> bytes:
    buffer = io.BytesIO()
    picture(mode).save(buffer, file_format, **(options or {}))
    return buffer.getvalue()


def _written(dataset: pydicom.Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
