"""What stands beside YOLO's label files: which class a number means, and which split a picture is in.

``data.yaml`` tells both; ``classes.txt`` and ``obj.names`` list classes, a line each, and ``obj.data`` names
the lists of the splits, as CVAT exports them in `YOLO 1.1`.
"""

from __future__ import annotations

import logging
import os
import re
import reprlib
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pipeline.dataset import joining
from pipeline.files import text as texts
from pipeline.importing.record import BROKEN, MISSING, LeftOut
from pipeline.importing.source import Source

log = logging.getLogger(__name__)

_LISTS = ("classes.txt", "obj.names")
_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


class Named(NamedTuple):
    """A place that a file gives to a split: the file, its key, what stands there, and the split."""

    file: Path
    key: str
    name: str
    split: str


@dataclass
class Settings:
    """What a source says of its label files.

    Attributes
    ----------
    classes
        Names by numbers, by the folder in which, and below which, they hold.
    splits
        Of folders and of pictures.
    named
        What the splits were read from.
    lists
        Text files that list pictures.
    left_out
        What is broken.
    """

    classes: dict[Path, dict[str, str]] = field(default_factory=dict)
    splits: dict[Path, str] = field(default_factory=dict)
    named: list[Named] = field(default_factory=list)
    lists: set[Path] = field(default_factory=set)
    left_out: list[LeftOut] = field(default_factory=list)

    def names(self) -> list[str]:
        """All classes that are declared."""
        return [name for names in self.classes.values() for name in names.values() if name]

    def classes_at(self, place: Path) -> dict[str, str]:
        """Names by numbers for a label file or a folder, by the nearest folder that tells them.

        Raises
        ------
        ValueError
            None above it does, and those elsewhere contradict each other.
        """
        found = next((self.classes[one] for one in (place, *place.parents) if one in self.classes), None)
        if found is None and self.classes:
            first, other = [*self.classes][:2]
            raise ValueError(
                f"{place} must have a classes.txt in its folder, or in one above: {first} and {other} number "
                f"the classes otherwise. Received: {self.classes[first]}, and {self.classes[other]}."
            )
        return found or {}


def read(source: Source) -> Settings:
    """Read all settings of a source.

    Raises
    ------
    ValueError
        Two files number the classes otherwise.
    """
    settings = Settings()
    numbered: dict[str, str] = {}
    for file in source.named(".yaml", ".yml"):
        try:
            values = yaml.safe_load(texts.read(file).text)
        except (ValueError, yaml.YAMLError) as error:
            settings.left_out.append(LeftOut(source.shown(file), BROKEN, str(error)))
            continue
        if isinstance(values, dict) and values.get("names"):
            numbered = _agreed(numbered, _classes(values["names"], file, source, settings), file, source)
            _add_splits(settings, values, file, source)
    for file in source.named(".data"):
        if file.name.casefold() == "obj.data":
            rows = (line.split("=", 1) for line in source.lines(file) if "=" in line)
            _add_splits(settings, {key.strip(): value.strip() for key, value in rows}, file, source)
    lists = {
        file: dict(zip(map(str, range(len(lines))), lines, strict=True))
        for file in source.named(".txt", ".names")
        if file.name.casefold() in _LISTS and (lines := _lines(file, source))
    }
    settings.classes = {source.root: numbered} if numbered else {}
    for file, names in lists.items():
        folder = source.root if numbered else file.parent
        settings.classes[folder] = _agreed(settings.classes.get(folder, {}), names, file, source)
    _number_the_rest(settings, source)
    return settings


def _number_the_rest(settings: Settings, source: Source) -> None:
    """Let what all lists say hold in the whole source, unless they contradict each other."""
    union: dict[str, str] = {}
    for names in settings.classes.values():
        if _contradict(union, names):
            log.info("lists of classes differ: for each label file the nearest one counts")
            return
        union |= names
    if union:
        settings.classes.setdefault(source.root, union)


def _agreed(
    before: Mapping[str, str], names: Mapping[str, str], file: Path, source: Source
) -> dict[str, str]:
    """Join the classes of a file to those before it.

    Raises
    ------
    ValueError
        They number them otherwise.
    """
    if _contradict(before, names):
        raise ValueError(
            f"{source.shown(file)} must number the classes as the other files do. Received: {dict(names)}, "
            f"and {dict(before)} before it. Remove the one that is stale, or import each export by itself."
        )
    return {**names, **before}


def _contradict(before: Mapping[str, str], names: Mapping[str, str]) -> bool:
    return any(before.get(number, name).casefold() != name.casefold() for number, name in names.items())


def _lines(file: Path, source: Source) -> list[str]:
    """Read the lines of a list of classes; an empty one between them counts, and numbers nothing.

    Raises
    ------
    ValueError
        The first is empty: some tools count it, and others do not.
    """
    lines = source.lines(file, empty=True)
    while lines and not lines[-1]:
        lines.pop()
    if lines and not lines[0]:
        raise ValueError(
            f"{source.shown(file)} must begin with a class. Received: an empty line, which some tools count "
            "and others do not. Remove it, or write data.yaml with `names` by their numbers."
        )
    return lines


def _classes(given: Any, file: Path, source: Source, settings: Settings) -> dict[str, str]:
    """Return the names by their numbers; what are no plain names are none, and that is said."""
    items = dict(
        given.items() if isinstance(given, dict) else enumerate(given if isinstance(given, list) else [])
    )
    if items and all(isinstance(name, str | int | float | None) for name in items.values()):
        return {str(number): "" if name is None else str(name) for number, name in items.items()}
    received = reprlib.repr(given)
    detail = f"`names` must list the classes, or name them by their numbers. Received: {received}"
    settings.left_out.append(LeftOut(source.shown(file), BROKEN, detail))
    return {}


def _add_splits(settings: Settings, values: Mapping[Any, Any], file: Path, source: Source) -> None:
    """Find folders, and pictures of lists, that a file gives to splits; it may stem from elsewhere."""
    values = {str(key).casefold(): value for key, value in values.items()}
    bases = [file.parent, *(file.parent / name for name in _paths(values.get("path")))]
    named = [Named(file, key, name, _SPLITS[key]) for key in _SPLITS for name in _paths(values.get(key))]
    settings.named += named
    places = {one.name: _places(one.name, bases, source.root) for one in named}
    taken = {place for found in places.values() for place in found}
    elsewhere = _elsewhere([name for name, found in places.items() if not found], taken, source)
    for one in named:
        for place in places[one.name] or elsewhere.get(one.name, []):
            if place.is_file():
                settings.lists.add(place)
                listed = _listed(place, [*bases, place], source, settings)
                settings.splits |= dict.fromkeys(listed, one.split)
            elif places[one.name] or source.split_of(place / "any") in ("", one.split):
                settings.splits[place] = one.split


def _listed(file: Path, bases: Sequence[Path], source: Source, settings: Settings) -> list[Path]:
    """Find what the rows of a list name, and say of how many there is nothing."""
    rows = source.lines(file)
    found = {row: places for row in rows if (places := _places(row, bases, source.root))}
    found |= {row: [place] for row, place in source.find({*rows} - found.keys(), file).items()}
    if lost := [row for row in rows if row not in found]:
        detail = f"of {len(rows)} pictures that it lists, {len(lost)} are not there; the first: {lost[0]!r}"
        settings.left_out.append(LeftOut(source.shown(file), MISSING, detail))
    return [place for places in found.values() for place in places]


def _paths(given: Any) -> list[str]:
    """List the paths that a value names; whatever is no text names none."""
    return [
        name for name in (given if isinstance(given, list) else [given]) if name and isinstance(name, str)
    ]


def _places(name: str, bases: Sequence[Path], root: Path) -> list[Path]:
    """Find what a name means from some folders, as it is and without the dots before it, below the source."""
    plain = re.sub(r"^(\.\.?/)+", "", name)
    places = dict.fromkeys(Path(os.path.abspath(base / one)) for base in bases for one in (name, plain))  # noqa: PTH100
    return [place for place in places if place != root and place.is_relative_to(root) and place.exists()]


def _elsewhere(names: Collection[str], taken: Set[Path], source: Source) -> dict[str, list[Path]]:
    """Find folders of pictures, and text files, by the last parts of paths on another machine."""
    above = {folder for file in source.pictures for folder in file.parents}
    folders = {folder for folder in above if folder != source.root and folder.is_relative_to(source.root)}
    places = [place for place in [*sorted(folders), *source.named(".txt")] if place not in taken]
    of_path = {place.relative_to(source.root).as_posix(): place for place in places}
    joined = joining.join(names, of_path).path_of if names and of_path else {}
    return {name: [of_path[path]] for name, path in joined.items()}
