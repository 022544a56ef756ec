"""Say whether a file costs `validate` and `preprocess` more time where there are many files.

    python benchmarks/many_files.py [--files 10000 30000 100000]

The files are squares of 224 pixels: phantoms turned and cropped, 20 files of each, one class a phantom. They
are made anew in a temporary folder, and depend on nothing but their number. Each stage has its own process.
Seconds are by the clock and of the processor; memory is the largest sum over the stage's processes of what
is theirs alone.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import bars
import cv2
import folders
import numpy as np
import pandas as pd
import psutil

from pipeline import config
from pipeline.dataset.layout import CLASS_FOLDERS, SPLITS
from pipeline.files import engine, images
from pipeline.phantoms.drawing import draw

REPOSITORY = Path(__file__).parents[1]
_OF_EACH, _SEED, _SIDE_PX, _DRAWN_PX = 20, 7, 224, (320, 560)
_GROWTH_BAR, _MINUTES_BAR, _GIB_BAR = 0.25, 30.0, 4.0
_EVERY_S = 0.5  # how often memory is looked at


class Spent(NamedTuple):
    """What a stage took."""

    seconds: float
    processor_s: float
    gib: float


def main() -> None:
    """Make the folders, measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 100_000])
    options = parser.parse_args()
    rows = []
    for n_files in options.files:
        with tempfile.TemporaryDirectory() as name:
            make(Path(name) / "data", n_files)
            spent = {stage: measured(stage, Path(name)) for stage in ("validate", "preprocess")}
            rows.append(row(n_files, spent, wrongly_joined(Path(name) / "manifest.csv")))
    table = pd.DataFrame(rows)
    for stage in ("validate", "preprocess"):
        first = table[f"{stage}, processor ms a file"].iloc[0]
        table[f"{stage}, growth"] = table[f"{stage}, processor ms a file"] / first - 1
    print(table.round(2).to_markdown(index=False))
    minutes, gib = table["minutes"].iloc[-1], table.filter(like="GiB").iloc[-1].max()
    grown = table.filter(like="growth").to_numpy().max()
    print(f"\n{bars.at_most(minutes, _MINUTES_BAR, '{:.1f} minutes')}, ", end="")
    print(f"{bars.at_most(gib, _GIB_BAR, '{:.1f} GiB')}, ", end="")
    print(f"growth {bars.at_most(grown, _GROWTH_BAR, '{:+.0%}')}")


def make(root: Path, n_files: int) -> None:
    """Draw phantoms, and write the turned and cropped squares of each."""
    numbers = range(-(-n_files // _OF_EACH))
    for _ in engine.process(partial(write, root, n_files), numbers, workers=0, label="make"):
        pass


def write(root: Path, n_files: int, number: int) -> None:
    """Write the files of one phantom; the first is the phantom itself."""
    fractured = number % 2 == 0
    rng = np.random.default_rng([_SEED, number])
    pixels = folders.square(draw(_SEED, "train", number, fractured=fractured, side_px=_DRAWN_PX).pixels)
    split = SPLITS[int(rng.choice(3, p=(0.6, 0.2, 0.2)))]
    folder = root / split / {label: name for name, label in CLASS_FOLDERS.items()}[fractured]
    folder.mkdir(parents=True, exist_ok=True)
    for copy in range(min(_OF_EACH, n_files - number * _OF_EACH)):
        shown = altered(pixels, rng) if copy else pixels
        (folder / f"{number:05}-{copy:02}.jpg").write_bytes(images.encode_jpeg(shown, 90))


def altered(pixels: folders.Pixels, rng: np.random.Generator) -> folders.Pixels:
    """Turn by up to 15 degrees and crop to 88 % of the sides and more."""
    turn = cv2.getRotationMatrix2D((_SIDE_PX / 2, _SIDE_PX / 2), rng.uniform(-15, 15), 1.0)
    turned = cv2.warpAffine(pixels, turn, pixels.shape[::-1])
    top, left, bottom, right = rng.integers(0, 14, 4)
    return folders.square(turned[top : _SIDE_PX - bottom, left : _SIDE_PX - right])


def measured(stage: str, work: Path) -> Spent:
    """Run a stage in a process of its own, and watch its memory."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run, stage, work).result()


def run(stage: str, work: Path) -> Spent:
    """Run a stage as `dvc repro` would, but with paths of its own."""
    from pipeline.stages import preprocess, validate

    settings = settings_for(work)
    os.chdir(work)  # no dvc.yaml here: nothing is tracked
    started = time.monotonic()
    with watched() as seen:
        {"validate": validate, "preprocess": preprocess}[stage].run(settings)
    seconds = time.monotonic() - started
    return Spent(seconds, sum(os.times()[:4]), max(seen) / 2**30)


@contextlib.contextmanager
def watched() -> Iterator[list[float]]:
    """Note now and then how many bytes this process and those below it hold for themselves."""
    seen, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(_EVERY_S):
            processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
            seen.append(sum(held(each) for each in processes))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def held(process: psutil.Process) -> float:
    """Bytes that a process holds for itself; none of one that has ended."""
    try:
        memory = process.memory_info()
        return float(memory.rss - memory.shared)
    except psutil.Error:
        return 0.0


def settings_for(work: Path) -> config.Config:
    """Take the repository's settings, with paths in a folder."""
    whole = config.read(REPOSITORY / "params.yaml")
    data = {
        "root": work / "data",
        "annotations": REPOSITORY / "Data/none.coco.json",
        "labels": REPOSITORY / "Data/none.csv",
    }
    paths: dict[str, Any] = {
        name: work / name for name in ("annotations", "reports", "shards", "models", "phantoms")
    }
    paths["manifest"] = work / "manifest.csv"
    earlier = REPOSITORY / whole.validation.pinned_manifest
    return whole.model_copy(
        update={
            "paths": whole.paths.model_copy(update=paths),
            "data": whole.data.model_copy(update=data),
            "validation": whole.validation.model_copy(update={"pinned_manifest": earlier}),
        }
    )


def wrongly_joined(manifest: Path) -> int:
    """Count the groups that hold files of more than one phantom."""
    files = pd.read_csv(manifest, dtype="str").dropna(subset="group")
    phantom = files["path"].str.extract(r"(\d+)-\d+\.jpg$", expand=False)
    pairs = pd.DataFrame({"group": files["group"], "phantom": phantom}).drop_duplicates()
    return int((pairs["group"].value_counts() > 1).sum())


def row(n_files: int, spent: dict[str, Spent], n_wrong: int) -> dict[str, float]:
    """One line of the table."""
    figures: dict[str, float] = {"files": n_files, "groups wrongly joined": n_wrong}
    for stage, each in spent.items():
        figures[f"{stage}, ms a file"] = 1000 * each.seconds / n_files
        figures[f"{stage}, processor ms a file"] = 1000 * each.processor_s / n_files
        figures[f"{stage}, GiB"] = each.gib
    return figures | {"minutes": sum(each.seconds for each in spent.values()) / 60}


if __name__ == "__main__":
    main()
