"""DICOM files whose header says something else than what is stored: read as it is meant, with a note."""

import io

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, JPEGBaseline8Bit

from pipeline.files import images
from pipeline.files.images import ImageFault
from tests.files.test_dicom import dicom
from tests.reliability import made

GREY = made.radiograph(1)
DEEP = GREY.astype(np.uint16) << 4
SIGNED = DEEP.astype(np.int32) - 2048


def stored(values: np.ndarray, bits: int, **tags: object) -> bytes:
    rows, columns = values.shape[:2]
    depth = values.dtype.itemsize * 8
    return dicom(
        Rows=rows,
        Columns=columns,
        SamplesPerPixel=3 if values.ndim == 3 else 1,
        BitsAllocated=depth,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelData=values.tobytes(),
        **tags,
    )


def case(said: str, data: bytes, expected: str = "read as it is meant, with a note"):
    return pytest.param(data, id=said, marks=pytest.mark.reliability(f"DICOM: {said}", expected))


@pytest.mark.parametrize(
    "data",
    [
        case("12 bits under the name of 10", stored(DEEP, 10)),
        case("16 bits under the name of 12", stored(DEEP << 4, 12)),
        case("unsigned values under the name of signed ones", stored(DEEP << 4, 16, PixelRepresentation=1)),
        case("signed values under the name of unsigned ones", stored(SIGNED.astype("<i2"), 16)),
        case("garbage in bits that are not stored", stored(DEEP | 0xA000, 12)),
    ],
)
def test_bits_are_read_as_they_are_meant(data):
    found = images.decode(data, "a.dcm")
    np.testing.assert_array_equal(found.pixels, images.decode(stored(DEEP, 12), "a.dcm").pixels)
    assert "header_nonsense" in found.codes


RGB = np.stack([GREY] * 3, axis=-1)
YBR = np.stack([GREY, np.full_like(GREY, 128), np.full_like(GREY, 128)], axis=-1)


def colours(values: np.ndarray, photometric: str) -> bytes:
    return stored(values, 8, PhotometricInterpretation=photometric, PlanarConfiguration=0)


def jpeg(photometric: str) -> bytes:
    """A JPEG in luminance and chroma whose bytes do not say so."""
    frame = made.saved(RGB, "JPEG", quality=95)
    dataset = pydicom.dcmread(io.BytesIO(colours(RGB, photometric)))
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([frame[:2] + frame[20:]])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        case("YBR_FULL under the name of YBR_FULL_422", colours(YBR, "YBR_FULL_422")),
        case("RGB under the name of YBR_FULL", colours(RGB, "YBR_FULL")),
        case("YBR_FULL under the name of RGB", colours(YBR, "RGB")),
        case("luminance and chroma in JPEG under the name of RGB", jpeg("RGB")),
    ],
)
def test_colours_are_read_as_they_are_meant(data):
    found = images.decode(data, "a.dcm")
    assert np.abs(found.pixels.astype(int) - GREY).mean() < 2
    assert "header_nonsense" in found.codes


@pytest.mark.reliability("DICOM: 16 bits a channel, garbage in bits that are not stored", "the stored bits")
def test_colours_lose_bits_that_are_not_stored():
    noise = np.random.default_rng(0).integers(0, 16, (*DEEP.shape, 3)).astype(np.uint16) << 12
    deep = np.stack([DEEP] * 3, axis=-1)
    tags = {"PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    one, other = (images.decode(stored(v, 12, **tags), "a.dcm") for v in (deep, deep | noise))
    np.testing.assert_array_equal(one.pixels, other.pixels)


@pytest.mark.reliability("DICOM: big endian, 8 bits, as bytes and not as words", "read")
def test_bytes_of_a_big_endian_file_are_not_swapped():
    found = images.decode(stored(GREY, 8, syntax=ExplicitVRBigEndian), "a.dcm")
    np.testing.assert_array_equal(found.pixels, images.decode(stored(GREY, 8), "a.dcm").pixels)
    assert found.codes == ("windowed",)


@pytest.mark.reliability("DICOM: 12 bits a pixel, packed", "refused: no_decoder")
def test_packed_values_are_refused():
    tags = {"BitsAllocated": 12, "PixelData": bytes(DEEP.size * 3 // 2)}
    data = dicom(Rows=DEEP.shape[0], Columns=DEEP.shape[1], **tags)
    with pytest.raises(ImageFault, match="Received: 12") as fault:
        images.decode(data, "a.dcm")
    assert fault.value.reason == "no_decoder"


def table(entries: np.ndarray, n_entries: int) -> bytes:
    item = pydicom.Dataset()
    item.LUTDescriptor, item.LUTData = [n_entries, 0, 16], entries.astype("<u2").tobytes()
    return stored(DEEP, 12, VOILUTSequence=pydicom.Sequence([item]))


RAMP = np.arange(4096)


@pytest.mark.parametrize(
    "data",
    [
        case("a LUT that is longer than it says", table(RAMP, 1000), "left out, with a note"),
        case(
            "a LUT of noise", table(np.random.default_rng(0).permutation(RAMP), 4096), "left out, with a note"
        ),
        case(
            "a window of width 1", stored(DEEP, 12, WindowCenter=2000, WindowWidth=1), "left out, with a note"
        ),
    ],
)
def test_what_makes_no_picture_is_left_out(data):
    found = images.decode(data, "a.dcm")
    np.testing.assert_array_equal(found.pixels, images.decode(stored(DEEP, 12), "a.dcm").pixels)
    assert "header_nonsense" in found.codes


@pytest.mark.reliability("DICOM: `MONOCHROME 1`", "read as MONOCHROME1")
def test_a_blank_in_monochrome_counts_for_nothing():
    one, other = (
        images.decode(stored(DEEP, 12, PhotometricInterpretation=name), "a.dcm")
        for name in ("MONOCHROME1", "MONOCHROME 1")
    )
    np.testing.assert_array_equal(one.pixels, other.pixels)
