"""Folders of radiographs to measure on, made from real ones: resized, mixed, and of the users' kind."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.layout import CLASS_FOLDERS, SPLITS
from pipeline.files import images
from pipeline.validate import intake

_QUALITY = 90
_SIDE_PX = 224
_FAMILIES, _TURNED, _LARGE = 99, 9_512, 1_068  # what the users' folder holds
_DISTINCT = 28  # files of a family that differ in bytes
_LARGE_PX = (400, 2_400)

Pixels = NDArray[np.uint8]


def resized(source: Path, target: Path, n_files: int, side_px: int | None) -> Path:
    """Copy radiographs in their layout; the longer side gets ``side_px``, or they stay as they are."""
    for path in spread(source, n_files):
        file = target / path.relative_to(source)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(path.read_bytes() if side_px is None else _jpeg(_scaled(_read(path), side_px)))
    return target


def mixed(source: Path, target: Path, n_files: int, seed: int = 7) -> Path:
    """Write radiographs that are no copies: each is two real ones, turned, cropped and overlaid."""
    rng, paths = np.random.default_rng(seed), spread(source, 10**9)
    small = [square(_read(path)) for path in paths]
    for number in range(n_files):
        first, second = (_moved(small[row], rng) for row in rng.integers(len(small), size=2))
        pixels = np.rint((first.astype(np.float32) + second) / 2).astype(np.uint8)
        _place(target, rng, number, f"{number}.jpg").write_bytes(_jpeg(pixels))
    return target


def users_kind(source: Path, target: Path, share: float = 1.0, seed: int = 7) -> Path:
    """Write a folder of the users' kind: few radiographs turned again and again, and large ones beside them.

    Parameters
    ----------
    share
        Of 10,580 files.
    """
    rng, paths = np.random.default_rng(seed), spread(source, 10**9)
    chosen = rng.permutation(len(paths))
    n_families = round(share * _FAMILIES)
    families = [_turnings(square(_read(paths[row])), rng) for row in chosen[:n_families]]
    for number in range(round(share * _TURNED)):
        family, member = number % n_families, int(rng.integers(_DISTINCT))
        name = "-".join([str(family), *(f"rotated{step}" for step in range(1, member % 4 + 1)), str(number)])
        _place(target, rng, family, f"{name}.jpg").write_bytes(families[family][member])
    for number, row in enumerate(islice(cycle(chosen[n_families:]), round(share * _LARGE))):
        pixels = _scaled(_read(paths[row]), int(rng.integers(*_LARGE_PX)))
        suffix = ".png" if number % 5 == 0 else ".jpg"
        data = images.encode_png(np.dstack([pixels] * 3)) if suffix == ".png" else _jpeg(pixels)
        _place(target, rng, row, f"web ({number}){suffix}").write_bytes(data)
    return target


def spread(source: Path, n_files: int) -> list[Path]:
    """Choose files evenly from all splits and classes."""
    paths = [path for path in intake.listing([source]).files if path.parent.name in CLASS_FOLDERS]
    rows = np.linspace(0, len(paths) - 1, min(n_files, len(paths))).astype(int)
    return [paths[row] for row in rows]


def _place(target: Path, rng: np.random.Generator, radiograph: int, name: str) -> Path:
    """Choose any split, but for all copies of a radiograph one class; two in three lie in train."""
    folder = target / str(rng.choice(SPLITS, p=(4 / 6, 1 / 6, 1 / 6))) / list(CLASS_FOLDERS)[radiograph % 2]
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def _turnings(pixels: Pixels, rng: np.random.Generator) -> list[bytes]:
    """Turn by 8 to 15 degrees, and what came out again, up to four times."""
    found: list[bytes] = []
    turned = pixels
    for number in range(_DISTINCT):
        turned = _rotated(pixels if number % 4 == 0 else turned, rng.choice([-1, 1]) * rng.uniform(8, 15))
        found.append(_jpeg(turned))
    return found


def _moved(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    turned = _rotated(pixels[:, :: rng.choice([-1, 1])], rng.uniform(-30, 30))
    margin = int(rng.integers(10, 35))
    return square(turned[margin:-margin, margin:-margin])


def _rotated(pixels: Pixels, degrees: float) -> Pixels:
    """Turn about the centre; the corners become black."""
    centre = (pixels.shape[1] / 2, pixels.shape[0] / 2)
    matrix = cv2.getRotationMatrix2D(centre, degrees, 1.0)
    return np.asarray(cv2.warpAffine(np.ascontiguousarray(pixels), matrix, pixels.shape[::-1]), np.uint8)


def _read(path: Path) -> Pixels:
    return images.read(path).pixels


def _jpeg(pixels: Pixels) -> bytes:
    return images.encode_jpeg(pixels, _QUALITY)


def square(pixels: Pixels) -> Pixels:
    """Force pixels into a square of 224 pixels."""
    return np.asarray(cv2.resize(pixels, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _scaled(pixels: Pixels, side_px: int) -> Pixels:
    scale = side_px / max(pixels.shape)
    size = [max(1, round(side * scale)) for side in pixels.shape[::-1]]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)
