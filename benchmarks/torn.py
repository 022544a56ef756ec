"""Flip one bit of many JPEGs, and see how many damaged pictures are refused, noted, or let through.

    python benchmarks/torn.py ../shared/data/fracatlas_full

Bits behind the start of the scan, 600 times, fixed seed. Damaged to the eye: more than 0.2 % of the pixels
differ by more than 12 grey levels. Then every picture as it is: those that are said to be torn are named.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from pipeline.files import images
from pipeline.files.faults import ImageFault
from pipeline.validate import torn

FLIPS = 600
LEVELS, SHARE = 12, 0.002
START_OF_SCAN = b"\xff\xda"


def flipped(data: bytes, random_: random.Random) -> bytes:
    """Flip one bit behind the start of the last scan."""
    start = data.rfind(START_OF_SCAN) + 14
    changed = bytearray(data)
    changed[random_.randrange(start, len(data) - 2)] ^= 1 << random_.randrange(8)
    return bytes(changed)


def outcome(path: Path, random_: random.Random) -> str:
    """Say what became of a file with a flipped bit."""
    data = path.read_bytes()
    sound = images.decode(data, path.name).pixels.astype(int)
    try:
        found = images.decode(flipped(data, random_), path.name)
    except ImageFault:
        return "refused"
    damaged = found.pixels.shape != sound.shape or (np.abs(found.pixels - sound) > LEVELS).mean() >= SHARE
    if not damaged:
        return "hardly changed"
    if found.notes:
        return "damaged, the decoder's warning noted"
    return "damaged, said to be torn" if torn.find(found.pixels) else "damaged, without a word"


def readable(path: Path) -> bool:
    """Whether a file decodes as it is."""
    try:
        images.decode(path.read_bytes(), path.name)
    except ImageFault:
        return False
    return True


def main(folder: Path) -> None:
    """Flip, count, and look at sound files."""
    random_ = random.Random(5)
    paths = [path for path in sorted(folder.rglob("*.jpg")) if readable(path)]
    print(Counter(outcome(random_.choice(paths), random_) for _ in range(FLIPS)))
    for path in paths:
        if tear := torn.find(images.decode(path.read_bytes(), path.name).pixels):
            print(f"{path.relative_to(folder)}: {tear}")
    print(f"{len(paths)} looked at")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
