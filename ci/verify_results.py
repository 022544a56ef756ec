"""Recompute what can be recomputed here of docs/results.md; say what cannot, and why.

    python -m ci.verify_results # or `make verify-results`; minutes where FracAtlas is at hand, else seconds

One line for each group of figures: verified, differs, or cannot be recomputed here. The exit code is 1 where
something differs. A training on another kind of processor may differ in the last digits.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml

from ci import results
from pipeline.evaluate import folds
from pipeline.files import outputs

VERIFIED, DIFFERS, CANNOT = "verified", "differs", "cannot be recomputed here"
_MODEL = Path("models/released/fracatlas")
_SHOWN = 3  # keys of those that differ
# What `fracture assess` gives otherwise or not at all: intervals, what is counted by group, the gap to
# shortcut baselines, and regions alone, whose radiographs are drawn by lot.
_OTHERWISE = re.compile(r"_(low|high)$|null_gap|group|guaranteed|by_chance|alone|blurred|geometry")


class Outcome(NamedTuple):
    """What became of one group of figures."""

    verdict: str
    group: str
    why: str


def main() -> int:
    """Verify each group, and print its line as soon as it is known; return 1 where one differs."""
    verdicts = set()
    for outcome in outcomes(results.REPOSITORY):
        sys.stdout.write(f"{outcome.verdict}: {outcome.group}: {outcome.why}\n")
        sys.stdout.flush()
        verdicts.add(outcome.verdict)
    return int(DIFFERS in verdicts)


def outcomes(repository: Path) -> Iterator[Outcome]:
    """Verify the pages, each run, and the released model."""
    yield from pages(repository)
    for name in results.RUNS:
        if name != results.POOLED:
            yield finished_run(repository, name)
    yield pooled_maps(repository)
    yield pooled_answers(repository)
    yield released_figures(repository)
    yield released_answers(repository)


def pages(repository: Path) -> Iterator[Outcome]:
    """Hold the page, and README where it has its marks, against what is rendered."""
    texts = results.rendered(repository)
    for path in (results.PAGE, results.README):
        if repository / path not in texts:
            yield Outcome(CANNOT, str(path), "it has no marks <!-- figures --> and <!-- /figures -->")
        elif (repository / path).read_text(encoding="utf-8") == texts[repository / path]:
            yield Outcome(VERIFIED, str(path), "is what `python -m ci.results` renders")
        else:
            yield Outcome(DIFFERS, str(path), "is not what `python -m ci.results` renders: run it")


def finished_run(repository: Path, name: str) -> Outcome:
    """Hold a run's figures against those in ``reports/``, where these are of its settings."""
    run, group = results.load(repository, name), f"docs/results/{name}.json, whole run"
    if "read_from" in run:
        was = run["read_from"]
        why = f"no metrics.json was kept; the figures stand in {was['file']} at {was['commit'][:7]}"
        return Outcome(CANNOT, group, why)
    if other := other_settings(repository, run["changed"]):
        return Outcome(CANNOT, group, f"{other}; set its settings, run `{run['command']}`, then this again")
    found = flat(results.figures(repository / "reports"))
    return compared(group, flat(run["figures"]), found, "reports/")


def other_settings(repository: Path, changed: Mapping[str, Any]) -> str:
    """Say why ``reports/`` are not of a run with such settings; empty where they are.

    What ``dvc.lock`` says of the settings of each stage must be what params.yaml says with these changes.
    """
    lock, last = repository / "dvc.lock", repository / "reports/region_maps/metrics.json"
    if not (lock.exists() and last.exists()):
        return "no finished run lies in reports/"
    wanted = flat(_yaml(repository / "params.yaml"), ".") | dict(changed)
    for stage in _yaml(lock)["stages"].values():
        used = flat(stage.get("params", {}).get("params.yaml", {}), ".")
        for key, value in used.items():
            if key not in wanted or wanted[key] != value:
                return f"reports/ holds a run with {key}: {value}"
    return ""


def pooled_maps(repository: Path) -> Outcome:
    """Say how the figures of maps over all folds are made again: the maps are no part of the repository."""
    run, group = results.load(repository, results.POOLED), "docs/results/pooled.json, figures of maps"
    return Outcome(CANNOT, group, f"set its settings, run `{run['command']}`, then compare reports/folds")


def pooled_answers(repository: Path) -> Outcome:
    """Score what all folds said anew."""
    run, group = results.load(repository, results.POOLED), "docs/results/pooled.json, figures of answers"
    rows = results.answers(repository / results.ANSWERS)
    roc = results.at_sensitivity(results.curve_of(rows))
    with tempfile.TemporaryDirectory() as kept:  # with the digits of a metrics.json
        outputs.write_json(file := Path(kept) / "pooled.json", folds.pool(rows, **run["repeat"]))
        test = json.loads(file.read_text(encoding="utf-8"))
    expected = flat({"test": run["figures"]["evaluate"]["test"], "roc": run["figures"]["roc"]})
    asked = {key: value for key, value in expected.items() if "null_gap" not in key}  # that takes radiographs
    return compared(group, asked, flat({"test": test, "roc": roc}), str(results.ANSWERS))


def released_figures(repository: Path) -> Outcome:
    """Hold the figures of the released model against those that it carries."""
    group = "docs/results/released.json, figures of the release"
    run = results.load(repository, "released")["figures"]
    carried = json.loads((repository / _MODEL / "figures.json").read_text(encoding="utf-8"))
    expected = {stage: run[stage] for stage in run if stage in carried}
    return compared(group, flat(expected), flat(carried), f"{_MODEL}/figures.json")


def released_answers(repository: Path) -> Outcome:
    """Let the released model answer for its `test` again, and hold the figures against those of its run."""
    group = "docs/results/released.json, answers of the released model"
    run = results.load(repository, "released")
    data = repository / run["changed"]["data.root"]
    if not data.is_dir():
        return Outcome(CANNOT, group, f"{run['changed']['data.root']} is not here")
    with tempfile.TemporaryDirectory() as kept:
        gather(data, run["test"], Path(kept) / "test")
        command = [sys.executable, "-m", "pipeline", "assess", f"{kept}/test", "--model", "released"]
        command += ["--annotations", str(repository / run["changed"]["data.annotations"])]
        command += ["--out", f"{kept}/out"]
        done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
        if done.returncode:
            return Outcome(
                DIFFERS, group, f"`fracture assess` ends with {done.returncode}: {done.stderr[-300:]}"
            )
        answered = assessed(Path(kept) / "out")
    return compared(group, points(run["figures"]), points(answered), "`fracture assess`")


def gather(data: Path, test: Mapping[str, Any], target: Path) -> None:
    """Copy the radiographs of a run's `test`: those of the published folder, less and more as it says."""
    published = {path.relative_to(data).as_posix() for path in (data / test["folder"]).rglob("*.*")}
    for name in sorted((published - set(test["left_out"])) | set(test["added"])):
        place = target / Path(name).relative_to(Path(name).parts[0])
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(data / name, place)


def assessed(folder: Path) -> dict[str, Any]:
    """Return what ``fracture assess`` measured, under the keys of a run."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    roc = results.at_sensitivity(pd.read_csv(folder / "plots/roc.csv"))
    return {"evaluate": {"test": metrics["test"]}, "region_maps": metrics, "roc": roc}


def points(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures that a run and ``fracture assess`` of its `test` must share to the last digit."""
    shared = {
        "test": figures["evaluate"]["test"],
        "roc": figures["roc"],
        "region_maps": figures["region_maps"],
    }
    return {key: value for key, value in flat(shared).items() if not _OTHERWISE.search(key)}


def flat(nested: Mapping[str, Any], separator: str = "/", above: str = "") -> dict[str, Any]:
    """Lay nested figures out by path.

    Examples
    --------
    >>> flat({"test": {"auroc": 0.9}, "files": 3})
    {'test/auroc': 0.9, 'files': 3}
    """
    paths: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            paths |= flat(value, separator, f"{above}{key}{separator}")
        else:
            paths[f"{above}{key}"] = value
    return paths


def compared(group: str, expected: Mapping[str, Any], found: Mapping[str, Any], where: str) -> Outcome:
    """Compare all expected figures, to the last digit."""
    other = [key for key, value in expected.items() if found.get(key) != value]
    if not other:
        return Outcome(VERIFIED, group, f"{len(expected)} figures equal those of {where}")
    told = "; ".join(f"{key} {expected[key]}, there {found.get(key)}" for key in other[:_SHOWN])
    return Outcome(DIFFERS, group, f"{len(other)} of {len(expected)} figures of {where}: {told}")


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
