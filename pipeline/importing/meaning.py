"""What a word in somebody's folders, tables or classes says of a radiograph."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pipeline.dataset import headers, labels, layout
from pipeline.importing.record import Options


def reader(options: Options) -> Callable[[str], bool | None]:
    """Make a function that says whether a word means fractured, not fractured, or neither (None).

    The user's words go first; then those that plainly say so, see `layout.meant`, and 1, 0, yes, no ...
    """
    given = dict.fromkeys(_plain(options.fractured), True) | dict.fromkeys(
        _plain(options.not_fractured), False
    )

    def says(word: str) -> bool | None:
        plain = headers.plain(word)
        if plain in given:
            return given[plain]
        meant = labels.CLASSES.get(plain) or layout.meant(word)
        return layout.CLASS_FOLDERS.get(meant or "")

    return says


def yes(value: str) -> str:
    """Write a cell of yes and no as 1 and 0, where nothing means no."""
    return "0" if headers.plain(value) in {"", "0", "00", "no", "false", "nan"} else "1"


def _plain(words: Iterable[str]) -> list[str]:
    return [headers.plain(word) for word in words]
