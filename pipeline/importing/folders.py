"""A folder a class, under whatever names, at any depth; other folders may name the splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.dataset import labels
from pipeline.files.printable import first, one_line, printable
from pipeline.importing import meaning, no_pictures
from pipeline.importing.record import TWO_LABELS, Found, LeftOut, NotThisKindError, Options, Record
from pipeline.importing.source import Source


def read(path: Path, options: Options) -> Found:
    """Read a tree of folders.

    Raises
    ------
    ValueError
        A folder that was named is not there, or `by_folder`.
    """
    source = Source(path, options.without)
    labelled, lines = by_folder(source.pictures, source, options)
    below = {part for file in source.pictures for part in source.parts(file)}
    _require((*options.fractured, *options.not_fractured), below)
    if not labelled and not lines:
        looked = (
            "pictures in folders that mean a class, or that --fractured NAME and --not-fractured NAME name "
            "(0, 1, yes, no and the like mean one only where they are named)"
        )
        raise NotThisKindError("folders", path, looked, map(printable, below or source.top()))
    records = [Record(file, label, source.split_of(file)) for file, label in labelled.items()]
    return Found(records, [*source.left_out, *lines, *no_pictures.lines(source)], source.pictures)


def by_folder(
    files: Iterable[Path], source: Source, options: Options
) -> tuple[dict[Path, bool], list[LeftOut]]:
    """Label files by the folders that they lie in; where these mean both classes, a file is left out.

    Raises
    ------
    ValueError
        A class may be the heading of both.
    """
    says = meaning.of_folders(options)
    said = {file: says(source.parts(file)) for file in files}
    said = _without_headings({file: meant for file, meant in said.items() if meant}, source)
    labelled, lines = dict[Path, bool](), list[LeftOut]()
    for file, meant in said.items():
        if len({*meant.values()}) > 1:
            fractured, sound = (
                next(name for name in meant if meant[name] is label) for label in (True, False)
            )
            detail = f"{fractured!r} means fractured, and {sound!r} does not"
            lines.append(LeftOut(source.shown(file), TWO_LABELS, detail))
        else:
            labelled[file] = next(iter(meant.values()))
    _require_no_heading(labelled, source, options)
    return labelled, lines


def _without_headings(said: Mapping[Path, dict[str, bool]], source: Source) -> dict[Path, dict[str, bool]]:
    """Leave out what a folder says that labels nothing by itself and holds folders of both classes."""
    inner: dict[tuple[str, ...], set[bool]] = defaultdict(set)
    labelling = set[tuple[str, ...]]()
    for file, meant in said.items():
        parts = source.parts(file)
        last = max(place for place, name in enumerate(parts) if name in meant)
        labelling.add(parts[: last + 1])
        for place in range(last):
            inner[parts[: place + 1]].add(meant[parts[last]])
    headings = {folder for folder, labels_in in inner.items() if len(labels_in) > 1} - labelling
    kept = {}
    for file, meant in said.items():
        parts = source.parts(file)
        counting = {name for place, name in enumerate(parts) if parts[: place + 1] not in headings}
        kept[file] = {name: label for name, label in meant.items() if name in counting}
    return kept


def _require_no_heading(labelled: Mapping[Path, bool], source: Source, options: Options) -> None:
    """Refuse a class that may be the heading of both: fracture/yes and fracture/no, or fracture/1 and 0.

    Where folders of both classes hold such ones, these are counted, or answer another question.
    """
    named = {*map(labels.word, (*options.fractured, *options.not_fractured))}
    answers = {file: [*filter(meaning.is_answer, source.parts(file))] for file in labelled}
    if len({labelled[file] for file in labelled if answers[file]}) > 1:
        return
    says = meaning.reader(options)
    for file, label in labelled.items():
        other = next((name for name in answers[file] if says(name) is not label), None)
        if other is not None and named.isdisjoint(map(labels.word, source.parts(file))):
            raise ValueError(
                f"folders must mean one class. Received: {printable(source.shown(file.parent))}, of which "
                f"{printable(other)} may mean the opposite of the rest. Name those that count with "
                "--fractured NAME and --not-fractured NAME."
            )


def _require(named: tuple[str, ...], below: set[str]) -> None:
    words = {labels.word(name) for name in below}
    if absent := [name for name in named if labels.word(name) not in words]:
        raise ValueError(
            f"--fractured and --not-fractured must name folders with pictures. Received: {absent[0]!r}; "
            f"there are {one_line(first(sorted(map(printable, below)), 8)) or 'none'}."
        )
