"""What a word in somebody's folders, tables or classes says of a radiograph."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.dataset import headers, labels, layout
from pipeline.importing.record import Options


def reader(options: Options) -> Callable[[str], bool | None]:
    """Make a function that says whether a word means fractured, not fractured, or neither (None).

    The user's words go first; then those that plainly say so, see `layout.meant`, and 1, 0, yes, no ...
    """
    given = dict.fromkeys(map(labels.word, options.fractured), True)
    given |= dict.fromkeys(map(labels.word, options.not_fractured), False)

    def says(value: str) -> bool | None:
        word = labels.word(value)
        if word in given:
            return given[word]
        meant = labels.CLASSES.get(word) or layout.meant(value)
        return layout.CLASS_FOLDERS.get(meant or "")

    return says


def yes(value: str) -> str:
    """Write a cell of yes and no as 1 and 0, where nothing means no."""
    return "0" if headers.plain(value) in {"", "0", "00", "no", "false", "nan"} else "1"
