"""Results on standard output: a table for a reader, tab-separated lines for a program.

Names of files may hold anything. What would act on a terminal, tear a line, or cannot be printed there is
written out with backslashes.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from pipeline.files.printable import one_line

_STYLES = {
    "fracture": "bold red",
    "needs review": "yellow",
    "no finding": "green",
    "refused": "magenta",
    "problem": "bold red",
    "warning": "yellow",
    "ok": "green",
}


class Formatter(logging.Formatter):
    """Messages that no name in them can turn into commands of the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Write out what would act, line by line."""
        return "\n".join(map(one_line, super().format(record).split("\n")))


def print_what_can_be(*streams: TextIO) -> None:
    """Let a stream write out characters that its encoding has not, and never fail."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def show(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows of text; the head is for readers only."""
    encoding = sys.stdout.encoding or "utf-8"
    cells = (
        [one_line(cell).encode(encoding, "backslashreplace").decode(encoding) for cell in row] for row in rows
    )
    if not sys.stdout.isatty():
        sys.stdout.writelines("\t".join(row) + "\n" for row in cells)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in cells:
        table.add_row(*(Text(cell, _STYLES.get(cell, ""), overflow="fold") for cell in row))
    Console().print(table)
