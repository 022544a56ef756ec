"""What the driver of `validate` holds and does by itself, as the files become more: docs/scale.md.

    python -m benchmarks.scale 1000 10000

Radiographs are simulated: each has the keypoints of two phantoms, half of either, with noise on their
patches, and a mixture of their thumbnails. Far more of them seem alike than in a hospital: the dearest case.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import cv2
import numpy as np

from pipeline.phantoms import drawing
from pipeline.types import UInt8Array
from pipeline.validate import duplicates
from pipeline.validate.copies import candidate_search, spill_cache
from pipeline.validate.copies.keypoints import Keypoints

N_PHANTOMS, NOISE, SIDE = 120, 8.0, 64
HASH_DISTANCE = 10  # as params.yaml
HEAD = (
    "files", "kB a file", "held, MiB", "more at the peak, MiB", "hashes, CPU s", "keypoints, CPU s",
    "pairs by hashes", "pairs by keypoints",
)  # fmt: skip


def bases() -> list[tuple[UInt8Array, Keypoints]]:
    """Thumbnails and keypoints of phantoms."""
    drawn = (
        drawing.draw(7, "train", n, fractured=bool(n % 2), side_px=(320, 560)).pixels
        for n in range(N_PHANTOMS)
    )
    return [
        (
            cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA),
            spill_cache.extract(pixels).keypoints,
        )
        for pixels in drawn
    ]


def simulated(number: int) -> tuple[UInt8Array, list[Keypoints]]:
    """So many radiographs."""
    random, phantoms = np.random.default_rng(number), bases()
    thumbnails, keypoints = np.empty((number, SIDE, SIDE), np.uint8), []
    for row in range(number):
        (one, of_one), (other, of_other) = (phantoms[n] for n in random.choice(N_PHANTOMS, 2, replace=False))
        share, noise = random.uniform(0.3, 0.7), random.normal(0, 12, one.shape)
        thumbnails[row] = np.clip(share * one + (1 - share) * other + noise, 0, 255)
        places, scales, patches = (
            np.concatenate(part) for part in zip(halved(of_one), halved(of_other), strict=True)
        )
        noisy = np.clip(patches + random.normal(0, NOISE, patches.shape), -127, 127).astype(np.int8)
        keypoints.append(Keypoints(places, scales, noisy))
    return thumbnails, keypoints


def halved(keypoints: Keypoints) -> Keypoints:
    """Every second one."""
    return Keypoints(*(part[::2] for part in keypoints))


def measure(number: int) -> str:
    """Write one row of the table, in a process of its own."""
    thumbnails, keypoints = simulated(number)
    held = thumbnails.nbytes + sum(part.nbytes for each in keypoints for part in each)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    near, _ = duplicates.likely(thumbnails, HASH_DISTANCE)
    hashed = time.process_time() - begun
    voted = candidate_search.candidates(keypoints, {})
    searched = time.process_time() - begun - hashed
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sizes = (f"{held / number / 1000:.1f}", f"{held / 2**20:,.0f}", f"{(peak - before) / 1024:,.0f}")
    cells = (f"{number:,}", *sizes, f"{hashed:.1f}", f"{searched:.1f}", len(near), len(voted.pairs))
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Print a table in Markdown."""
    print(f"{os.cpu_count()} cores\n| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for number in map(int, sys.argv[1:] or ("1000", "10000")):
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            print(pool.submit(measure, number).result(), flush=True)


if __name__ == "__main__":
    main()
