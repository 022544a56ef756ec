"""Group a simulated table of hashes, as large as asked for: seconds, peak memory, and whether it is right.

    python benchmarks/hash_table.py [FOLDER] --rows 1000000

Each row is a thumbnail like those of FOLDER's radiographs (other coarse noise, so that hashes agree by chance
as often as those of different radiographs do), or a copy of an earlier row: turned, brighter, noisier.
Every pair near in its hashes is looked up in the answer key, which stands for the geometric check. Beside
the seconds stands the physical limit of comparing all with all: reading their codes at the speed of memory.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.files import images
from pipeline.validate import duplicates, hamming, intake

_FRACATLAS = Path(__file__).parents[2] / "shared/data/fracatlas"
_SIDE = 16  # enough for a hash
_COARSE_NOISE = 5.0  # grey levels: pairs of different rows are then as often near as FracAtlas' pairs are
_COPY_SHARE = 0.2
_COPY_NOISE = 1.5
_AT_ONCE = 20_000


def main() -> None:
    """Simulate, group, and print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=_FRACATLAS)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--distance", type=int, default=10)
    options = parser.parse_args()
    codes, families = simulate(thumbnails(options.folder), options.rows, np.random.default_rng(7))
    started, worked = time.monotonic(), time.process_time()
    n_near, links = 0, []
    for pairs in hamming.near_pairs(codes, options.distance):
        n_near += len(pairs)
        links.append(pairs[families[pairs[:, 0]] == families[pairs[:, 1]], :2])
    groups = duplicates.components(len(codes), *links)
    seconds, work = time.monotonic() - started, time.process_time() - worked
    print(f"rows                 {len(codes):,}")
    print(f"seconds              {seconds:.1f} ({work:.1f} of one core)")
    print(f"all with all, s      {all_with_all_s(codes):.0f}, at the speed of memory")
    print(f"peak memory, GiB     {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f}")
    print(f"near pairs           {n_near:,} ({n_near / (len(codes) * (len(codes) - 1) / 2):.1e} of all)")
    print(f"families             {families.max() + 1:,}")
    print(f"groups               {groups.max() + 1:,}")


def all_with_all_s(codes: NDArray[np.uint64], rounds: int = 5) -> float:
    """Seconds to read the codes of all later rows for every row and variant, at the speed of memory."""
    large = np.ones(1 << 27, np.uint8)
    fewest = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        np.add.reduce(large.view(np.uint64))
        fewest = min(fewest, time.perf_counter() - started)
    return codes.size * len(codes) / 2 * codes.itemsize * fewest / large.nbytes


def thumbnails(folder: Path) -> NDArray[np.uint8]:
    """Read a folder's radiographs as thumbnails, (n_radiographs, 16, 16)."""
    pixels = [images.read(path).pixels for path in intake.listing([folder]).files]
    if len(pixels) < 2:
        raise SystemExit(f"FOLDER must hold radiographs. Received: {folder}")
    return np.stack([cv2.resize(each, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for each in pixels])


def simulate(
    seen: NDArray[np.uint8], n_rows: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Draw the hashes of radiographs and of their copies, and number the families."""
    n_originals = n_rows - round(_COPY_SHARE * n_rows)
    originals = np.concatenate(
        [_alike(seen, min(_AT_ONCE, n_originals - start), rng) for start in range(0, n_originals, _AT_ONCE)]
    )
    copied = rng.integers(n_originals, size=n_rows - n_originals)
    codes = [duplicates.hashes(originals[part]) for part in _parts(n_originals)]
    codes += [duplicates.hashes(_copies(originals[copied[part]], rng)) for part in _parts(len(copied))]
    order = rng.permutation(n_rows)
    return np.concatenate(codes)[order], np.concatenate([np.arange(n_originals), copied])[order]


def _parts(n_rows: int) -> list[slice]:
    return [slice(start, start + _AT_ONCE) for start in range(0, n_rows, _AT_ONCE)]


def _alike(seen: NDArray[np.uint8], n_rows: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add noise of two pixels' length to radiographs drawn at random."""
    noise = rng.normal(0, _COARSE_NOISE, (n_rows, _SIDE // 2, _SIDE // 2)).repeat(2, axis=1).repeat(2, axis=2)
    return _grey(seen[rng.integers(len(seen), size=n_rows)] + noise)


def _copies(originals: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn, brighten and roughen."""
    variants = rng.integers(duplicates.N_VARIANTS, size=len(originals))
    turned = np.stack([duplicates.transform(*each) for each in zip(originals, variants, strict=True)])
    return _grey(0.9 * turned + 15 + rng.normal(0, _COPY_NOISE, turned.shape))


def _grey(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
