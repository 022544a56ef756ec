"""Write the page of `run_all`: the figures that have a bar, then what each benchmark printed."""

from __future__ import annotations

import ast
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil

REPOSITORY = Path(__file__).parents[1]
CHANGED = ", with changes"
_TABLE, _NAMED = re.compile(r"^\|[ :-]*-", re.MULTILINE), re.compile(r"^model name\s*: (.+)$", re.MULTILINE)
_JUDGED = re.compile(r"(?P<value>[^|]*\S) \((?P<met>met|MISSED): (?P<bar>[^)]+)\)[,;]?")


class Outcome(NamedTuple):
    """What a benchmark printed, whether it ended well, and how long it took."""

    command: str
    said: str
    is_sound: bool
    seconds: float


def written(outcomes: Sequence[Outcome], at: str, waiting: Sequence[str] = ()) -> str:
    """Write what all of them said at a commit, below a table of their bars and one of the commands.

    Parameters
    ----------
    waiting
        Commands that were not run.
    """
    judged = [
        (each.command.split()[2].partition(".")[2], *row) for each in outcomes for row in bars(each.said)
    ]
    n_met = sum(row[-1] == "yes" for row in judged)
    parts = [
        "# Benchmarks",
        "For whoever doubts a figure, or has to choose a machine: what every benchmark printed in one run of "
        f"`make bench`, and which bars were met. {n_met} of {len(judged)} were.",
        f"{date.today():%d %B %Y}, commit {at}, {machine()}.",
        table(("benchmark", "figure", "bar", "met"), judged),
        "## What was run",
        table(
            ("command", "seconds", "ended well"),
            [
                *((f"`{each.command}`", f"{each.seconds:.0f}", _yes(each.is_sound)) for each in outcomes),
                *((f"`{command}`", "", "not run") for command in waiting),
            ],
        ),
        *(section(each) for each in outcomes),
    ]
    return "\n\n".join(parts) + "\n"


def bars(said: str) -> Iterator[tuple[str, str, str]]:
    """Find the figures that :mod:`bars` judged: what was measured, its bar, and whether it was met."""
    header: list[str] = []
    for line in said.splitlines():
        if not line.startswith("|"):
            header = []
            for found in _JUDGED.finditer(line):
                yield found["value"].strip(), found["bar"], _yes(found["met"] == "met")
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        header = header or cells
        for title, cell in zip(header, cells, strict=False):
            if found := _JUDGED.search(cell):
                yield f"{cells[0]}, {title}: {found['value']}", found["bar"], _yes(found["met"] == "met")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))


def section(outcome: Outcome) -> str:
    """Show what a benchmark is for, its command and what it printed."""
    _, _, name, *arguments = outcome.command.replace("benchmarks.", "").split()
    script = REPOSITORY / "benchmarks" / f"{name}.py"
    about = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) if script.exists() else None
    said = shown(outcome.said)
    return "\n\n".join([f"## {' '.join([name, *arguments])}", *(about or "").splitlines()[:1], said])


def shown(said: str) -> str:
    """Show Markdown as it is, and lines without a table as they were printed."""
    return said if _TABLE.search(said) else f"```text\n{said}\n```"


def commit() -> str:
    """Name the commit that is measured, and say whether files other than the page differ from it."""
    git = partial(subprocess.run, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    name = git(["git", "rev-parse", "--short", "HEAD"]).stdout.strip()
    differs = git(["git", "diff", "--quiet", "HEAD", "--", ".", ":!docs/benchmarks.md"]).returncode
    return name + (CHANGED if differs else "")


def machine() -> str:
    """Describe the machine."""
    memory = psutil.virtual_memory().total / 2**30
    cores = f"{os.cpu_count()} cores of {processor()}"
    return f"{cores}, {memory:.0f} GiB of memory, {platform.system()}, Python {platform.python_version()}"


def processor() -> str:
    """Name the processor, as far as the system says it."""
    described = Path("/proc/cpuinfo")
    named = _NAMED.search(described.read_text(encoding="utf-8")) if described.exists() else None
    return named[1] if named else platform.processor() or platform.machine()


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
