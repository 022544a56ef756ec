"""Odd DICOM headers: what a viewer would show, with a note; or a fault of that file."""

import io
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import DataElement

from pipeline.files import images
from pipeline.files.images import ImageFault
from tests.conftest import SHARED
from tests.files.test_dicom import RAMP, dicom

ODD = SHARED / "odd"
PLAIN = images.decode(dicom(), "a.dcm").pixels


def strings(**tags: str) -> bytes:
    """Set values as text, whatever it says."""
    dataset = pydicom.dcmread(io.BytesIO(dicom()))
    with pydicom.config.disable_value_validation():
        for keyword, value in tags.items():
            vr = pydicom.datadict.dictionary_VR(keyword)
            dataset[keyword] = DataElement(keyword, "LO", value)
            dataset[keyword].VR = "LO" if vr in ("DS", "IS", "CS") else vr
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def sequence(keyword: str, **tags: object) -> bytes:
    item = pydicom.Dataset()
    for name, value in tags.items():
        setattr(item, name, value)
    return dicom(**{keyword: pydicom.Sequence([item] if tags else [])})


def lut(descriptor: list[int], entries: list[int] | None) -> dict[str, object]:
    item: dict[str, object] = {"LUTDescriptor": descriptor}
    return item | ({"LUTData": np.array(entries, "<u2").tobytes()} if entries is not None else {})


def case(row: str, data: bytes, note: str):
    expected = "read as the sound file, with a note"
    return pytest.param(data, note, id=row, marks=pytest.mark.reliability(f"DICOM: {row}", expected))


@pytest.mark.parametrize(
    ("data", "note"),
    [
        case("window of width 0", dicom(WindowCenter=2048, WindowWidth=0), "header_nonsense"),
        case("window of negative width", dicom(WindowCenter=2048, WindowWidth=-5), "header_nonsense"),
        case(
            "window with a decimal comma",
            strings(WindowCenter="2048,0", WindowWidth="4096,0"),
            "decimal_comma",
        ),
        case(
            "the second of two windows is garbage",
            strings(WindowCenter="2048,0\\abc", WindowWidth="4096\\x"),
            "decimal_comma",
        ),
        case("letters as window", strings(WindowCenter="a", WindowWidth="b"), "header_nonsense"),
        case("a window without a centre", strings(WindowWidth="400"), "header_nonsense"),
        case("a window far from all values", dicom(WindowCenter=1e6, WindowWidth=9), "header_nonsense"),
        case(
            "an unknown kind of window",
            dicom(WindowCenter=2048, WindowWidth=4096, VOILUTFunction="LINEAR_FOO"),
            "header_nonsense",
        ),
        case("slope 0", dicom(RescaleSlope=0, RescaleIntercept=5), "header_nonsense"),
        case("letters as slope", strings(RescaleSlope="x", RescaleIntercept="0"), "header_nonsense"),
        case("an empty slope", strings(RescaleSlope="", RescaleIntercept="0"), "header_nonsense"),
        case("infinite slope", strings(RescaleSlope="1e999", RescaleIntercept="0"), "header_nonsense"),
        case("a window's table of no item", sequence("VOILUTSequence"), "header_nonsense"),
        case(
            "a table of 99 bits",
            sequence("VOILUTSequence", **lut([4096, 0, 99], list(range(4096)))),
            "header_nonsense",
        ),
        case(
            "a table that is too short",
            sequence("VOILUTSequence", **lut([4096, 0, 12], [1, 2])),
            "header_nonsense",
        ),
        case(
            "a table without data",
            sequence("ModalityLUTSequence", **lut([4096, 0, 12], None)),
            "header_nonsense",
        ),
        case("letters as number of frames", strings(NumberOfFrames="abc"), "header_nonsense"),
        case("two values as rows", dicom(Rows=[40, 40]), "header_nonsense"),
        case("an unknown kind of colours", dicom(PhotometricInterpretation="NONSENSE"), "header_nonsense"),
        case("three channels of a grey picture", dicom(SamplesPerPixel=3), "header_nonsense"),
        case("colours of one channel", dicom(PhotometricInterpretation="RGB"), "header_nonsense"),
        case("no sensible depth", dicom(BitsAllocated=13), "header_nonsense"),
        case("more bits stored than there are", dicom(BitsStored=77), "header_nonsense"),
        case("bytes behind the pixels", dicom(PixelData=RAMP.tobytes() + bytes(10)), "trailing_bytes"),
        case("rubbish in the upper bits", dicom(RAMP | 0x9000), "header_nonsense"),
    ],
)
def test_nonsense_in_the_header_is_left_out_with_a_note(data, note):
    radiograph = images.decode(data, "a.dcm")
    assert note in radiograph.codes
    assert np.abs(radiograph.pixels.astype(int) - PLAIN).max() <= 1


def test_a_note_says_what_was_seen_and_what_was_done():
    notes = images.decode(dicom(WindowCenter=2048, WindowWidth=0), "a.dcm").notes
    detail = {note.code: note.detail for note in notes}["header_nonsense"]
    assert detail == (
        "WindowWidth is 0; the window is left out, and the values are shown from the smallest to the largest"
    )


@pytest.mark.parametrize(("first", "width"), [(500, 1000), (2000, 100)])
def test_the_first_of_several_windows_is_shown(first, width):
    several = dicom(WindowCenter=[first, 99], WindowWidth=[width, 1])
    one = dicom(WindowCenter=first, WindowWidth=width)
    np.testing.assert_array_equal(images.decode(several, "a").pixels, images.decode(one, "a").pixels)


@pytest.mark.parametrize("keyword", ["VOILUTSequence", "ModalityLUTSequence"])
def test_a_sound_table_is_applied(keyword):
    squares = [value**2 // 4096 for value in range(4096)]
    pixels = images.decode(sequence(keyword, **lut([4096, 0, 12], squares)), "a.dcm").pixels
    expected = np.array(squares)[RAMP]
    low, high = np.percentile(expected, (0.5, 99.5))
    shown = np.rint(np.clip((expected - low) / (high - low), 0, 1) * 255)
    assert np.abs(pixels - shown).max() <= 1


def padded(value: int, **tags: object) -> bytes:
    pixels = RAMP.copy()
    pixels[:, :12] = value
    return dicom(pixels, BitsStored=16, HighBit=15, **tags)


@pytest.mark.reliability("DICOM: padding value", "left out of the window and shown black")
@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (65535, {"PixelPaddingValue": 65535}),
        (60000, {"PixelPaddingValue": 65535, "PixelPaddingRangeLimit": 60000}),
        (65535, {}),
        (0, {"PixelPaddingValue": 0, "PhotometricInterpretation": "MONOCHROME1"}),
    ],
    ids=["marked", "range", "unmarked", "of a negative"],
)
def test_padding_is_left_out_of_the_window_and_black(value, tags):
    radiograph = images.decode(padded(value, **tags), "a.dcm")
    alone = images.decode(dicom(np.ascontiguousarray(RAMP[:, 12:]), **tags), "a.dcm").pixels
    assert "padding" in radiograph.codes
    assert radiograph.pixels[:, :12].max() == 0
    assert np.abs(radiograph.pixels[:, 12:].astype(int) - alone).max() <= 1


def test_padding_of_the_whole_picture_is_shown():
    pixels = images.decode(dicom(PixelPaddingValue=0, PixelPaddingRangeLimit=4095), "a.dcm").pixels
    np.testing.assert_array_equal(pixels, PLAIN)


def deflated(dataset: bytes) -> bytes:
    head, _, _ = dicom(syntax="1.2.840.10008.1.2.1").partition(b"\x08\x00\x16\x00UI")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = head.index(b"\x02\x00\x10\x00UI")
    length = int.from_bytes(head[start + 6 : start + 8], "little")
    syntax = b"\x02\x00\x10\x00UI\x16\x00" + b"1.2.840.10008.1.2.1.99"
    head = head[:start] + syntax + head[start + 8 + length :]
    return head + packer.compress(dataset) + packer.flush()


def test_a_deflated_dataset_is_read_and_a_bomb_is_not():
    _, tag, rest = dicom().partition(b"\x08\x00\x16\x00UI")
    np.testing.assert_array_equal(images.decode(deflated(tag + rest), "a.dcm").pixels, PLAIN)
    with pytest.raises(ImageFault) as caught:
        images.decode(deflated(tag + rest + bytes(2**25)), "a.dcm", max_pixels=RAMP.size)
    assert caught.value.reason == "too_large"


@pytest.mark.reliability("DICOM: a deflated bomb behind a long file meta information", "refused: too_large")
def test_a_bomb_behind_a_long_head_is_not_inflated():
    _, tag, rest = dicom().partition(b"\x08\x00\x16\x00UI")
    bomb = deflated(tag + rest + bytes(2**25))
    remark = b"\x02\x00\x02\x00UI\x00\x20" + b"1" * 2**13
    with pytest.raises(ImageFault) as caught:
        images.decode(bomb[:132] + remark + bomb[132:], "a.dcm", max_pixels=RAMP.size)
    assert caught.value.reason == "too_large"


def implicit() -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(dicom()))
    del dataset.file_meta
    buffer = io.BytesIO()
    dataset.save_as(buffer, implicit_vr=True, little_endian=True)
    return buffer.getvalue()


@pytest.mark.reliability("DICOM: without its preamble, or not in its place", "read")
@pytest.mark.parametrize(
    "data",
    [
        dicom()[132:],
        dicom()[128:],
        b" \n" + dicom(),
        bytes(9) + dicom(),
        bytes(132) + dicom()[132:],
        dicom()[dicom().index(b"\x08\0\x16\0UI") :],
        implicit(),
    ],
    ids=[
        "no preamble",
        "magic word first",
        "leading blanks",
        "leading zeros",
        "no magic word",
        "no file meta information",
        "implicit, no file meta information",
    ],
)
def test_dicom_is_recognised_by_its_first_elements(data):
    np.testing.assert_array_equal(images.decode(data, "a").pixels, PLAIN)


@pytest.mark.parametrize(
    "data",
    [b"PK\x03\x04" + bytes(200), b"\x08\x00" * 90, b"DICM is a word" + bytes(200), b"\x02\x00" + bytes(300)],
)
def test_what_only_begins_like_dicom_is_no_image(data):
    with pytest.raises(ImageFault) as caught:
        images.decode(data, "a")
    assert caught.value.reason == "not_an_image"


def test_odd_files_of_others_are_read_or_refused():
    if not ODD.is_dir():
        pytest.skip(f"{ODD} is not here")
    sound = images.read(ODD / "dicom-aborts-run/00_plain.dcm").pixels.astype(int)
    for name in ("01_comma_decimal_window", "01_width0", "06_modality_lut_item_empty", "08_badfunction",
                 "08_negative_width", "10_frames_abc", "35_rescale_empty"):  # fmt: skip
        assert np.abs(images.read(ODD / f"dicom-aborts-run/{name}.dcm").pixels - sound).max() <= 1, name
    for path in sorted((ODD / "fuzz").iterdir()):
        with pytest.raises(ImageFault):
            images.read(path)
