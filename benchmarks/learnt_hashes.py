"""Say how well hashes tell which radiographs a release learnt from: recall of copies, and false alarms.

    python -m benchmarks.learnt_hashes ../shared/data/fracatlas_full [--copies 400]

`train` and `val` are learnt from. False alarms: radiographs of `test` whose hash lies near one of theirs,
before and after they are laid over one another. Recall: copies of so many radiographs that were learnt from,
each altered in one way of `ALTERED`, whose hash lies near that of their own original.

On fracatlas_full (1,975 learnt from, 459 of `test`), within 4 bits, the default: 27 of `test` are
suspected, of which 7 are confirmed (the check for copies, which looks for more than hashes, finds 9 that
FracAtlas published twice), so 20 of 452 (4 %) are false alarms by hash. Recall within 4 bits, of 300: half
the size and JPEG 50 0.997, brighter 0.94, mirrored 1.0, a quarter turn 1.0, cropped to 95 % 0.49, to 85 %
0.04, turned by 3 degrees 0.11, by 10 degrees 0, a negative 0. Within 10 bits, the check's own
`validate.hash_distance`, 207 of 451 (46 %) are false alarms, and crops to 95 % reach 0.95: so far the
hashes need pixels.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from pipeline import config as settings
from pipeline.files import images
from pipeline.types import UInt8Array
from pipeline.validate import learnt_hashes, pyramid
from pipeline.validate.copies import spill_cache

DISTANCES = (0, 2, 4, 6, 8, 10)


def main() -> None:
    """Print two tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--copies", type=int, default=400, help="radiographs that are altered in each way")
    options = parser.parse_args()
    paths = {
        split: sorted(path for part in split.split() for path in (options.root / part).rglob("*.jpg"))
        for split in ("train val", "test")
    }
    known_paths, test_paths = paths.values()
    known, digests = thumbnails(known_paths), [sha256(path) for path in known_paths]
    learnt = learnt_hashes.build(digests, known)
    order = np.argsort([int(each[:16], 16) for each in digests], kind="stable")
    tested, own = thumbnails(test_paths), [sha256(path) for path in test_paths]
    rows = []
    for distance in DISTANCES:
        found = learnt_hashes.match(learnt, own, tested, distance)
        rows.append(
            {
                "distance": distance,
                "false alarms by hash": int(found.suspected.sum()),
                "of them confirmed": confirmed(found, test_paths, known_paths, order),
            }
        )
    print(f"{len(known_paths)} learnt from, {len(test_paths)} others\n")
    print(pd.DataFrame(rows).to_markdown(index=False), "\n")
    chosen = np.random.default_rng(0).permutation(len(known_paths))[: options.copies]
    print(pd.DataFrame(recall(learnt, known_paths, order, chosen)).round(3).to_markdown(index=False))


def thumbnails(paths: list[Path]) -> UInt8Array:
    """Decode radiographs and scale them to 64 x 64."""
    return np.stack([pyramid.build(images.read(path).pixels).thumbnail for path in paths])


def sha256(path: Path) -> str:
    """Hash a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def confirmed(found: learnt_hashes.Matches, given: list[Path], known: list[Path], order: np.ndarray) -> int:
    """Count those that the check for copies would take for copies, too."""
    if not len(found.pairs):
        return 0
    needed = {int(row): features(given[row]) for row in found.pairs[:, 0]}
    others = {int(row): features(known[order[row]]) for row in found.pairs[:, 1]}
    nothing = spill_cache.extract(np.zeros((64, 64), np.uint8))
    own = [needed.get(row, nothing) for row in range(len(given))]
    score = settings.read().validation.copy_agreement
    return int(learnt_hashes.confirmed(found, own, others, score).sum())


def features(path: Path) -> spill_cache.CopyFeatures:
    """Extract what copies are compared by."""
    return spill_cache.extract(pyramid.medium(images.read(path).pixels))


def recall(
    learnt: learnt_hashes.Learnt, known: list[Path], order: np.ndarray, chosen: np.ndarray
) -> list[dict[str, object]]:
    """Give the share of altered copies whose own original is among their matches, by distance."""
    pixels, place = [images.read(known[row]).pixels for row in chosen], np.argsort(order)
    rows = []
    for name, alter in ALTERED.items():
        copies = np.stack([pyramid.build(alter(each)).thumbnail for each in pixels])
        shares: dict[str, object] = {"altered": name}
        for distance in DISTANCES:
            found = learnt_hashes.match(learnt, ["0" * 64] * len(copies), copies, distance)
            pairs = {(int(first), int(second)) for first, second, _ in found.pairs}
            hits = [(row, int(place[original])) in pairs for row, original in enumerate(chosen)]
            shares[str(distance)] = float(np.mean(hits))
        rows.append(shares)
    return rows


def turned(degrees: float) -> Callable[[UInt8Array], UInt8Array]:
    """Rotate within the frame; the corners become black."""

    def alter(pixels: UInt8Array) -> UInt8Array:
        height, width = pixels.shape
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
        return cv2.warpAffine(pixels, turn, (width, height))

    return alter


def cropped(share: float) -> Callable[[UInt8Array], UInt8Array]:
    """Keep so much of each side, about the middle."""

    def alter(pixels: UInt8Array) -> UInt8Array:
        rows, columns = (round(side * (1 - share) / 2) for side in pixels.shape)
        return np.ascontiguousarray(
            pixels[rows : pixels.shape[0] - rows, columns : pixels.shape[1] - columns]
        )

    return alter


def brighter(pixels: UInt8Array) -> UInt8Array:
    """Raise the contrast and the level."""
    return np.clip(1.3 * pixels.astype(np.float32) + 10, 0, 255).astype(np.uint8)


def written_again(pixels: UInt8Array) -> UInt8Array:
    """Half the size, through a coarse JPEG."""
    smaller = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return cv2.imdecode(
        cv2.imencode(".jpg", smaller, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], cv2.IMREAD_GRAYSCALE
    )


ALTERED: dict[str, Callable[[UInt8Array], UInt8Array]] = {
    "half the size, JPEG 50": written_again,
    "brighter": brighter,
    "mirrored": lambda pixels: np.ascontiguousarray(pixels[:, ::-1]),
    "a quarter turn": lambda pixels: np.ascontiguousarray(np.rot90(pixels)),
    "a negative": lambda pixels: 255 - pixels,
    "cropped to 95 %": cropped(0.95),
    "cropped to 85 %": cropped(0.85),
    "turned by 3 degrees": turned(3),
    "turned by 10 degrees": turned(10),
}

if __name__ == "__main__":
    main()
