"""Pixels of DICOM in every way of storing them, against what was put in."""

import io
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.pixels import processing

from pipeline.files import images
from pipeline.files.images import ImageFault
from tests.files.test_dicom import RAMP, dicom
from tests.files.test_window import by_percentiles

PLAIN = images.decode(dicom(), "a.dcm").pixels
GREY8 = (RAMP // 16).astype(np.uint8)
NOISE = np.random.default_rng(1).integers(0, 255, GREY8.shape, np.uint8)
COLOURS = np.stack([GREY8, GREY8 // 2 + 20, 200 - GREY8 // 2], axis=2)
EIGHT = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
COLOUR = EIGHT | {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}


YBR = COLOUR | {"PhotometricInterpretation": "YBR_FULL"}
YBR_422 = COLOUR | {"PhotometricInterpretation": "YBR_FULL_422"}


def weighed(rgb: np.ndarray) -> np.ndarray:
    return rgb @ np.array([0.299, 0.587, 0.114])


def framed(frame: bytes, syntax: str, n_frames: int = 1, **tags: object) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(dicom(**tags)))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = pydicom.encaps.encapsulate([frame] * n_frames)
    dataset["PixelData"].is_undefined_length = True
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def jpeg(pixels: np.ndarray, **options: object) -> bytes:
    return imagecodecs.jpeg8_encode(pixels, level=98, **options)


J2K = {"reversible": True, "codecformat": "j2k"}
PLANAR = np.ascontiguousarray(np.moveaxis(COLOURS, 2, 0))
FULL = processing.convert_color_space(COLOURS, "RGB", "YBR_FULL")


@pytest.mark.reliability("DICOM: colours in each way of writing", "grey within two levels")
@pytest.mark.parametrize(
    "data",
    [
        dicom(COLOURS[..., 0], **COLOUR, PixelData=COLOURS.tobytes()),
        dicom(COLOURS[..., 0], **COLOUR | {"PlanarConfiguration": 1}, PixelData=PLANAR.tobytes()),
        dicom(COLOURS[..., 0], **YBR, PixelData=FULL.tobytes()),
        framed(jpeg(COLOURS), "1.2.840.10008.1.2.4.50", **YBR_422),
        framed(jpeg(COLOURS, outcolorspace="rgb"), "1.2.840.10008.1.2.4.50", **COLOUR),
        framed(imagecodecs.jpeg2k_encode(COLOURS, mct=True, **J2K), "1.2.840.10008.1.2.4.90",
               **COLOUR | {"PhotometricInterpretation": "YBR_RCT"}),
        framed(imagecodecs.jpeg2k_encode(COLOURS, mct=False, **J2K), "1.2.840.10008.1.2.4.90", **COLOUR),
        framed(imagecodecs.jpeg2k_encode(FULL, mct=False, **J2K), "1.2.840.10008.1.2.4.90",
               **YBR),
    ],
    ids=["RGB", "planar", "YBR_FULL", "JPEG 4:2:2", "JPEG of RGB", "YBR_RCT", "JPEG 2000 of RGB",
         "JPEG 2000 of YBR"],
)  # fmt: skip
def test_colours_are_converted_once(data):
    pixels = images.decode(data, "a.dcm").pixels
    assert np.abs(pixels - weighed(COLOURS)).max() <= 4


def test_colours_of_16_bits_keep_all_levels():
    rgb = np.stack([RAMP] * 3, axis=2)
    tags = COLOUR | {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
    pixels = images.decode(dicom(RAMP, **tags, PixelData=rgb.tobytes()), "a.dcm").pixels
    np.testing.assert_array_equal(pixels, PLAIN)


@pytest.mark.reliability("DICOM: compressed without loss", "the pixels of the uncompressed file")
@pytest.mark.parametrize(
    ("frame", "syntax"),
    [
        (imagecodecs.jpeg8_encode(RAMP, lossless=True, bitspersample=16), "1.2.840.10008.1.2.4.70"),
        (imagecodecs.jpeg2k_encode(RAMP, **J2K), "1.2.840.10008.1.2.4.90"),
    ],
    ids=["lossless JPEG", "JPEG 2000"],
)
def test_lossless_compression_changes_no_pixel(frame, syntax):
    np.testing.assert_array_equal(images.decode(framed(frame, syntax), "a.dcm").pixels, PLAIN)


def test_run_lengths_are_read():
    dataset = pydicom.dcmread(io.BytesIO(dicom()))
    dataset.compress(pydicom.uid.RLELossless)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    np.testing.assert_array_equal(images.decode(buffer.getvalue(), "a.dcm").pixels, PLAIN)


@pytest.mark.reliability("DICOM: run lengths of luminance and chroma", "grey within two levels")
def test_run_lengths_of_luminance_are_converted():
    dataset = pydicom.dcmread(io.BytesIO(dicom(FULL[..., 0], **YBR, PixelData=FULL.tobytes())))
    frame = pydicom.pixels.get_encoder(pydicom.uid.RLELossless).encode(dataset)
    pixels = images.decode(framed(frame, "1.2.840.10008.1.2.5", **YBR), "a.dcm").pixels
    assert np.abs(pixels - weighed(COLOURS)).max() <= 2


@pytest.mark.reliability("DICOM: a palette of more than 256 colours, 8 bits each", "read")
def test_a_long_palette_of_bytes_is_looked_up():
    table = (np.arange(4096) // 16).astype(np.uint8).tobytes()
    tags: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name in ("Red", "Green", "Blue"):
        tags |= {f"{name}PaletteColorLookupTableDescriptor": [4096, 0, 8]}
        tags |= {f"{name}PaletteColorLookupTableData": table}
    pixels = images.decode(dicom(**tags), "a.dcm").pixels
    assert np.abs(pixels.astype(int) - PLAIN).max() <= 2


SIGNED = RAMP.astype(np.int16) - 1000


@pytest.mark.parametrize(
    "data",
    [
        dicom(SIGNED, PixelRepresentation=1, BitsStored=16, HighBit=15),
        dicom(SIGNED & 0x1FFF, PixelRepresentation=1, BitsStored=13, HighBit=12),
        dicom(RAMP << 4, BitsStored=12, HighBit=15),
        dicom(RAMP.astype(np.uint32), BitsAllocated=32, BitsStored=32, HighBit=31),
        framed(imagecodecs.jpeg2k_encode(SIGNED, **J2K), "1.2.840.10008.1.2.4.90", PixelRepresentation=1),
    ],
    ids=["signed", "13 signed bits", "upper bits", "32 bits", "signed JPEG 2000"],
)
def test_every_way_of_storing_bits_shows_the_same(data):
    assert np.abs(images.decode(data, "a.dcm").pixels.astype(int) - PLAIN).max() <= 1


def floats() -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(dicom(BitsAllocated=32)))
    del dataset.PixelData
    dataset.FloatPixelData = (RAMP / 7).astype("<f4").tobytes()
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_floating_point_pixels_are_read():
    assert np.abs(images.decode(floats(), "a.dcm").pixels.astype(int) - PLAIN).max() <= 1


@pytest.mark.reliability("DICOM: a frame that is larger than the header says", "refused before it is decoded")
@pytest.mark.parametrize(
    ("frame", "syntax"),
    [
        (jpeg(np.tile(GREY8, (2, 1))), "1.2.840.10008.1.2.4.50"),
        (imagecodecs.jpeg2k_encode(np.tile(RAMP, (2, 1)), **J2K), "1.2.840.10008.1.2.4.90"),
    ],
    ids=["JPEG", "JPEG 2000"],
)
def test_what_is_inside_is_measured_before_it_is_decoded(frame, syntax):
    for limit, reason in ((RAMP.size, "too_large"), (10**6, "broken")):
        with pytest.raises(ImageFault) as caught:
            images.decode(framed(frame, syntax), "a.dcm", max_pixels=limit)
        assert caught.value.reason == reason


@pytest.mark.reliability("DICOM: damaged frame", "a fault of that file")
def test_a_damaged_frame_is_a_fault():
    frame = bytearray(jpeg(np.tile(GREY8, (1, 1))))
    frame[len(frame) * 2 // 3 :] = bytes(len(frame) - len(frame) * 2 // 3 - 2) + b"\xff\xd9"
    with pytest.raises(ImageFault, match="damaged"):
        images.decode(framed(bytes(frame), "1.2.840.10008.1.2.4.50", **EIGHT), "a.dcm")


TALL = np.tile(RAMP, (8, 1))
TALL_TAGS = {"Rows": TALL.shape[0], "PixelData": TALL.tobytes()}


@pytest.mark.reliability("DICOM: damaged frame", "a fault of that file")
@pytest.mark.parametrize(
    ("frame", "syntax"),
    [
        (imagecodecs.jpeg8_encode(TALL, level=98, bitspersample=12), "1.2.840.10008.1.2.4.51"),
        (imagecodecs.ljpeg_encode(TALL, bitspersample=12), "1.2.840.10008.1.2.4.70"),
    ],
    ids=["12 bits", "lossless"],
)
def test_a_deep_jpeg_is_read_strictly(frame, syntax):
    assert images.decode(framed(frame, syntax, **TALL_TAGS), "a.dcm").codes == ("windowed",)
    middle = len(frame) // 2
    for damaged in (frame[:middle] + b"\xff\xd9", frame[:middle] + bytes(40) + frame[middle + 40 :]):
        with pytest.raises(ImageFault, match="damaged"):
            images.decode(framed(damaged, syntax, **TALL_TAGS), "a.dcm")


def test_negative_values_in_a_lossless_jpeg_are_no_damage():
    """Values begin in the middle of the range: with 12 bits in the header, all are less by so much."""
    values = (TALL.astype(np.int32) - 1000) // 2 + 2**15 - 2**11
    frame = imagecodecs.jpeg8_encode(values.astype(np.uint16), lossless=True, bitspersample=16)
    depth = frame.index(b"\xff\xc3") + 4
    frame = frame[:depth] + b"\x0c" + frame[depth + 1 :]
    signed = {"PixelRepresentation": 1, "BitsStored": 12, "HighBit": 11}
    data = framed(frame, "1.2.840.10008.1.2.4.70", **TALL_TAGS | signed)
    assert images.decode(data, "a.dcm").pixels.shape == TALL.shape


@pytest.mark.reliability("DICOM: cut within compressed pixels", "refused as truncated")
def test_compressed_pixels_that_break_off_are_truncated():
    data = framed(imagecodecs.jpeg2k_encode(RAMP, **J2K), "1.2.840.10008.1.2.4.90")
    with pytest.raises(ImageFault) as caught:
        images.decode(data[:-40], "a.dcm")
    assert caught.value.reason == "truncated"


def test_two_compressed_frames_are_told_by_their_table_where_no_number_is_given():
    data = framed(imagecodecs.jpeg2k_encode(RAMP, **J2K), "1.2.840.10008.1.2.4.90", n_frames=2)
    with pytest.raises(ImageFault, match="Received: 2") as caught:
        images.decode(data, "a.dcm")
    assert caught.value.reason == "multi_frame"


def test_four_channels_have_no_decoder():
    pixels = np.concatenate([COLOURS, np.full((*GREY8.shape, 1), 255, np.uint8)], axis=2)
    with pytest.raises(ImageFault) as caught:
        images.decode(dicom(GREY8, **COLOUR | {"SamplesPerPixel": 4}, PixelData=pixels.tobytes()), "a.dcm")
    assert caught.value.reason == "no_decoder"


@pytest.mark.reliability(
    "DICOM: colours in another order than the header says", "read as they lie, warned of"
)
@pytest.mark.parametrize("planar", [0, 1])
def test_the_order_of_colours_is_doubted(planar):
    grey = np.repeat(NOISE[..., None], 3, axis=2)
    lies = np.ascontiguousarray(np.moveaxis(grey, 2, 0)) if planar == 0 else grey
    tags = COLOUR | {"PlanarConfiguration": planar}
    radiograph = images.decode(dicom(GREY8, **tags, PixelData=lies.tobytes()), "a.dcm")
    assert radiograph.codes == ("header_nonsense",)
    np.testing.assert_array_equal(radiograph.pixels, NOISE)


@pytest.mark.reliability("DICOM: JPEG-LS", "refused: no decoder that is safe with damaged data")
def test_jpeg_ls_has_no_decoder():
    with pytest.raises(ImageFault, match="JPEG-LS is not read") as caught:
        images.decode(framed(imagecodecs.jpegls_encode(RAMP), "1.2.840.10008.1.2.4.80"), "a.dcm")
    assert caught.value.reason == "no_decoder"


def test_an_unknown_transfer_syntax_has_no_decoder():
    for syntax in ("1.2.3.4", "1.2.840.113619.5.2", "1.2.840.10008.1.2.4.100"):
        with pytest.raises(ImageFault) as caught:
            images.decode(framed(b"\0\0\0\1" + bytes(99), syntax), "a.dcm")
        assert caught.value.reason == "no_decoder"


BUNDLED = sorted((Path(pydicom.__file__).parent / "data/test_files").rglob("*.dcm"))
OTHERS = (b"MR", b"CT", b"US", b"NM")


def as_projections(path: Path) -> bytes:
    """Bytes of one of pydicom's own test files, with another modality where that is none of X-rays."""
    data = path.read_bytes()
    for modality in OTHERS:
        data = data.replace(b"CS\x02\x00" + modality, b"CS\x02\x00OT")
    return data


def by_pydicom(data: bytes) -> np.ndarray:
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    stored = dataset.pixel_array
    if stored.ndim == 2 and dataset.PhotometricInterpretation != "PALETTE COLOR":
        return by_percentiles(
            processing.apply_voi_lut(processing.apply_modality_lut(stored, dataset), dataset)
        )
    rgb = processing.apply_color_lut(stored, dataset) if stored.ndim == 2 else stored
    return rgb / 256.0 ** (rgb.dtype.itemsize - 1) @ np.array([0.299, 0.587, 0.114])


def compared(path: Path) -> float | None:
    """Give the largest difference in grey levels; nothing where one of both reads no such file."""
    data = as_projections(path)
    try:
        pixels = images.decode(data, path.name).pixels
    except ImageFault:
        return None
    try:
        expected = by_pydicom(data)
    except (RuntimeError, AttributeError):
        return None
    return float(np.abs(pixels - expected).max())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.reliability("DICOM: pydicom's own test files", "as pydicom's own functions show them")
def test_bundled_files_are_shown_as_pydicom_shows_them():
    found = {path.name: compared(path) for path in BUNDLED}
    differences = {name: most for name, most in found.items() if most is not None}
    assert len(differences) > 25
    assert max(differences.values()) < 1.1, differences  # 16 bits are cut here, and rounded there
