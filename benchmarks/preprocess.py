"""Say what `preprocess` does to a file beside decoding it: milliseconds of the processor, in one process.

    python benchmarks/preprocess.py [FOLDER] [--files 200] [--sets 224 0 1200 2400] [--rounds 3]

FOLDER holds radiographs in the users' layout. Sets are copies of its files whose longer side has so many
pixels; 0: as they are. A file counts with the least of its rounds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import bars
import cv2
import folders
import pandas as pd

from pipeline import config
from pipeline.files import images
from pipeline.preprocess import canvas, preparation

REPOSITORY = Path(__file__).parents[1]
FRACATLAS = REPOSITORY.parent / "shared/data/fracatlas"
_BAR = 1.5


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FRACATLAS)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--sets", type=int, nargs="*", default=[224, 0, 1200, 2400])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cv2.setNumThreads(1)  # as in a worker
    with tempfile.TemporaryDirectory() as name:
        rows = []
        for side_px in options.sets:
            root = folders.resized(options.folder, Path(name) / str(side_px), options.files, side_px or None)
            rows.append({"longer side": side_px or "as is", **measured(root, options.rounds)})
    print(pd.DataFrame(rows).round(2).to_markdown(index=False))


def measured(root: Path, rounds: int) -> dict[str, Any]:
    """Time the parts, and the whole of what a worker does."""
    settings = config.read(REPOSITORY / "params.yaml").preprocess
    paths = [path for path in root.rglob("*") if path.is_file()]
    pixels = [images.read(path).pixels for path in paths]
    placed = [canvas.place(each, settings)[0] for each in pixels]
    rows = [{"path": path.relative_to(root).as_posix()} for path in paths]
    jobs = [preparation.Job(root, row, (), settings, images.MAX_PIXELS) for row in rows]
    decoding, whole = spent_ms(images.read, paths, rounds), spent_ms(preparation.prepare, jobs, rounds)
    ratio = whole / decoding
    return {
        "decoding, ms": decoding,
        "onto the canvas, ms": spent_ms(lambda each: canvas.place(each, settings), pixels, rounds),
        "as PNG, ms": spent_ms(images.encode_png, placed, rounds),
        "all, ms": whole,
        "all / decoding": bars.at_most(ratio, _BAR),
    }


def spent_ms(function: Callable[[Any], Any], items: Sequence[Any], rounds: int) -> float:
    """Mean over the items of the least that each took."""
    least = [float("inf")] * len(items)
    for _ in range(rounds):
        for number, item in enumerate(items):
            started = time.process_time()
            function(item)
            least[number] = min(least[number], time.process_time() - started)
    return 1000 * sum(least) / len(least)


if __name__ == "__main__":
    main()
