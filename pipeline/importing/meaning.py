"""What a word in somebody's folders, tables or classes says of a radiograph."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.dataset import labels, layout
from pipeline.importing.record import Options

_NOTHING = {"", "na", "nan", "none", "null"}  # as data frames save an empty cell


def reader(options: Options) -> Callable[[str], bool | None]:
    """Make a function that says whether a word means fractured, not fractured, or neither (None).

    The user's words go first; then those that plainly say so, see `layout.meant`, and 1, 0, yes, no ...

    Raises
    ------
    ValueError
        The user gives one word both meanings.
    """
    both = {*map(labels.word, options.fractured)} & {*map(labels.word, options.not_fractured)}
    if both:
        raise ValueError(
            "--fractured and --not-fractured must name different things. Received on both sides: "
            f"{sorted(both)[0]!r}. Remove it from one."
        )
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
    """Write a cell of yes and no as 1 and 0, where nothing means no; what is neither is empty."""
    word = labels.word(value)
    if word in _NOTHING:
        return "0"
    meant = labels.CLASSES.get(word)
    return "" if meant is None else str(int(layout.CLASS_FOLDERS[meant]))
