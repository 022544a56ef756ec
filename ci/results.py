"""Render docs/results.md, and the table of figures in README, from the committed figures of the cited runs.

    python -m ci.results                       # write both
    python -m ci.results record NAME FOLDER    # a finished run: its figures into docs/results/NAME.json;
                                               # of `pooled`, those of `fracture folds`, and its answers

Each ``docs/results/RUN.json`` holds one run: its commit, command, data and settings, written by hand, and
under ``figures`` what its stages wrote. ``bars.json`` says which figures are shown, and what each run must
reach: whether a bar is met is computed here. In README the table stands between ``<!-- figures -->`` and
``<!-- /figures -->``; without these marks README stays as it is.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.dataset import names, tables
from pipeline.evaluate import evaluation
from pipeline.report import pages
from pipeline.statistics import score_curves

REPOSITORY = Path(__file__).parents[1]
POOLED = "pooled"
RUNS = ("phantoms", "labels_only", "drawn_fractures", POOLED, "released")
STAGES = ("validate", "train", "evaluate", "region_maps")
PAGE = Path("docs/results.md")
README = Path("README.md")
_MARKED = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)
_FOLDER = Path("docs/results")
ANSWERS = _FOLDER / "pooled.csv"  # of the five folds: what each said of the radiographs that it tested
_SENSITIVITY = 0.95


def main() -> int:
    """Write the page and README's table, or take the figures of a run; return 2 for a call of no sense."""
    match sys.argv[1:]:
        case []:
            for path, text in rendered(REPOSITORY).items():
                path.write_text(text, encoding="utf-8")
        case ["record", name, folder] if name in RUNS:
            record(REPOSITORY / _FOLDER / f"{name}.json", Path(folder))
        case received:
            sys.stderr.write(f"Nothing, or record NAME FOLDER with a run of {RUNS}. Received: {received}\n")
            return 2
    return 0


def rendered(repository: Path) -> dict[Path, str]:
    """Return what the page should hold, and README where it has the two marks.

    Parameters
    ----------
    repository
        The folder that holds ``docs/results/``, ``docs/results.md`` and ``README.md``.
    """
    runs = {name: load(repository, name) for name in RUNS}
    bars = json.loads((repository / _FOLDER / "bars.json").read_text(encoding="utf-8"))
    context = {
        "runs": runs,
        "rows": [
            (figure["title"], [cell(figure, name, run) for name, run in runs.items()]) for figure in bars
        ],
        "tally": {name: tally(bars, name, run) for name, run in runs.items()},
    }
    texts = {repository / PAGE: _fill("results.md", context)}
    readme = repository / README
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    if _MARKED.search(text):
        table = "\n" + _fill("figures.md", context) + "\n"
        texts[readme] = _MARKED.sub(lambda _: table, text)
    return texts


def load(repository: Path, name: str) -> dict[str, Any]:
    """Read one run."""
    run: dict[str, Any] = json.loads((repository / _FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return run


def look_up(run: Mapping[str, Any], key: str) -> Any:
    """Return the figure at a path such as ``evaluate/test/auroc``; None where the run has none.

    Examples
    --------
    >>> look_up({"minutes": 19, "figures": {"train": {"epochs": 14}}}, "train/epochs")
    14
    """
    value: Any = {**run["figures"], "minutes": run["minutes"]}
    for part in key.split("/"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def is_met(figure: Mapping[str, Any], run: Mapping[str, Any], bar: float) -> bool | None:
    """Say whether a run meets a bar; None where the run lacks the figure.

    The rule of the figure says how: ``at least`` and ``at most`` the bar; ``times`` another figure, at least;
    ``apart``: the interval lies below that of another figure.
    """
    key, other = figure["key"], figure.get("beside", "")
    value, beside = look_up(run, key), look_up(run, other)
    if value is None:
        return None
    match figure["rule"]:
        case "at least":
            return bool(value >= bar)
        case "at most":
            return bool(value <= bar)
        case "times":
            return None if beside is None else bool(value >= bar * max(beside, 0.0))
        case "apart":
            high, low = look_up(run, f"{key}_high"), look_up(run, f"{other}_low")
            return None if high is None or low is None else bool(high < low)
    raise ValueError(f"A rule is at least, at most, times or apart. Received: {figure['rule']} ({key})")


def cell(figure: Mapping[str, Any], name: str, run: Mapping[str, Any]) -> str:
    """Write a figure with its interval, what stands beside it, its bar, and whether it is met."""
    places = figure.get("places", 3)
    text = _interval(run, figure["key"], places)
    if "beside" in figure and text != pages.MISSING:
        text += f"; {pages.decimals(look_up(run, figure['beside']), places)}"
    bar = figure.get("bars", {}).get(name)
    if bar is None or (met := is_met(figure, run, bar)) is None:
        return text
    wanted = {"times": f"{bar} times", "apart": "apart"}.get(figure["rule"], f"{figure['rule']} {bar}")
    return f"{text}<br>{wanted}: {'met' if met else '**missed**'}"


def tally(bars: Sequence[Mapping[str, Any]], name: str, run: Mapping[str, Any]) -> tuple[int, int]:
    """Count the bars of a run that are met, and those that could be asked."""
    asked = [(figure, bar) for figure in bars if (bar := figure.get("bars", {}).get(name)) is not None]
    met = [is_met(figure, run, bar) for figure, bar in asked]
    return met.count(True), len(met) - met.count(None)


def record(file: Path, folder: Path) -> None:
    """Replace the figures of a run by those in the reports of a finished one; the rest of the file stays."""
    run = json.loads(file.read_text(encoding="utf-8"))
    if file.stem == POOLED:
        run["figures"] = pooled_figures(folder / "reports/folds")
        shutil.copyfile(folder / "reports/folds" / names.PREDICTIONS, file.with_name(ANSWERS.name))
    else:
        run["figures"] = figures(folder / "reports")
    file.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")


def figures(reports: Path) -> dict[str, Any]:
    """Return what the stages of a run measured, and its specificity with a threshold of `test` itself."""
    metrics = {
        stage: json.loads((reports / stage / "metrics.json").read_text(encoding="utf-8")) for stage in STAGES
    }
    return metrics | {"roc": at_sensitivity(pd.read_csv(reports / "evaluate/plots/roc.csv"))}


def pooled_figures(report: Path) -> dict[str, Any]:
    """Return what ``fracture folds`` pooled, under the keys of a run, without what each fold says alone."""
    metrics = json.loads((report / names.METRICS).read_text(encoding="utf-8"))
    evaluated = {key: metrics.pop(key) for key in ("test", "best_null")}
    del metrics["by_fold"]
    curve = curve_of(answers(report / names.PREDICTIONS))
    return {"evaluate": evaluated, "region_maps": metrics, "roc": at_sensitivity(curve)}


def answers(file: Path) -> pd.DataFrame:
    """Read what all folds said of the radiographs that they tested."""
    return tables.measured(file, dtype={"path": "str", "group": "str"})


def curve_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the ROC curve of answers."""
    y_true, y_score, _ = evaluation.columns(rows)
    return pd.DataFrame(score_curves.roc_curve(y_true, y_score))


def at_sensitivity(curve: pd.DataFrame) -> dict[str, float]:
    """Return the first point of a curve whose sensitivity reaches 95 %, chosen on the curve itself."""
    first = curve[curve["sensitivity"] >= _SENSITIVITY].iloc[0]
    return {
        "sensitivity": float(first["sensitivity"]),
        "specificity": round(1 - float(first["false_positive_rate"]), 6),
    }


def _fill(template: str, context: Mapping[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # Markdown of our own figures
    )
    environment.filters |= {
        "count": pages.count,
        "decimals": pages.decimals,
        "promised": pages.promised,
        "interval": _interval,
    }
    environment.globals["look_up"] = look_up
    return environment.get_template(template).render(context).rstrip("\n") + "\n"


def _interval(run: Mapping[str, Any], key: str, places: int = 3) -> str:
    value, low, high = (look_up(run, key + end) for end in ("", "_low", "_high"))
    return pages.interval(value, low, high, places)


if __name__ == "__main__":
    sys.exit(main())
