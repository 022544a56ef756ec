"""DICOM files whose header says something else than what is stored: read as it is meant, with a note."""

import io

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, JPEGBaseline8Bit, JPEGLosslessSV1

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
        case("8 unsigned bits under the name of signed ones", stored(GREY, 8, PixelRepresentation=1)),
        case("a window for 8 bits on 12", stored(DEEP, 12, WindowCenter=128, WindowWidth=256)),
        case(
            "padding that takes most of the values",
            stored(DEEP, 12, PixelPaddingValue=0, PixelPaddingRangeLimit=3000),
        ),
    ],
)
def test_bits_are_read_as_they_are_meant(data):
    found = images.decode(data, "a.dcm")
    np.testing.assert_array_equal(found.pixels, images.decode(stored(DEEP, 12), "a.dcm").pixels)
    assert "header_nonsense" in found.codes


RGB = np.stack([GREY] * 3, axis=-1)
DEEP_RGB = np.stack([DEEP] * 3, axis=-1)
INTERLEAVED = {"PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
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


def lossless() -> bytes:
    frame = imagecodecs.jpeg8_encode(DEEP, lossless=True, bitspersample=12)
    dataset = pydicom.dcmread(io.BytesIO(stored(DEEP, 12)))
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    dataset.PixelData = encapsulate([frame])
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


@pytest.mark.reliability("DICOM: words with their bytes in the wrong order", "swapped, with a note")
@pytest.mark.parametrize(
    "tags", [{}, INTERLEAVED, {"PhotometricInterpretation": "MONOCHROME1"}], ids=["grey", "RGB", "negative"]
)
def test_bytes_in_the_wrong_order_are_swapped(tags):
    values = DEEP | np.random.default_rng(0).integers(0, 16, DEEP.shape).astype(np.uint16)
    values = np.stack([values] * 3, axis=-1) if tags == INTERLEAVED else values
    found = images.decode(stored(values.byteswap(), 12, **tags), "a.dcm")
    np.testing.assert_array_equal(found.pixels, images.decode(stored(values, 12, **tags), "a.dcm").pixels)
    assert "header_nonsense" in found.codes


@pytest.mark.reliability("DICOM: 16 bits a channel, garbage in bits that are not stored", "the stored bits")
def test_colours_lose_bits_that_are_not_stored():
    noise = np.random.default_rng(0).integers(0, 16, (*DEEP.shape, 3)).astype(np.uint16) << 12
    each = (DEEP_RGB, DEEP_RGB | noise)
    one, other = (images.decode(stored(values, 12, **INTERLEAVED), "a.dcm") for values in each)
    np.testing.assert_array_equal(one.pixels, other.pixels)


@pytest.mark.reliability("DICOM: big endian, 8 bits, as bytes and not as words", "read")
def test_bytes_of_a_big_endian_file_are_not_swapped():
    found = images.decode(stored(GREY, 8, syntax=ExplicitVRBigEndian), "a.dcm")
    np.testing.assert_array_equal(found.pixels, images.decode(stored(GREY, 8), "a.dcm").pixels)
    assert found.codes == ("windowed",)


def named(data: bytes, syntax: str) -> bytes:
    """Name another transfer syntax, and change nothing else."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    said = dataset.file_meta["TransferSyntaxUID"].value
    start = data.index(b"\x02\0\x10\0UI")
    value = syntax.encode() + bytes(len(syntax) % 2)
    head = data[: start + 6] + len(value).to_bytes(2, "little") + value
    return head + data[start + 8 + len(said) + len(said) % 2 :]


LITTLE, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
PLAIN = stored(DEEP, 12)


@pytest.mark.parametrize(
    "data",
    [
        case("little endian under the name of big endian", named(PLAIN, ExplicitVRBigEndian)),
        case(
            "big endian under the name of little endian",
            named(stored(DEEP.byteswap(), 12, syntax=ExplicitVRBigEndian), LITTLE),
        ),
        case("a plain dataset under the name of a deflated one", named(PLAIN, DEFLATED)),
        case("compressed pixels under the name of plain ones", named(lossless(), LITTLE)),
    ],
)
def test_a_transfer_syntax_that_lies_is_not_believed(data):
    found = images.decode(data, "a.dcm")
    np.testing.assert_array_equal(found.pixels, images.decode(PLAIN, "a.dcm").pixels)
    assert {"header_nonsense", "decoder_warning"} & {*found.codes}


@pytest.mark.reliability("DICOM: bytes behind the last element, of any kind", "read without them")
@pytest.mark.parametrize(
    "rest",
    [b"\xff" * 100, b"rubbish" * 9, bytes(512), PLAIN],
    ids=["ones", "rubbish", "zeros", "another file"],
)
def test_what_stands_behind_the_pixels_costs_nothing(rest):
    found = images.decode(PLAIN + rest, "a.dcm")
    np.testing.assert_array_equal(found.pixels, images.decode(PLAIN, "a.dcm").pixels)


@pytest.mark.reliability("DICOM: 12 bits a pixel, packed", "refused: no_decoder")
def test_packed_values_are_refused():
    tags = {"BitsAllocated": 12, "PixelData": bytes(DEEP.size * 3 // 2)}
    data = dicom(Rows=DEEP.shape[0], Columns=DEEP.shape[1], **tags)
    with pytest.raises(ImageFault, match="Received: 12") as fault:
        images.decode(data, "a.dcm")
    assert fault.value.reason == "no_decoder"


def table(entries: np.ndarray, n_entries: int, keyword: str = "VOILUTSequence") -> bytes:
    item = pydicom.Dataset()
    item.LUTDescriptor, item.LUTData = [n_entries, 0, 16], entries.astype("<u2").tobytes()
    return stored(DEEP, 12, **{keyword: pydicom.Sequence([item])})


RAMP = np.arange(4096)


@pytest.mark.parametrize(
    "data",
    [
        case("a LUT that is longer than it says", table(RAMP, 1000), "left out, with a note"),
        case(
            "a LUT of noise", table(np.random.default_rng(0).permutation(RAMP), 4096), "left out, with a note"
        ),
        case("a LUT for 8 bits on 12", table(RAMP[:256], 256), "left out, with a note"),
        case(
            "a rescaling table for 8 bits on 12",
            table(RAMP[:256], 256, "ModalityLUTSequence"),
            "left out, with a note",
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
@pytest.mark.parametrize("spelt", ["MONOCHROME 1", "MONOCHROME_1", "MONOCHROM1", "MONO1"])
def test_of_monochrome_the_digit_counts(spelt):
    one, other = (
        images.decode(stored(DEEP, 12, PhotometricInterpretation=name), "a.dcm")
        for name in ("MONOCHROME1", spelt)
    )
    np.testing.assert_array_equal(one.pixels, other.pixels)
