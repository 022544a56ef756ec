"""Commands of DVC that run, as DVC notes them in a file of its own, which it does not write at once."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from pipeline.files import living

FILE = Path(".dvc/tmp/rwlock")


class Command(NamedTuple):
    """A command of DVC, and its process."""

    pid: int
    words: str


def noted(file: Path = FILE) -> list[Command]:
    """Read which commands hold something, dead ones among them.

    Raises
    ------
    ValueError
        The file is torn, and no command of DVC goes on.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        writers, readers = (content.get(kind, {}).values() for kind in ("write", "read"))
        return [Command(int(one["pid"]), str(one["cmd"])) for one in (*writers, *chain(*readers))]
    except FileNotFoundError:
        return []
    except (ValueError, AttributeError, TypeError, LookupError) as error:
        raise ValueError(f"{file} is torn: DVC stops at it") from error


def running(file: Path = FILE) -> list[Command]:
    """Read which of them run; errors as for `noted`."""
    return [command for command in noted(file) if living.runs(command.pid)]


def forget_dead(file: Path = FILE) -> str:
    """Remove the file where it stops DVC for nothing: torn, or of dead commands alone; return what was done.

    DVC takes a dead process that nobody waited for, as in many a container, for a running one.
    """
    try:
        if running(file) or not noted(file):
            return ""
        why = f"{file} names dead commands of DVC"
    except ValueError as error:
        why = str(error)
    file.unlink()
    return f"{why}; it was removed, since it names no more than commands that run."
