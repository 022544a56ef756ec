import io

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless

from pipeline.files import images
from pipeline.files.images import ImageFault

RAMP = np.linspace(0, 4095, 40 * 60).reshape(40, 60).astype(np.uint16)


def dicom(pixels=RAMP, **tags):
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = tags.pop("syntax", ExplicitVRLittleEndian)
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = pixels.tobytes()
    for name, value in tags.items():
        setattr(dataset, name, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def without_pixels():
    dataset = pydicom.dcmread(io.BytesIO(dicom()))
    del dataset.PixelData
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def compressed():
    dataset = pydicom.dcmread(io.BytesIO(dicom()))
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8 no decoder \xff\xd9"])
    dataset["PixelData"].is_undefined_length = True
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def test_values_are_windowed_to_grey():
    radiograph = images.decode(dicom(), "a.dcm")
    assert (radiograph.format, radiograph.mode, radiograph.codes) == (
        "DICOM",
        "MONOCHROME2",
        ("windowed",),
    )
    assert (radiograph.pixels[0, 0], radiograph.pixels[-1, -1]) == (0, 255)


@pytest.mark.reliability(28)
def test_monochrome1_is_inverted():
    inverted = images.decode(dicom(PhotometricInterpretation="MONOCHROME1"), "a.dcm").pixels
    np.testing.assert_array_equal(inverted, 255 - images.decode(dicom(), "a.dcm").pixels)


@pytest.mark.reliability(28)
def test_the_modality_comes_before_the_window():
    # Rescaled, the ramp runs from -1000 to 3095; the window shows 0 to 1000 of that.
    tags = {"RescaleSlope": 1, "RescaleIntercept": -1000, "WindowCenter": 500, "WindowWidth": 1000}
    pixels = images.decode(dicom(**tags), "a.dcm").pixels
    values = RAMP.astype(int) - 1000
    assert pixels[values <= 0].max() <= 1
    assert pixels[values >= 1000].min() >= 254
    assert pixels[np.abs(values - 500) < 3].mean() == pytest.approx(127, abs=3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (dicom(np.stack([RAMP, RAMP]), NumberOfFrames=2), "multi_frame"),
        (without_pixels(), "no_pixels"),
        (compressed(), "no_decoder"),
        (dicom(RAMP[:20], Rows=40), "truncated"),
        (dicom(Rows=60_000, Columns=60_000), "too_large"),
        (bytes(128) + b"DICM" + b"\x01\x02\x03", "no_pixels"),
    ],
    ids=["frames", "no pixels", "compressed", "short", "large", "header only"],
)
@pytest.mark.reliability(28)
def test_faulty_dicom_is_refused_with_a_reason(data, reason):
    with pytest.raises(ImageFault) as caught:
        images.decode(data, "a.dcm")
    assert caught.value.reason == reason


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "SEG"])
def test_another_modality_is_no_radiograph(modality):
    with pytest.raises(ImageFault, match=f"must be radiography. Received: {modality}") as caught:
        images.decode(dicom(Modality=modality), "a.dcm")
    assert caught.value.reason == "not_a_radiograph"


@pytest.mark.parametrize("modality", ["DX", "CR", "RG", "PX", "IO", "OT", ""])
def test_a_projection_and_what_may_be_one_are_read(modality):
    assert images.decode(dicom(Modality=modality), "a.dcm").pixels.shape == RAMP.shape
