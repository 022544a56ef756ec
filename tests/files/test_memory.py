"""A radiograph costs at most six bytes a pixel while it is decoded, its file among them."""

import subprocess
import sys

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from pipeline.files import images
from pipeline.files.faults import ImageFault
from tests.files.test_dicom import dicom
from tests.files.test_images import saved
from tests.imports import REPOSITORY

CHILD = """
import sys
from pathlib import Path
import imagecodecs, pydicom, tifffile
from pipeline.files import images

def kilobytes(key):
    return int(Path("/proc/self/status").read_text().split(key + ":")[1].split()[0])

large, small = Path(sys.argv[1]), Path(sys.argv[2])
images.read(small)
before = kilobytes("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
pixels = images.read(large).pixels
sys.stdout.write(str((kilobytes("VmHWM") - before) * 1024 / pixels.size))
"""


def film(height: int, width: int) -> np.ndarray:
    small = np.random.default_rng(0).normal(2000, 400, (height // 8, width // 8)).astype(np.float32)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).clip(0, 4095)


KINDS = {
    "grey JPEG": lambda film: saved(Image.fromarray((film / 16).astype(np.uint8)), "JPEG"),
    "RGB JPEG": lambda film: saved(Image.fromarray((film / 16).astype(np.uint8)).convert("RGB"), "JPEG"),
    "PNG of 16 bits": lambda film: saved(Image.fromarray(film.astype(np.uint16)), "PNG", compress_level=1),
    "DICOM of 16 bits": lambda film: dicom(film.astype(np.uint16), WindowCenter=2000, WindowWidth=900),
    "TIFF of floats": lambda film: saved(Image.fromarray(film), "TIFF"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are read from /proc")
@pytest.mark.reliability("memory of a large radiograph", "at most six bytes a pixel at the peak")
@pytest.mark.parametrize("kind", KINDS)
def test_a_radiograph_costs_at_most_six_bytes_a_pixel(kind, tmp_path):
    for name, shape in (("large", (2400, 3200)), ("small", (64, 80))):
        (tmp_path / name).write_bytes(KINDS[kind](film(*shape)))
    command = [sys.executable, "-c", CHILD, str(tmp_path / "large"), str(tmp_path / "small")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 6


@pytest.mark.reliability("pixels of many bytes, at the limit of pixels", "refused before they are decoded")
@pytest.mark.parametrize(
    "kind", ["RGB PNG of 16 bits", "RGB TIFF of 16 bits", "WebP", "TIFF of floats, packed"]
)
def test_what_takes_more_memory_than_allowed_is_refused(kind):
    grey = film(2400, 3200)
    deep = np.stack([grey.astype(np.uint16)] * 3, axis=-1)
    data = {
        "RGB PNG of 16 bits": lambda: imagecodecs.png_encode(deep, level=1),
        "RGB TIFF of 16 bits": lambda: imagecodecs.tiff_encode(deep, photometric="rgb"),
        "WebP": lambda: saved(Image.fromarray((deep >> 4).astype(np.uint8)), "WEBP", quality=50, method=0),
        "TIFF of floats, packed": lambda: imagecodecs.tiff_encode(grey, compression="lzw"),
    }[kind]()
    with pytest.raises(ImageFault, match="memory") as fault:
        images.decode(data, "a", grey.size)
    assert fault.value.reason == "too_large"
    assert images.decode(data, "a", 3 * grey.size).pixels.shape == grey.shape
