"""Whatever bytes come, `decode` gives a radiograph or an `ImageFault`, and nothing else."""

import io
import warnings

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.files import images
from tests.files.test_dicom import RAMP, dicom
from tests.files.test_dicom_pixels import COLOUR, COLOURS, J2K, framed
from tests.files.test_images import GREY, jpeg, png, saved


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


FILES = {
    "JPEG": jpeg(),
    "progressive JPEG": saved(Image.fromarray(COLOURS), "JPEG", progressive=True, exif=b"Exif\0\0II*\0"),
    "PNG": png(),
    "PNG of 16 bits": imagecodecs.png_encode(np.stack([RAMP] * 3, axis=2)),
    "BMP": saved(Image.fromarray(GREY), "BMP"),
    "WebP": saved(Image.fromarray(COLOURS), "WEBP"),
    "GIF": saved(Image.fromarray(GREY), "GIF"),
    "TIFF": saved(Image.fromarray(GREY), "TIFF", compression="tiff_lzw"),
    "TIFF of JPEG": tiff(GREY, compression="jpeg"),
    "TIFF of floats": tiff(GREY.astype(np.float32)),
    "TIFF of 16 bits": tiff(RAMP, compression="zlib", predictor=True, tile=(16, 16)),
    "DICOM": dicom(WindowCenter=2048, WindowWidth=100, RescaleSlope=2, RescaleIntercept=1),
    "DICOM of JPEG": framed(jpeg(), "1.2.840.10008.1.2.4.50", BitsAllocated=8, Rows=48, Columns=64),
    "DICOM of lossless JPEG": framed(
        imagecodecs.jpeg8_encode(RAMP, lossless=True, bitspersample=16), "1.2.840.10008.1.2.4.70"
    ),
    "DICOM of JPEG 2000": framed(
        imagecodecs.jpeg2k_encode(COLOURS, **J2K), "1.2.840.10008.1.2.4.90", **COLOUR
    ),
}
MOST_PIXELS = 10**6
CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4)


@pytest.mark.reliability(
    "random bytes changed in a file of each format", "a radiograph or a fault, nothing else"
)
@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=60)
@given(changes=CHANGES, in_header=st.booleans(), cut=st.one_of(st.none(), st.integers(1, 10**6)))
def test_a_mutant_is_decoded_or_refused(kind, changes, in_header, cut):
    data = bytearray(FILES[kind])
    for position, value in changes:
        data[position % (min(400, len(data)) if in_header else len(data))] = value
    data = data[: cut % len(data)] if cut else data
    found = outcome(bytes(data))
    if isinstance(found, images.ImageFault):
        assert str(found).startswith("a: ")
    else:
        assert found.pixels.dtype == np.uint8
        assert found.pixels.size <= MOST_PIXELS


def outcome(data: bytes) -> images.Radiograph | images.ImageFault:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return images.decode(data, "a", MOST_PIXELS)
        except images.ImageFault as fault:
            return fault
