r"""Gather pictures that are no radiographs from public packages, for ``benchmarks/not_radiograph.py``.

    pip download --no-deps --dest EXAMPLES/packages scikit-image==0.26.0 nilearn==0.14.1 pydicom-data==1.0.0
    cd EXAMPLES/packages && apt-get download mricron-data mate-backgrounds lomiri-wallpapers-16.04 \
        ukui-wallpapers gnome-backgrounds adwaita-icon-theme nodejs-doc valgrind
    python benchmarks/not_radiograph_examples.py EXAMPLES

Unpack each package into ``EXAMPLES/packages/<its name>`` between (``python -m zipfile -e``, ``dpkg-deb -x``;
scikit-image's is ``scikit_image``). The Debian packages are bookworm's.
Writes ``EXAMPLES/<kind>/<name>.png``. Photographs, wallpapers, icons and screenshots are as published; slices
are cut from head scans (one man, an average of 152 people, a macaque); DICOM files are windowed as
``pipeline/files/images.py`` does; diagrams are drawn by matplotlib. Pages are rendered by headless Chromium.
"""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pydicom
from PIL import Image
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from sklearn.datasets import load_sample_images

mpl.use("Agg")

LONGEST_PX = 1400
GREY = ("camera", "coins", "moon", "cell", "brick", "grass", "gravel", "clock_motion")
COLOUR = ("astronaut", "chelsea", "coffee", "ihc", "retina", "rocket", "motorcycle_left", "hubble_deep_field")
VOLUMES = ("ch2", "ch2bet", "ch2better", "inia19-t1-brain", "mni_icbm152_t1_tal_nlin_sym_09a_converted")
WINDOWS = ((1280, 800), (400, 800), (800, 600), (1024, 1024))
Picture = tuple[str, str, Image.Image]  # kind, name, pixels


def photographs(packages: Path) -> Iterator[Picture]:
    """Photographs, computer art, icons and scanned pages."""
    skimage = packages / "scikit_image/skimage/data"
    groups = {"photo": COLOUR, "grey_photo": GREY, "document": ("page", "text"), "drawing": ("horse", "logo")}
    for kind, names in groups.items():
        for name in names:
            yield kind, name, Image.open(next(skimage.glob(f"{name}.*")))
    for name, pixels in zip(("china", "flower"), load_sample_images().images, strict=True):
        yield "photo", name, Image.fromarray(pixels)
    hopper = Path(mpl.get_data_path()) / "sample_data/grace_hopper.jpg"
    yield "photo", "hopper", Image.open(hopper)
    for path in sorted([*packages.rglob("mate/nature/*.jpg"), *packages.rglob("lomiri*/**/*.jpg")]):
        yield "photo", path.stem, Image.open(path)
    folders = ("mate/abstract/*", "mate/desktop/*", "ukui-wallpapers/**/*.[jp][pn]g", "gnome/*.webp")
    for path in sorted(path for folder in folders for path in packages.rglob(folder)):
        yield "wallpaper", path.stem, Image.open(path)
    for path in sorted(packages.rglob("Adwaita/512x512/**/*.png"))[::3]:
        yield "drawing", path.stem, Image.open(path)


def heads(packages: Path) -> Iterator[Picture]:
    """Slices of head scans, and one slice as a scanner wrote it."""
    for name in VOLUMES:
        volume = read_nifti(next(packages.rglob(f"{name}.nii.gz")))
        levels = 255 * np.clip(volume / np.percentile(volume[volume > 0], 99.5), 0, 1)
        for axis, plane in enumerate(("axial", "coronal", "sagittal")):
            for percent in (35, 50, 65):
                cut = np.take(levels, volume.shape[axis] * percent // 100, axis)[::-1].astype(np.uint8)
                side = (2 * cut.shape[1], 2 * cut.shape[0])
                picture = Image.fromarray(cut).resize(side, Image.Resampling.BICUBIC)
                yield "mri_head", f"{name.split('_')[0]}_{plane}_{percent}", picture
    raw = gzip.decompress((Path(mpl.get_data_path()) / "sample_data/s1045.ima.gz").read_bytes())
    levels = np.frombuffer(raw, np.uint16).reshape(256, 256).astype(float)
    yield "mri_head", "s1045", Image.fromarray(to_grey(levels, 0, 99.5))


def scans(packages: Path) -> Iterator[Picture]:
    """DICOM files of all modalities, each picture once."""
    seen: set[bytes] = set()
    bundled = Path(pydicom.__file__).parent / "data/test_files"
    for path in sorted([*packages.rglob("data_store/data/*.dcm"), *bundled.glob("*.dcm")]):
        try:
            dataset = pydicom.dcmread(path)
            stored = dataset.pixel_array
        except Exception:  # some are broken on purpose, some need a decoder
            continue
        kind = str(dataset.get("Modality")).lower()
        frame = stored[len(stored) // 2] if int(dataset.get("NumberOfFrames") or 1) > 1 else stored
        coloured = frame.ndim == 3
        if min(frame.shape[:2]) < 64 or (coloured and kind != "us"):
            continue
        if not coloured:
            values = apply_voi_lut(apply_modality_lut(frame, dataset), dataset).astype(float)
            values = values.max() - values if dataset.PhotometricInterpretation == "MONOCHROME1" else values
            frame = to_grey(values, 0.5, 99.5)
        picture = Image.fromarray(frame.astype(np.uint8))
        look = (np.asarray(picture.convert("L").resize((8, 8))) // 16).tobytes()
        if look not in seen:
            seen.add(look)
            yield f"dicom_{kind}", path.stem, picture


def diagrams() -> Iterator[Picture]:
    """Charts and graphs."""
    import matplotlib.pyplot as plt
    import networkx

    rng = np.random.default_rng(0)
    for number in range(16):
        plt.style.use("dark_background" if number % 4 == 3 else "default")
        figure, axes = plt.subplots(figsize=(rng.uniform(3, 8), rng.uniform(3, 6)))
        draw = (
            lambda axes: axes.plot(np.cumsum(rng.normal(size=(200, 3)), axis=0)),
            lambda axes: axes.scatter(*rng.normal(size=(2, 300)), c=rng.uniform(size=300)),
            lambda axes: axes.bar(range(8), rng.uniform(size=8)),
            lambda axes: axes.imshow(rng.normal(size=(12, 12))),
            lambda axes: axes.pie(rng.uniform(size=5), labels=list("abcde")),
            lambda axes: axes.contourf(np.add.outer(np.sin(np.arange(50) / 8), np.cos(np.arange(60) / 12))),
        )[number % 6]
        draw(axes)
        axes.set_title(f"figure {number}")
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=int(rng.integers(60, 130)))
        plt.close(figure)
        yield "diagram", f"figure{number}", Image.open(buffer)
    drawn = Path(networkx.__file__).parent / "drawing/tests/baseline"
    for path in sorted(drawn.glob("*.png")):
        yield "diagram", path.stem, Image.open(path)


def screenshots(packages: Path) -> Iterator[Picture]:
    """Pages rendered by a browser, and screenshots in manuals."""
    manuals = ("nodejs*/**/api/*.html", "valgrind*/**/html/*.html")
    pages = [page for manual in manuals for page in sorted(packages.rglob(manual))[::4]]
    for number, page in enumerate(pages):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "page.png"
            size = ",".join(map(str, WINDOWS[number % len(WINDOWS)]))
            command = ["chromium", "--headless", "--no-sandbox", "--hide-scrollbars"]
            command += [f"--user-data-dir={folder}", f"--screenshot={target}", f"--window-size={size}"]
            subprocess.run([*command, page.as_uri()], check=True, capture_output=True, timeout=60)
            yield "screenshot", f"{number}_{page.stem}", Image.open(target).copy()
    for name in ("kcachegrind_xtree", "dh-tree"):
        yield "screenshot", name, Image.open(next(packages.rglob(f"{name}.png")))


def read_nifti(path: Path) -> np.ndarray:
    """Read a compressed NIfTI-1 volume; slices from below, rows from behind."""
    raw = gzip.decompress(path.read_bytes())
    columns, rows, slices = np.frombuffer(raw[42:48], "<i2").astype(int)
    kind = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8", 512: "<u2"}[
        int(np.frombuffer(raw[70:72], "<i2")[0])
    ]
    start = int(np.frombuffer(raw[108:112], "<f4")[0])
    values = np.frombuffer(raw, kind, columns * rows * slices, start)
    return values.reshape(slices, rows, columns).astype(float)


def to_grey(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Window values between two percentiles."""
    bottom, top = np.percentile(values, (low, high))
    return np.rint(255 * np.clip((values - bottom) / max(top - bottom, 1e-9), 0, 1)).astype(np.uint8)


def on_white(picture: Image.Image) -> Image.Image:
    """Show what is transparent on white."""
    if picture.mode in ("L", "RGB"):
        return picture
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def main(target: Path) -> None:
    """Write all examples below a folder."""
    packages = target / "packages"
    for source in (photographs, heads, scans, screenshots):
        for kind, name, picture in source(packages):
            save(target / kind / f"{name}.png", picture)
    for kind, name, picture in diagrams():
        save(target / kind / f"{name}.png", picture)


def save(path: Path, picture: Image.Image) -> None:
    """Write a picture, its longer side limited."""
    whole = on_white(picture)
    whole.thumbnail((LONGEST_PX, LONGEST_PX), Image.Resampling.LANCZOS)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.save(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
