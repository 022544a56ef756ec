"""Two recorded states side by side: settings, figures, paired intervals, and maps of the same radiographs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.config import Config
from pipeline.dataset import tables
from pipeline.dataset.names import PREDICTIONS
from pipeline.evaluate import comparison
from pipeline.evaluate.comparison import Difference
from pipeline.files import outputs
from pipeline.report import comparison as report
from pipeline.report.comparison import Pair, Part
from pipeline.report.pages import NO_INTERVAL
from pipeline.track import recorded
from pipeline.track.recorded import Record

log = logging.getLogger(__name__)

_KEY = ("path", "fractured")
_NOBODY = pd.DataFrame(
    {"path": "", "group": "", "fractured": True, "y_score": 0.0, "decision": ""}, index=range(0)
)
_LABELS = {
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "brier_score": "Brier score",
    "ece": "Expected calibration error",
}
_ERRORS = {"missed": "Fractured, called no finding", "false_alarm": "Not fractured, called fracture"}


class Shared(NamedTuple):
    """The radiographs that both tested: ``fractured``, and the predictions of both (``_1``, ``_2``)."""

    rows: pd.DataFrame
    tested: tuple[int, int]


def run(config: Config, first: str, second: str, out: Path | None) -> None:
    """Compare, and write Markdown to standard output, or Markdown or a page to ``out``.

    Parameters
    ----------
    first, second
        Names that :func:`pipeline.track.recorded.find` knows.
    out
        Ends in ``.md`` or ``.html``. With Markdown the maps lie in a folder beside it.

    Raises
    ------
    ValueError
        Nothing was recorded under a name, or ``out`` ends otherwise.
    """
    if out is not None and out.suffix not in (".md", ".html"):
        raise ValueError(f"--out must end in .md or .html. Received: {out}.")
    records = a, b = recorded.find(config, first, second)
    shared = pair(*(predictions(record) for record in records))
    parts = [
        settings(a, b),
        paired(shared, n_samples=config.evaluate.bootstrap_samples, seed=config.run.seed),
        *([decisions(shared)] if len(shared.rows) else []),
        *figures(a, b),
    ]
    pairs = maps(a, b, shared)
    head = report.Head(*(f"{record.name}: {record.description}" for record in records))
    if out is None:
        sys.stdout.write(report.markdown(head, parts, [], None))
    elif out.suffix == ".html":
        outputs.write_text(out, report.html(head, parts, pairs))
    else:
        outputs.write_text(out, report.markdown(head, parts, pairs, out))
    log.info(
        "compare: %d radiographs tested by both, %d shown in both galleries", len(shared.rows), len(pairs)
    )


def predictions(record: Record) -> pd.DataFrame | None:
    """Read what a record's model says of its test radiographs; None where that is not at hand."""
    data = record.read("evaluate", PREDICTIONS)
    if data is None:
        return None
    rows = tables.parsed(data.decode("utf-8"), PREDICTIONS, dtype={"path": "str", "group": "str"})
    columns = {*_KEY, "group", "split", "y_score", "decision"}
    return rows[rows["split"] == "test"] if columns <= set(rows) else None


def pair(first: pd.DataFrame | None, second: pd.DataFrame | None) -> Shared:
    """Join the radiographs that both tested, and agree upon."""
    tables = [_NOBODY if table is None else table for table in (first, second)]
    rows = tables[0].merge(tables[1], on=list(_KEY), suffixes=("_1", "_2"))
    return Shared(rows, (len(tables[0]), len(tables[1])))


def settings(first: Record, second: Record) -> Part:
    """Tabulate the settings that differ."""
    names = sorted(first.settings.keys() | second.settings.keys())
    values = [(name, first.settings.get(name), second.settings.get(name)) for name in names]
    rows = [(name, _text(one), _text(other)) for name, one, other in values if one != other]
    return Part(
        "Settings",
        f"{len(names) - len(rows)} of {len(names)} settings are equal.",
        ("Setting", "A", "B"),
        rows,
    )


def paired(shared: Shared, *, n_samples: int, seed: int) -> Part:
    """Compare the probabilities by group: AUROCs by DeLong, other figures by a paired bootstrap."""
    rows = shared.rows
    head = ("Figure, by group", "A", "B", "B less A (95 %)")
    title = "The same radiographs"
    group = comparison.joined_groups(rows["group_1"].to_numpy(str), rows["group_2"].to_numpy(str))
    y_true = rows["fractured"].to_numpy(bool)
    if min(len(np.unique(group[kind])) for kind in (y_true, ~y_true)) < 2:
        a, b = shared.tested
        text = f"At hand: predictions of {a} test radiographs of A, and {b} of B; too few are the same."
        return Part(title, text, head, [])
    scores = y_true, rows["y_score_1"].to_numpy(float), rows["y_score_2"].to_numpy(float), group
    differences = comparison.differences(*scores, n_samples=n_samples, seed=seed)
    text = (
        f"{len(rows)} radiographs in {len(np.unique(group))} groups were tested by both (A tested "
        f"{shared.tested[0]}, B {shared.tested[1]}). Intervals of the difference, by group: of AUROC "
        "by DeLong, of others by a paired bootstrap."
    )
    return Part(title, text, head, [_difference(_LABELS[name], value) for name, value in differences.items()])


def decisions(shared: Shared) -> Part:
    """Count the sure errors that only one of the two makes."""
    rows = shared.rows
    counted = comparison.changed_decisions(
        rows["fractured"].to_numpy(bool), rows["decision_1"].to_numpy(str), rows["decision_2"].to_numpy(str)
    )
    table = [(_ERRORS[name], str(one), str(other)) for name, (one, other) in counted.items()]
    text = "Radiographs on which one errs surely and the other does not, each at its own operating points."
    return Part("Decisions", text, ("Error", "A alone", "B alone"), table)


def figures(first: Record, second: Record) -> list[Part]:
    """Tabulate the figures that differ, a part for each stage."""
    stages = [*first.figures, *(stage for stage in second.figures if stage not in first.figures)]
    return [_figures(stage, first.figures.get(stage, {}), second.figures.get(stage, {})) for stage in stages]


def maps(first: Record, second: Record, shared: Shared) -> list[Pair]:
    """Put the maps of radiographs that both galleries show beside each other, changed decisions first."""
    galleries = [_gallery(record) for record in (first, second)]
    both = galleries[0].merge(galleries[1], on="path", suffixes=("_1", "_2"))
    rows = both.merge(shared.rows, on="path")
    changed = rows["decision_1"] != rows["decision_2"]
    apart = (rows["y_score_1"] - rows["y_score_2"]).abs()
    ordered = rows.assign(changed=changed, apart=apart).sort_values(
        ["changed", "apart", "path"], ascending=[False, False, True]
    )
    pairs = (_pair(row, first, second) for row in ordered.itertuples())
    return [pair for pair in pairs if pair is not None]


def _gallery(record: Record) -> pd.DataFrame:
    """Return which picture of the gallery shows which radiograph."""
    index = record.read("region_maps", "overlays/index.csv")
    if index is None:
        return pd.DataFrame(columns=["file", "path"], dtype="str")
    return tables.parsed(index.decode("utf-8"), "overlays/index.csv", dtype="str")[["file", "path"]]


def _pair(row: Any, first: Record, second: Record) -> Pair | None:
    pictures = [
        record.read("region_maps", f"overlays/{file}")
        for record, file in ((first, row.file_1), (second, row.file_2))
    ]
    if pictures[0] is None or pictures[1] is None:
        return None
    caption = f"A: {row.decision_1}, {row.y_score_1:.2f}. B: {row.decision_2}, {row.y_score_2:.2f}."
    return Pair(row.path, caption, pictures[0], pictures[1])


def _figures(stage: str, first: Any, second: Any) -> Part:
    names = [*first, *(name for name in second if name not in first)]
    ends = {f"{name}{end}" for name in names for end in ("_low", "_high")}
    values = [(name, first.get(name), second.get(name)) for name in names if name not in ends]
    rows = [
        (name, report.figure(first, name), report.figure(second, name), report.change(one, other))
        for name, one, other in values
        if one != other
    ]
    text = f"{len(values) - len(rows)} of {len(values)} figures are equal."
    return Part(stage, text, ("Figure", "A (95 %)", "B (95 %)", "B less A"), rows)


def _difference(label: str, value: Difference) -> Sequence[str]:
    ends = f"{report.signed(value.low)} to {report.signed(value.high)}"
    apart = f"{report.signed(value.difference)} ({ends if value.low < value.high else NO_INTERVAL})"
    return label, f"{value.first:.3f}", f"{value.second:.3f}", apart


def _text(value: str | None) -> str:
    return "(not set)" if value is None else value
