"""Whether docs/reference lists what a run writes: each file, each column, each metric key, and nothing else.

A row names columns or keys in its first cell; a word in capitals stands for any. A row that says in its third
cell when it holds may be missing from a run; all others may not.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from tests.docs import pages
from tests.imports import REPOSITORY

Row = tuple[str, bool]  # a name, and whether a run must hold it


def sections(page: str) -> dict[str, list[Row]]:
    """The rows below each heading of a page."""
    found: dict[str, list[Row]] = {}
    rows: list[Row] = []
    cells: list[str] = []
    for before, token in pairwise(pages.tokens(pages.text(page))):
        if before.type == "heading_open":
            rows = found[token.content] = []
        elif before.type == "td_open":
            cells.append(token.content)
        elif token.type == "tr_close" and cells:
            always = len(cells) < 3 or not cells[2]
            rows += [(name, always) for name in re.findall("`([^`]+)`", cells[0])]
            cells = []
    return found


def _names(row: str, name: str) -> bool:
    pattern = re.sub("[A-Z]{2,}", r"\\w+(\\.\\d+)?", re.escape(row))
    return re.fullmatch(pattern, name) is not None


def faults(rows: Collection[Row], there: Collection[str], where: str) -> list[str]:
    """Name what is there and in no row, and what a row says and is not there."""
    names = {_plain(name, set(there)) for name in there}
    missing = [name for name in names if not any(_names(row, name) for row, _ in rows)]
    dead = [row for row, always in rows if always and not any(_names(row, name) for name in names)]
    return [
        *(f"{where}: {name} has no row" for name in sorted(missing)),
        *(f"{where}: nothing is called {row}" for row in dead),
    ]


def _plain(name: str, names: set[str]) -> str:
    """A name without the end that says that it is a bound of another."""
    base = re.sub("_(low|high)$", "", name)
    return base if base in names else name


def written(folder: Path) -> list[str]:
    """Faults of both pages, held against the folder of a run."""
    tables, keys = sections("docs/reference/files.md"), sections("docs/reference/metrics.md")
    found = []
    for heading, rows in tables.items():
        for path in filter(lambda each: (folder / each).is_file(), heading.split(", ")):
            there = columns(folder / path)
            carried = columns(folder / "Data/manifest.csv") if path.endswith("shards/index.csv") else set()
            found += faults(rows, there - carried, path)
    for stage, rows in keys.items():
        if (path := folder / f"reports/{stage}/metrics.json").is_file():
            names = flat(json.loads(path.read_text(encoding="utf-8")))
            found += faults(rows, {name.replace(".group_", ".") for name in names}, stage)
    listed = {path for heading in tables for path in heading.split(", ")}
    made = {path for top in ("reports", "Data/shards") for path in (folder / top).rglob("*.csv")}
    there = {path.relative_to(folder).as_posix() for path in made}
    return found + [f"{path}: its columns are not listed" for path in sorted(there - listed)]


def outs() -> set[str]:
    """All files and folders that dvc.yaml says a stage writes."""
    dvc = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))
    paths = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))["paths"]
    named = [
        next(iter(entry)) if isinstance(entry, dict) else entry
        for stage in dvc["stages"].values()
        for kind in ("outs", "metrics", "plots")
        for entry in stage.get(kind, ())
    ]
    return {re.sub(r"\$\{paths\.(\w+)\}", lambda found: str(paths[found[1]]), name) for name in named}


def columns(path: Path) -> set[str]:
    """Names of the columns of a table, or of the keys of the first record of a list."""
    if path.suffix == ".json":
        return set(json.loads(path.read_text(encoding="utf-8"))[0])
    with path.open(encoding="utf-8", newline="") as file:
        return set(next(csv.reader(file), ()))


def flat(figures: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Keys of nested figures, joined by points."""
    for key, value in figures.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"
