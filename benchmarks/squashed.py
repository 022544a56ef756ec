"""Measure what `validate` finds of copies whose aspect changed, what it joins wrongly, and what it costs.

    PYTHONPATH=. python benchmarks/squashed.py recall [--sides 224 224]    # by aspect of the original
    PYTHONPATH=. python benchmarks/squashed.py time --against TREE    # this tree against another, in turns

Originals are cut from radiographs to aspects of 1.22 to 2.5. A copy is forced into another frame, mirrored or
not, turned by up to 40 degrees among black corners, made brighter or darker, and JPEG again. Of the other
radiographs half are cut to such aspects, and half forced into that frame too, so that all are alike in shape.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import folders
import numpy as np
from numpy.typing import NDArray

REPOSITORY = Path(__file__).parents[1]
FRACATLAS = REPOSITORY.parent / "shared/data/fracatlas"

_ASPECTS = (1.22, 1.3, 1.5, 1.7, 1.9, 2.1, 2.3, 2.5)
_TURNS = (0, 5, 10, 15, 20, 25, 30, 35, 40)
_TIMED = """
import os, sys
from pathlib import Path
sys.path[:0] = [os.getcwd(), f"{os.getcwd()}/benchmarks"]
import validate
root, out = map(Path, sys.argv[1:])
before = os.times()
validate.stage(root, out)
print(sum(os.times()[:4]) - sum(before[:4]))
"""

Pixels = NDArray[np.uint8]


def main() -> None:
    """Print recall by aspect with the pairs that were joined wrongly, or seconds of processor time."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["recall", "time"])
    parser.add_argument("folder", nargs="?", type=Path, default=FRACATLAS)
    parser.add_argument("--each", type=int, default=40, help="originals of each aspect")
    parser.add_argument(
        "--sides", type=int, nargs=2, default=(224, 224), help="of the frame: shorter, longer"
    )
    parser.add_argument("--others", type=int, default=1_000, help="radiographs without a copy")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--against", type=Path, help="the other tree")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.what == "time":
        time(options.folder, [REPOSITORY, options.against.resolve()], options.rounds)
    else:
        recall(options.folder, options.each, tuple(options.sides), options.others, options.seed)


def recall(source: Path, n_each: int, sides: tuple[int, int], n_others: int, seed: int) -> None:
    """Find the copies among originals, their copies, and others; two groups of one name are a double."""
    from tests.validate.copies import cached

    rng, paths = np.random.default_rng(seed), folders.spread(source, 10**9)
    chosen = [paths[row] for row in rng.permutation(len(paths))]
    aspects = np.repeat(_ASPECTS, n_each).tolist()
    pixels: list[Pixels] = []
    for path, aspect in zip(chosen, aspects, strict=False):
        original = cut(read(path), aspect, rng)
        pixels += [original, copy(original, sides, rng)]
    for path in chosen[len(aspects) :][:n_others]:
        alone = cut(read(path), rng.uniform(1.3, 2.5), rng)
        pixels.append(alone if rng.random() < 0.5 else forced(alone, sides))
    numbers = cached.copies(pixels).numbers
    of_pairs = numbers[: 2 * len(aspects)].reshape(-1, 2)
    found = Counter(
        aspect for aspect, pair in zip(aspects, of_pairs.tolist(), strict=True) if len({*pair}) == 1
    )
    print({aspect: f"{found[aspect]}/{n_each}" for aspect in _ASPECTS}, f"of {len(pixels)} files")
    shows = [*np.repeat(np.arange(len(aspects)), 2), *range(len(aspects), len(pixels) - len(aspects))]
    for number, n_files in Counter(numbers.tolist()).items():
        names = {chosen[show].stem for show, other in zip(shows, numbers, strict=True) if other == number}
        if n_files > 1 and len(names) > 1:
            print("one group:", *sorted(names))


def read(path: Path) -> Pixels:
    """Decode a radiograph."""
    from pipeline.files import images

    return images.read(path).pixels


def cut(pixels: Pixels, aspect: float, rng: np.random.Generator) -> Pixels:
    """Cut a radiograph to an aspect, at a place drawn at random; its longer side stays the longer one."""
    longer, shorter = max(pixels.shape), min(pixels.shape)
    size = [min(longer, round(shorter * aspect)), min(shorter, round(longer / aspect))]
    shape = size if pixels.shape[0] >= pixels.shape[1] else size[::-1]
    row, column = (int(rng.integers(side - part + 1)) for side, part in zip(pixels.shape, shape, strict=True))
    return np.ascontiguousarray(pixels[row : row + shape[0], column : column + shape[1]])


def forced(pixels: Pixels, sides: tuple[int, int]) -> Pixels:
    """Force a radiograph into a frame; its longer side becomes the longer one."""
    shorter, longer = sides
    size = (shorter, longer) if pixels.shape[0] >= pixels.shape[1] else (longer, shorter)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def copy(pixels: Pixels, sides: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """Force a radiograph into a frame, and do with it what is done before it is published again."""
    from pipeline.files import images
    from tests.alterations import turned

    squashed = forced(pixels, sides)
    squashed = squashed[:, ::-1] if rng.random() < 0.3 else squashed
    squashed = turned(np.ascontiguousarray(squashed), float(rng.choice(_TURNS) * rng.choice([-1, 1])))
    squashed = cv2.convertScaleAbs(squashed, alpha=rng.uniform(0.8, 1.15), beta=rng.uniform(0, 20))
    data = images.encode_jpeg(squashed, int(rng.integers(75, 91)))
    return images.decode(data, "copy", squashed.size).pixels


def time(root: Path, trees: Sequence[Path], rounds: int) -> None:
    """Run the stage of two trees in turns, in processes of their own, and compare processor time."""
    seconds: list[list[float]] = [[], []]
    with tempfile.TemporaryDirectory() as work:
        for _ in range(rounds):
            for tree, taken in zip(trees, seconds, strict=True):
                command = [sys.executable, "-c", _TIMED, str(root), f"{work}/{len(taken)}"]
                environment = os.environ | {"PYTHONPATH": ""}
                done = subprocess.run(
                    command, cwd=tree, env=environment, capture_output=True, text=True, check=True
                )
                taken.append(float(done.stdout.split()[-1]))
    ratio = statistics.median(here / there for here, there in zip(*seconds, strict=True))
    print(*([f"{each:.1f}" for each in taken] for taken in seconds), f"ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
