"""What a word in somebody's folders, tables or classes says of a radiograph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pipeline.dataset import labels, layout
from pipeline.importing.record import Options

_NOTHING = {"", "na", "nan", "none", "null"}  # as data frames save an empty cell
_ANSWERS = {"1", "0", "true", "false", "yes", "no", "y", "n"}  # to a question; folders may be counted by them


def reader(options: Options) -> Callable[[str], bool | None]:
    """Make a function that says whether a word means fractured, not fractured, or neither (None).

    The user's words go first; then those that plainly say so, see `layout.meant`, and 1, 0, yes, no ...

    Raises
    ------
    ValueError
        The user gives one word both meanings.
    """
    given = _given(options)

    def says(value: str) -> bool | None:
        word = labels.word(value)
        return given[word] if word in given else _plainly(value)

    return says


def of_folders(options: Options) -> Callable[[Sequence[str]], dict[str, bool]]:
    """Make a function that finds those of nested folders that mean a class, and which.

    Where the user names folders of both classes, these go before what others plainly say. Numbers, yes, no
    and the like count only where they are named.

    Raises
    ------
    ValueError
        As in `reader`.
    """
    given = _given(options)
    has_both = len({*given.values()}) > 1

    def says(names: Sequence[str]) -> dict[str, bool]:
        named = {name: given[word] for name in names if (word := labels.word(name)) in given}
        if named and has_both:
            return named
        others = {name: _plainly(name) for name in names if name not in named and not is_answer(name)}
        return named | {name: meant for name, meant in others.items() if meant is not None}

    return says


def is_answer(name: str) -> bool:
    """Whether a folder is called 1, 0, yes, no or the like: a class, or one of those that are counted."""
    return labels.word(name) in _ANSWERS


def _given(options: Options) -> Mapping[str, bool]:
    """Return what each of the user's words means."""
    fractured, not_fractured = (
        {*map(labels.word, words)} for words in (options.fractured, options.not_fractured)
    )
    if both := sorted(fractured & not_fractured):
        raise ValueError(
            "--fractured and --not-fractured must name different things. Received on both sides: "
            f"{both[0]!r}. Remove it from one."
        )
    return dict.fromkeys(fractured, True) | dict.fromkeys(not_fractured, False)


def _plainly(value: str) -> bool | None:
    meant = labels.CLASSES.get(labels.word(value)) or layout.meant(value)
    return layout.CLASS_FOLDERS.get(meant or "")


def yes(value: str) -> str:
    """Write a cell of yes and no as 1 and 0, where nothing means no; what is neither is empty."""
    word = labels.word(value)
    if word in _NOTHING:
        return "0"
    meant = labels.CLASSES.get(word)
    return "" if meant is None else str(int(layout.CLASS_FOLDERS[meant]))
