"""Results on standard output: a table for a reader, tab-separated lines for a program."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

_STYLES = {
    "fracture": "bold red",
    "needs review": "yellow",
    "no finding": "green",
    "refused": "magenta",
    "problem": "bold red",
    "warning": "yellow",
    "ok": "green",
}


def show(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows of text; the head is for readers only."""
    if not sys.stdout.isatty():
        sys.stdout.writelines("\t".join(row) + "\n" for row in rows)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, _STYLES.get(cell, ""), overflow="fold") for cell in row))
    Console().print(table)
