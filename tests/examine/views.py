"""Radiographs as DICOM files with headers to choose, and answers to them that no network gave."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
)

from pipeline import config
from pipeline.examine.dicom import results
from pipeline.files.limits import DEFAULTS
from pipeline.predict.bundle import Bundle, Finding
from pipeline.predict.calibration import Calibration
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.regions import extract_regions
from pipeline.preprocess import canvas
from pipeline.validate import intake
from tests.imports import REPOSITORY

TOLD = {"name": "fracatlas", "sha256": "0123456789ab", "learnt_from": "1,577 radiographs of FracAtlas"}
PREPROCESS = config.read(REPOSITORY / "params.yaml").preprocess
BUNDLE = Bundle(
    None,  # type: ignore[arg-type]  # nothing is predicted here
    Calibration(1.0),
    OperatingPoints(0.2, 0.8),
    RegionSettings(0.7, 0.0, 5),
    PREPROCESS,
)
PATIENT = {
    "PatientName": "Vonderhagen^Ottilie",
    "PatientID": "PID-889911",
    "PatientBirthDate": "19310717",
    "PatientSex": "F",
    "StudyDate": "20240102",
    "StudyTime": "101112",
    "AccessionNumber": "ACC-556677",
    "StudyID": "STUDY-41",
    "ReferringPhysicianName": "Quackenbusch^Lothar",
}


def header(seed: int = 0, **tags: Any) -> pydicom.Dataset:
    """A computed radiograph of 240 x 180 pixels; a tag of None is left out."""
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    own = {
        "SOPClassUID": ComputedRadiographyImageStorage, "SOPInstanceUID": f"1.2.826.0.1.{seed + 10}",
        "StudyInstanceUID": "1.2.826.0.1.4", "SeriesInstanceUID": "1.2.826.0.1.5", "Modality": "CR",
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16,
        "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0, "WindowCenter": "1500",
        "WindowWidth": "3000", "PixelSpacing": ["0.1", "0.1"], "ViewPosition": "AP", "Rows": 240,
        "Columns": 180, "PixelData": noise(seed).tobytes(),
    }  # fmt: skip
    for keyword, value in (PATIENT | own | tags).items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def dicom(seed: int = 0, **tags: Any) -> bytes:
    return packed(header(seed, **tags))


def packed(dataset: pydicom.Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def jpeg(seed: int = 0) -> bytes:
    grey = (noise(seed) >> 4).astype(np.uint8)
    dataset = header(seed, BitsAllocated=8, BitsStored=8, HighBit=7, WindowCenter=None, WindowWidth=None)
    dataset.PixelData = encapsulate([cv2.imencode(".jpg", grey)[1].tobytes()])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return packed(dataset)


def colour(seed: int = 0) -> bytes:
    grey = np.repeat((noise(seed) >> 4).astype(np.uint8)[..., None], 3, axis=2)
    return dicom(
        seed, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, BitsAllocated=8,
        BitsStored=8, HighBit=7, PixelData=grey.tobytes(), WindowCenter=None, WindowWidth=None,
    )  # fmt: skip


def one_frame(seed: int = 0) -> bytes:
    grey = (noise(seed) >> 4).astype(np.uint8)
    return dicom(
        seed, SOPClassUID=MultiFrameGrayscaleByteSecondaryCaptureImageStorage, NumberOfFrames=1,
        BitsAllocated=8, BitsStored=8, HighBit=7, PixelData=grey.tobytes(), WindowCenter=None,
        WindowWidth=None,
    )  # fmt: skip


def noise(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = cv2.resize(
        rng.normal(size=(10, 8)).astype(np.float32), (180, 240), interpolation=cv2.INTER_CUBIC
    )
    return np.clip(1500 + 700 * smooth + rng.normal(0, 20, smooth.shape), 0, 4095).astype(np.uint16)


def finding(
    pixels: np.ndarray, probability: float = 0.9, decision: str = "fracture", *, regions: bool = True
) -> Finding:
    """A finding with a sure region that is no box, and a possible one that is."""
    region_map = np.zeros(pixels.shape, np.float32)
    region_map[40:70, 50:90], region_map[45:60, 80:100], region_map[150:170, 20:60] = 0.9, 0.95, 0.5
    found = extract_regions(region_map, 0.4) if regions else []
    return Finding(probability, decision, found, region_map, "wrist", canvas.place(pixels, PREPROCESS)[1])


def answered(data: bytes, probability: float = 0.9, decision: str = "fracture") -> results.Answered:
    admitted = intake.admit(data, "view.dcm", DEFAULTS)
    found = finding(admitted.radiograph.pixels, probability, decision, regions=decision != "no finding")
    return results.Answered(data, "view.dcm", admitted, found)


def make(*views: bytes) -> list[pydicom.Dataset]:
    """The results of views of one study, each read back from its bytes."""
    made = results.make([answered(view) for view in views], BUNDLE, TOLD)
    return [pydicom.dcmread(io.BytesIO(packed(one))) for one in made]
