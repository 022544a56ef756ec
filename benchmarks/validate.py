"""Time the stage `validate` against decoding alone and against cleanvision, and how it grows.

    python benchmarks/validate.py [FOLDER]                # ratios by size of the files, and growth
    python benchmarks/validate.py [FOLDER] --sets 224 --many 0     # some of that
    python benchmarks/validate.py [FOLDER] --users-kind   # 10,580 files of the users' kind

Beside each figure that has a bar stands whether it meets it.

FOLDER holds radiographs in the users' layout. All is made in a temporary folder. Each measurement has a
process of its own, its imports not counted; peers run in turns, and ratios are medians of their rounds.
cleanvision is no dependency: `pip install --group peers`, here or elsewhere, and --cleanvision PYTHON.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import bars
import folders

REPOSITORY = Path(__file__).parents[1]
FRACATLAS = REPOSITORY.parent / "shared/data/fracatlas"

_AS_IS = 0
_SIZES_PX = (224, _AS_IS, 512, 1200, 2400)  # the longer side of all files of a set
_LARGE_PX, _BAR, _LARGE_BAR = 1000, 3.0, 1.5  # stage / decoding, at most; the second from that size on
_MEDIUM_PX, _PEER_BAR, _MEDIUM_PEER_BAR = 512, 1.5, 1.0  # stage / cleanvision, the same
_GROWTH = (1, 2, 4, 8)
_GROWTH_BAR = 0.2  # more time a file
_USERS_BAR_S = 360
_CLEANVISION = """
import sys, time
from cleanvision import Imagelab
started = time.monotonic()
Imagelab(data_path=sys.argv[1]).find_issues(verbose=False)
print(time.monotonic() - started, file=sys.stderr)
"""


class Timing(NamedTuple):
    """Seconds, and the largest memory of the process, its workers not counted."""

    seconds: float
    mib: float = float("nan")


_Round = Mapping[str, Timing]


def main() -> None:
    """Make the folders, measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FRACATLAS)
    parser.add_argument("--files", type=int, default=1_420, help="of each size")
    parser.add_argument("--sets", type=int, nargs="*", default=_SIZES_PX, help="their sizes; 0: as they are")
    parser.add_argument(
        "--many", type=int, default=10_000, help="files of a large set of 224 px; 0: leave out"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", type=int, default=1_400, help="files of the smallest set; 0: leave out")
    parser.add_argument("--users-kind", action="store_true")
    parser.add_argument("--share", type=float, default=1.0, help="of the users' 10,580 files")
    parser.add_argument("--cleanvision", default=sys.executable, help="a Python that has it")
    options = parser.parse_args()
    if not folders.spread(options.folder, 1):
        raise SystemExit(f"FOLDER must hold radiographs in the users' layout. Received: {options.folder}")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if options.users_kind:
            users_kind(options.folder, work, options.share)
        else:
            roots = {
                _name(side_px): (
                    folders.resized(options.folder, work / str(side_px), options.files, side_px or None),
                    (
                        _LARGE_BAR if side_px >= _LARGE_PX else _BAR,
                        _MEDIUM_PEER_BAR if side_px >= _MEDIUM_PX else _PEER_BAR,
                    ),
                )
                for side_px in options.sets
            }
            if options.many:
                roots["224 px, mixed"] = (
                    folders.mixed(options.folder, work / "many", options.many),
                    (_BAR, _PEER_BAR),
                )
            sizes(roots, work, options.rounds, options.cleanvision)
            if options.growth:
                growth(options.folder, work, options.growth, options.rounds)


def sizes(
    roots: Mapping[str, tuple[Path, tuple[float, float]]], work: Path, rounds: int, python: str
) -> None:
    """Compare the stage with its peers on folders, each with its bars for the ratios to them."""
    peers: dict[str, Callable[[Path], Timing]] = {
        "decoding": lambda root: fresh(decoding, root),
        "stage": lambda root: fresh(stage, root, work / "out"),
    }
    if has_cleanvision(python):
        peers["cleanvision"] = lambda root: cleanvision(python, root)
    else:
        print("cleanvision is not there: `pip install --group peers`, or --cleanvision PYTHON\n")
    rows = []
    for name, (root, limits) in roots.items():
        timings = [{peer: measure(root) for peer, measure in peers.items()} for _ in range(rounds)]
        seconds = [_median(timings, lambda each, peer=peer: each[peer].seconds) for peer in peers]
        ratios = [
            _median(timings, lambda each, peer=peer: each["stage"].seconds / each[peer].seconds)
            for peer in peers
            if peer != "stage"
        ]
        judged = [bars.at_most(ratio, limit) for ratio, limit in zip(ratios, limits, strict=False)]
        memory = _median(timings, lambda each: each["stage"].mib)
        rows.append([name, count(root), *(f"{value:.1f}" for value in seconds), *judged, f"{memory:.0f}"])
    heads = [f"{peer}, s" for peer in peers], [f"stage / {peer}" for peer in peers if peer != "stage"]
    table(["files of", "files", *heads[0], *heads[1], "stage MiB"], rows)


def _name(side_px: int) -> str:
    return f"{side_px:,} px" if side_px != _AS_IS else "as is"


def _median(timings: Sequence[_Round], value: Callable[[_Round], float]) -> float:
    return statistics.median(value(each) for each in timings)


def growth(source: Path, work: Path, n_files: int, rounds: int) -> None:
    """Time a file in sets of 1, 2, 4 and 8 times as many, all of 224 px."""
    rows: list[list[str]] = []
    first_ms = first_mib = 0.0
    for times in _GROWTH:
        root = folders.mixed(source, work / f"x{times}", times * n_files)
        timings = [{"stage": fresh(stage, root, work / "out")} for _ in range(rounds)]
        each_ms = 1000 * _median(timings, lambda each: each["stage"].seconds) / (times * n_files)
        mib = _median(timings, lambda each: each["stage"].mib)
        first_ms, first_mib = first_ms or each_ms, first_mib or mib
        grown = each_ms / first_ms - 1
        met = bars.at_most(grown, _GROWTH_BAR, "{:+.0%}")
        added_kib = 1024 * (mib - first_mib) / max(1, (times - 1) * n_files)
        rows.append([f"x {times}", count(root), f"{each_ms:.2f}", met, f"{mib:.0f}", f"{added_kib:.0f}"])
    print()
    table(["growth", "files", "ms a file", "against x 1", "stage MiB", "KiB a file more"], rows)


def users_kind(source: Path, work: Path, share: float) -> None:
    """Time the stage on the users' kind of folder."""
    root = folders.users_kind(source, work / "users", share)
    timing = fresh(stage, root, work / "out")
    rows = [[count(root), bars.at_most(timing.seconds, share * _USERS_BAR_S), f"{timing.mib:.0f}"]]
    table(["files of the users' kind", "stage, s (2 cores)", "stage MiB"], rows)


def stage(root: Path, out: Path) -> Timing:
    """Run `validate` as `dvc repro` would, with the repository's settings but its own paths."""
    from pipeline import config
    from pipeline.stages import validate

    whole = config.read(REPOSITORY / "params.yaml")
    nothing = {"annotations": REPOSITORY / "Data/none.coco.json", "labels": REPOSITORY / "Data/none.csv"}
    paths = {"manifest": out / "m.csv", "annotations": out / "a.json", "reports": out / "reports"}
    earlier = REPOSITORY / whole.validation.pinned_manifest
    settings = whole.model_copy(
        update={
            "paths": whole.paths.model_copy(update=paths),
            "data": whole.data.model_copy(update=nothing | {"root": root}),
            "validation": whole.validation.model_copy(update={"pinned_manifest": earlier}),
        }
    )
    out.mkdir(exist_ok=True)
    os.chdir(out)  # no dvc.yaml here: nothing is tracked
    started = time.monotonic()
    validate.run(settings)
    return Timing(time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def decoding(root: Path) -> Timing:
    """Decode every file strictly, in as many processes, and do nothing with it."""
    from pipeline.files import engine
    from pipeline.validate import intake

    started = time.monotonic()
    for _ in engine.process(_decode, intake.listing([root]).files, workers=0, label="decode"):
        pass
    return Timing(time.monotonic() - started)


def _decode(path: Path) -> bool:
    from pipeline.files import images

    try:
        images.read(path)
    except images.ImageFault:
        return False
    return True


def cleanvision(python: str, root: Path) -> Timing:
    """Run cleanvision's default checks, which use all cores."""
    done = subprocess.run([python, "-c", _CLEANVISION, str(root)], capture_output=True, text=True, check=True)
    return Timing(float(done.stderr.strip().splitlines()[-1]))


def has_cleanvision(python: str) -> bool:
    """Whether that Python can import it."""
    return (
        subprocess.run([python, "-c", "import cleanvision"], capture_output=True, check=False).returncode == 0
    )


def fresh(function: Callable[..., Timing], *arguments: Any) -> Timing:
    """Call a function in a new process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def count(root: Path) -> str:
    """Write the number of files."""
    return f"{sum(path.is_file() for path in root.rglob('*')):,}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
