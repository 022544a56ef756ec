"""Which file a name in somebody's table or annotations means: one rule for all of them, and no guesses.

The names are tried as they are, then written alike (slashes, Unicode, percent signs), then by the last parts
of the path, fewer and fewer, and each time also in any letter case and whatever the suffix; at last by the
number that a name is, which spreadsheets write without its zeros. The plainest rule under which nearly as
many join as under any is the one; of rules that ask for the whole path it is the one that joins most, so that
rows written in several ways all join. What two files or two names share joins nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote

AS_GIVEN = "as given"

_NEARLY = 0.9  # of the names that the best rule joins: a plainer rule that joins so many goes first
_ENOUGH = 0.5
_N_WHOLE = 6  # the first rules: all of them ask for the whole path
_QUERY = re.compile(r"[?#].*$", re.DOTALL)  # of an address
_NUMBER = re.compile(r"'?0*(\d+)(\.0+)?")  # as spreadsheets and data frames save names of digits alone
_SUFFIX = re.compile(r"\.(jpe?g|jpe|jfif|png|gif|bmp|webp|tiff?|dcm|dicom|ima)$", re.IGNORECASE)


class Joined(NamedTuple):
    """The file of each name that means one, and by which rule."""

    path_of: dict[str, str]
    rule: str


def join(names: Iterable[str], paths: Collection[str]) -> Joined:
    """Find the file that each name means.

    Parameters
    ----------
    names
        Paths as somebody wrote them.
    paths
        Of the files, relative to their folder, with forward slashes.
    """
    wanted = sorted(set(names))
    tried: list[Joined] = []
    for place, (rule, key) in enumerate(_rules(paths)):
        matches = _matches(wanted, paths, key, alike=place < 2)
        if tried and place < _N_WHOLE:
            matches = max(_added(tried[-1].path_of, matches), matches, key=len)
        tried.append(Joined(matches, rule))
        if len(matches) == len(wanted):
            break
    whole = max(tried[:_N_WHOLE], key=lambda one: len(one.path_of))
    most = max(len(one.path_of) for one in tried)
    return next(one for one in (whole, *tried[_N_WHOLE:]) if len(one.path_of) >= _NEARLY * most)


def require(joined: Joined, names: Collection[str], paths: Collection[str], what: str, counted: str) -> None:
    """Refuse names of which most mean no file, while most files have no name.

    Parameters
    ----------
    joined
        From `join`.
    names, paths
        The names that matter, each once, and the files that should have one.
    what, counted
        For the message: where the names stand, and what is counted.

    Raises
    ------
    ValueError
        Less than half of the names, and of the files, have joined.
    """
    unknown = sorted(set(names) - joined.path_of.keys())
    n_joined = len(set(names)) - len(unknown)
    if not unknown or n_joined >= _ENOUGH * min(len(set(names)), len(paths)):
        return
    free = sorted(set(paths) - set(joined.path_of.values()))
    n_same = sum(path.rsplit("/", 1)[-1] == unknown[0] for path in paths)
    several = f", which is the name of {n_same} files" if n_same > 1 else ""
    raise ValueError(
        f"{what} must name the files by paths relative to their folder. Received: {n_joined} of "
        f"{len(set(names))} {counted} matched a file ({joined.rule}). Not matched: {unknown[0][:200]!r}"
        f"{several}; a file without one: {(free or sorted(paths))[0]!r}. Write the names as the files' are, "
        "or give the table of these files."
    )


def _rules(paths: Collection[str]) -> Iterator[tuple[str, Callable[[str], str]]]:
    yield AS_GIVEN, str
    yield "by the same path, written alike", _plain
    for depth in range(max((path.count("/") for path in paths), default=0) + 1, 0, -1):
        where = "by base name" if depth == 1 else f"by the last {depth} parts of the path"
        for fold, bare, how in (
            (False, False, ""),
            (True, False, ", in any letter case"),
            (False, True, ", whatever the suffix"),
            (True, True, ", in any letter case and whatever the suffix"),
        ):
            yield where + how, partial(_key, depth=depth, fold=fold, bare=bare)
    yield "by base name, as a number", _as_number


def _added(first: dict[str, str], others: dict[str, str]) -> dict[str, str]:
    """Add to matches what others join of the rest, where the names are paths as long as the files'."""
    taken = {*first.values()}
    return first | {
        name: path
        for name, path in others.items()
        if name not in first and path not in taken and _plain(name).count("/") == path.count("/")
    }


def _as_number(name: str) -> str:
    end = _key(name, depth=1, fold=True, bare=True)
    number = _NUMBER.fullmatch(end)
    return number[1] if number else end


def _plain(name: str) -> str:
    """Write a path as all others: forward slashes, no dots, percent signs decoded, composed Unicode."""
    name = _QUERY.sub("", name) if "://" in name else name
    plain = unicodedata.normalize("NFC", unquote(name)).strip().replace("\\", "/")
    return "/".join(part for part in plain.split("/") if part not in {"", "."})


def _key(name: str, *, depth: int, fold: bool, bare: bool) -> str:
    end = "/".join(_plain(name).split("/")[-depth:])
    end = _SUFFIX.sub("", end) if bare else end
    return end.casefold() if fold else end


def _matches(
    names: Iterable[str], paths: Iterable[str], key: Callable[[str], str], *, alike: bool
) -> dict[str, str]:
    """Match names to paths of the same key, where no other path, and no name of another text, has it."""
    files, asked = defaultdict(list), defaultdict(list)
    for path in paths:
        files[key(path)].append(path)
    for name in names:
        asked[key(name)].append(name)
    return {
        name: files[shared][0]
        for shared, same in asked.items()
        if len(files.get(shared, ())) == 1 and (alike or len(set(map(_plain, same))) == 1)
        for name in same
    }
