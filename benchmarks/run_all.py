"""Run the benchmarks one after another, and write one page of what each of them printed.

    make bench                                                     # hours on a quiet machine
    python -m benchmarks.run_all --quick --only preprocess --page FILE    # on few files, to see that it runs

Each has a process of its own. What needs data, a finished pipeline or another package is left out where that
is missing, and the page says so. Benchmarks that train for hours are no part of it: `LEFT_OUT`.

The page is written anew after each, and names those that were not run. What ended well is kept in
`.benchmarks.json`, by commit: whoever stops the run, or is stopped, starts it again, and it goes on. Nothing
is kept where files differ from the commit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import page
from benchmarks.page import Outcome

REPOSITORY = page.REPOSITORY
_DATA = Path("../shared/data")
_FRACATLAS, _WHOLE = _DATA / "fracatlas", _DATA / "fracatlas_full"
_SHARDS, _RELEASED = Path("Data/shards/index.csv"), Path("models/released/fracatlas")
_KEPT = REPOSITORY / ".benchmarks.json"


class Benchmark(NamedTuple):
    """A script, its arguments, those of the quick mode, and what must be there."""

    script: str
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    needs: tuple[Path, ...] = ()


BENCHMARKS = (
    Benchmark(
        "validate",
        ("--rounds", "1"),  # three take three quarters of an hour
        ("--files", "60", "--sets", "224", "--many", "0", "--growth", "0"),
        (_FRACATLAS,),
    ),
    Benchmark("validate", ("--users-kind",), ("--users-kind", "--share", "0.01"), (_FRACATLAS,)),
    Benchmark("many_files", (), ("--files", "400", "800")),
    Benchmark("preprocess", (), ("--files", "10", "--sets", "224", "--rounds", "1"), (_FRACATLAS,)),
    Benchmark(
        "train", ("--side-px", "224", "--epochs", "8"), ("--side-px", "64", "--epochs", "2"), (_FRACATLAS,)
    ),
    Benchmark("feeding", (), ("--batches", "2"), (_SHARDS,)),
    Benchmark("depthwise", (), ("--side-px", "64", "--batch", "2", "--rounds", "1")),
    Benchmark("region_maps", ("--models", str(_RELEASED)), ("--images", "4", "--rounds", "1"), (_SHARDS,)),
    Benchmark("hash_table", (str(_FRACATLAS),), (str(_FRACATLAS), "--rows", "2000"), (_FRACATLAS,)),
    Benchmark("overhead", (), ("--rounds", "1", "--stages", "validate")),
    Benchmark("squashed", ("recall",), (), (_FRACATLAS,)),
    Benchmark("learnt_hashes", (str(_WHOLE),), (), (_WHOLE,)),
    Benchmark("label_errors", (str(_FRACATLAS),), (), (_FRACATLAS,)),
    Benchmark("overprint", (str(_FRACATLAS),), (), (_FRACATLAS,)),
    Benchmark("torn", (str(_WHOLE),), (), (_WHOLE,)),
    Benchmark("scope", (str(_WHOLE),), (), (_WHOLE,)),
    Benchmark("recalibrate"),
    Benchmark("predict", (), ("--images", "2", "--rounds", "1")),
    Benchmark("serve_load", (), ("--seconds", "5", "--clients", "2")),
    Benchmark("scale", ("1000", "10000", "100000"), ("200",)),
    Benchmark("ray_data"),
)
LEFT_OUT = {
    **dict.fromkeys(("ablations", "trials", "elsewhere", "released_start"), "train for hours"),
    **dict.fromkeys(
        ("box_strength", "map_settings", "shown_regions", "int8", "views"), "choose settings on `val`"
    ),
    "gpu": "needs a GPU",
    **dict.fromkeys(("not_radiograph", "not_radiograph_examples"), "fit a file of the package"),
    **dict.fromkeys(
        ("bars", "folders", "turns", "page", "plain_keras", "run_all"), "are parts of the others"
    ),
}


def main() -> None:
    """Run them, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", default=sorted({each.script for each in BENCHMARKS}))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", help="a Python that has cleanvision and tf-keras-vis")
    parser.add_argument("--page", type=Path, default=REPOSITORY / "docs/benchmarks.md")
    options = parser.parse_args()
    chosen = [each for each in BENCHMARKS if each.script in options.only]
    peers = options_of_peers(options.peers) if options.peers else {}
    at, outcomes = page.commit(), []
    kept = earlier(_KEPT, at)
    waiting = [" ".join(spelled(each, quick=options.quick)) for each in BENCHMARKS]
    for each in chosen:
        command = " ".join(spelled(each, quick=options.quick))
        outcome = kept.get(command) or run(each, quick=options.quick, more=peers.get(each.script, ()))
        outcomes.append(outcome)
        waiting.remove(command)
        if outcome.is_sound and not at.endswith(page.CHANGED):
            kept[command] = outcome
            _KEPT.write_text(json.dumps({"commit": at, "outcomes": list(kept.values())}), encoding="utf-8")
        options.page.write_text(page.written(outcomes, at, waiting), encoding="utf-8")
        print(f"{outcome.command}: {outcome.seconds:.0f} s", flush=True)


def options_of_peers(python: str) -> dict[str, tuple[str, str]]:
    """Tell benchmarks of the Python that has the peers: where it is, or where its packages lie."""
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    return {"validate": ("--cleanvision", python), "region_maps": ("--peer", packages)}


def spelled(benchmark: Benchmark, *, quick: bool = False) -> list[str]:
    """Spell the command of one, as the page has it."""
    arguments = benchmark.quick or benchmark.arguments if quick else benchmark.arguments
    return ["python", "-m", f"benchmarks.{benchmark.script}", *arguments]


def earlier(file: Path, at: str) -> dict[str, Outcome]:
    """Read what ended well in an earlier run of the same commit, by command."""
    if not file.exists():
        return {}
    found = json.loads(file.read_text(encoding="utf-8"))
    return {each[0]: Outcome(*each) for each in found["outcomes"] if found["commit"] == at}


def run(benchmark: Benchmark, *, quick: bool = False, more: Sequence[str] = ()) -> Outcome:
    """Run one in a process of its own, from the top of the repository."""
    command = spelled(benchmark, quick=quick)
    missing = [str(path) for path in benchmark.needs if not (REPOSITORY / path).exists()]
    if missing:
        return Outcome(" ".join(command), f"Not run: {', '.join(missing)} is not there.", False, 0.0)
    started = time.monotonic()
    paths = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "benchmarks")))
    done = subprocess.run(
        [sys.executable, *command[1:], *more],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.strip()
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        said = f"{said}\n\nFailed: `{last}`".strip()
    return Outcome(" ".join(command), said, done.returncode == 0, time.monotonic() - started)


if __name__ == "__main__":
    main()
