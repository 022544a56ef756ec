"""Which drawn classes of a source are fractures: those that `--fractured` names, or what plainly is."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pipeline.importing.record import Options
from pipeline.validate import categories

log = logging.getLogger(__name__)

_SETTING = "--fractured NAME (as often as needed)"


def choose(named: Sequence[str], used: Sequence[str], options: Options, root: Path) -> frozenset[str]:
    """Choose the classes that are fractures, and say so.

    Parameters
    ----------
    named
        The classes that the source declares.
    used
        The class of each drawn shape.
    root
        The source's folder, for messages.

    Raises
    ------
    ValueError
        It stays open which are.
    """
    chosen = categories.choose(
        {name: name for name in named}, used, options.fractured, root, setting=_SETTING
    )
    others = Counter(name for name in used if name not in chosen)
    is_sure = all(map(categories.is_fracture, chosen)) and not any(map(categories.is_doubtful, others))
    is_told = is_sure or bool(options.fractured)
    log.log(
        logging.INFO if is_told else logging.WARNING,
        "fractures are %s; of other classes, which are none: %s%s",
        ", ".join(map(repr, sorted(chosen))) or "none of the classes",
        ", ".join(f"{name!r} {n}" for name, n in sorted(others.items())) or "nothing",
        "" if is_told else f" (names leave that open; {_SETTING} confirms or corrects it)",
    )
    return chosen
