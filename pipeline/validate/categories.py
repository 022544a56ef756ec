"""Which categories of a COCO file are fractures: those that a setting names, or the one that plainly is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.validate.coco_file import Drawn

_FRACTURE = re.compile(r"fract|frakt|fratt|\bfx\b|\bbr[uü]ch")
_NORMAL = {"normal", "healthy", "negative", "background"}
_NORMAL |= {  # what is marked beside fractures in published sets
    "text", "marker", "axis", "metal", "hardware", "implant", "cast", "foreignbody", "foreign body",
    "softtissue", "soft tissue", "boneanomaly", "bonelesion", "periostealreaction", "pronatorsign",
    "bone", "joint",
}  # fmt: skip
_NONE = re.compile(r"\b(no|not|non|without|un|never)\b|\b(no|non|un)fract")


def choose(
    named: Mapping[str, str],
    used: Iterable[str],
    wanted: Sequence[str | int],
    path: Path,
    setting: str = "data.fracture_categories in params.yaml",
) -> frozenset[str]:
    """Choose the ids of the categories whose annotations are fractures.

    Parameters
    ----------
    named
        The name of each category by its id, as the file declares them.
    used
        The category's id of each annotation; empty where it has none.
    wanted
        ``data.fracture_categories``: names or ids; where empty, a file of one category is taken whole, and
        of several the one whose name says fracture.
    path
        Of the file, for messages.
    setting
        Where ``wanted`` comes from, for messages.

    Raises
    ------
    ValueError
        A category is not there, or none and not one alone is plainly a fracture.
    """
    counts = Counter(used)
    names = {key: named.get(key, "") for key in (*named, *counts)}
    if not counts:
        return frozenset(named)
    if wanted:
        return frozenset().union(*(_wanted(one, names, counts, path, setting) for one in wanted))
    if (plain := _plainly(named, names, counts)) is not None:
        return frozenset(plain)
    raise ValueError(
        f"{path} must say which of its categories are fractures: set {setting} "
        f"to their names or ids. Received: {_listed(names, counts)}."
    )


def listed(named: Mapping[str, str], drawn: Iterable[Drawn], chosen: Collection[str]) -> str:
    """Name the chosen categories for the terminal, each with its number of annotations."""
    counts = Counter(one.category for one in drawn if one.category in chosen)
    shown = [f"{named.get(key) or 'of id ' + (key or 'none')!r}: {n}" for key, n in sorted(counts.items())]
    return ", ".join(shown) or "none of the annotations"


def _plainly(
    named: Mapping[str, str], names: Mapping[str, str], counts: Counter[str]
) -> Collection[str] | None:
    """Return the categories that plainly are the fractures; None where that stays open."""
    if len(counts) == 1 and len(named) <= 1 and not any(names[key] for key in counts):
        return counts.keys()  # no other category is there to be meant
    fractures = {key for key, name in names.items() if is_fracture(name)}
    if one := fractures & counts.keys() or fractures:
        is_open = not counts.keys() & one and any(is_doubtful(names[key]) for key in counts)
        return None if is_open or len({_plain(names[key]) for key in one}) > 1 else one
    (name, *others) = {names[key] for key in counts}
    return None if others or not name or not is_doubtful(name) else counts.keys()


def _wanted(
    one: str | int, names: Mapping[str, str], counts: Counter[str], path: Path, setting: str
) -> frozenset[str]:
    same = {key for key, name in names.items() if _plain(name) == _plain(str(one))} or ({str(one)} & {*names})
    if not same:
        raise ValueError(
            f"{setting.split()[0]} must name categories of {path}. Received: {one!r}; it has "
            f"{_listed(names, counts)}."
        )
    return frozenset(same)


def is_fracture(name: str) -> bool:
    """Whether the name of a category plainly says fracture."""
    plain = _plain(name)
    return bool(_FRACTURE.search(plain)) and not _NONE.search(plain)


def is_doubtful(name: str) -> bool:
    """Whether the name of a category says neither fracture nor what is marked beside fractures."""
    plain = _plain(name)
    return not (is_fracture(name) or _NONE.search(plain) or plain in _NORMAL)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def _listed(names: Mapping[str, str], counts: Counter[str]) -> str:
    shown = (f"{names[key]!r} (id {key or 'none'}: {counts[key]} annotations)" for key in sorted(names))
    return ", ".join(shown)
