"""PASCAL VOC: an XML file a radiograph, with the corners of boxes in pixels.

``Annotations/*.xml`` beside ``JPEGImages/``, with the split in ``ImageSets/Main/{train,val,test}.txt``, or
XML files beside the pictures in ``train``, ``valid`` and ``test``, as Roboflow exports them.
http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from pipeline.files.printable import first
from pipeline.importing import drawings, xml_files
from pipeline.importing.drawings import Picture, Shape
from pipeline.importing.record import (
    BROKEN,
    MISSING,
    TWO_LABELS,
    Found,
    LeftOut,
    NotThisKindError,
    Options,
)
from pipeline.importing.source import Source, missing, split_of, stem

log = logging.getLogger(__name__)

_OF_CLASS = re.compile(r"\s+-?[01]$")  # whether an object of the list's class is on the picture
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read(path: Path, options: Options) -> Found:
    """Read a folder of VOC files and pictures."""
    source = Source(path, options.without)
    files = source.named(".xml")
    pictures, lines = annotated(files, source, _image_sets(source))
    if not pictures:
        raise NotThisKindError(
            "voc",
            path,
            f"XML files whose root is <annotation>, and their pictures{_first(lines)}",
            source.top(),
        )
    names = dict.fromkeys(shape.category for picture in pictures for shape in picture.shapes)
    return drawings.found(pictures, names, source, options, lines)


def annotated(
    files: Sequence[Path], source: Source, splits: Mapping[str, str]
) -> tuple[list[Picture], list[LeftOut]]:
    """Read VOC files, and find the picture of each by the file's own name, else by its ``filename``.

    ``filename`` may be stale: tools keep it when files are renamed, and scripts copy it. So it never gives
    one picture to two files.

    Parameters
    ----------
    splits
        The split of pictures by their names without suffix; of others the folders tell it.
    """
    parsed, lines = dict[Path, Element | str](), []
    for file in files:
        try:
            parsed[file] = _annotation(file)
        except ValueError as error:
            parsed[file] = str(error)
    of_file = _pictures(parsed, source)
    shared = _shared(of_file)
    pictures, homonyms = [], dict[str, Path]()
    for file, content in parsed.items():
        picture = of_file.get(file)
        if isinstance(content, str):
            lines.append(LeftOut(source.shown(file), BROKEN, content))
        if picture is None:
            names = (file.stem, _filename(content))
            if name := next((name for name in names if len(source.called(name)) > 1), ""):
                homonyms.setdefault(name, file)
            elif isinstance(content, Element):
                detail = f"no picture is called {names[1]!r} or {names[0]!r}"
                lines.append(LeftOut(source.shown(file), MISSING, detail))
        elif picture not in shared:
            split = splits.get(picture.stem) or source.split_of(picture)
            pictures.append(_picture(picture, content, split, source.shown(file)))
    for name, file in homonyms.items():
        lines += missing([name], source.shown(file), source)
    for picture, files in shared.items():
        detail = f"{first([*map(source.shown, files)], 2, ' and ')} name it"
        lines.append(LeftOut(source.shown(picture), TWO_LABELS, detail))
    return pictures, lines


def _annotation(file: Path) -> Element:
    root = xml_files.read(file)
    if root.tag != "annotation":
        raise ValueError(f"the root of a VOC file must be <annotation>. Received: <{root.tag}>")
    return root


def _pictures(parsed: Mapping[Path, Element | str], source: Source) -> dict[Path, Path]:
    """Find the picture of each file."""
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for file in parsed:
        by_folder[file.parent].append(file)
    own, told = dict[Path, Path](), dict[Path, Path]()
    for folder, files in by_folder.items():
        own |= _found({file: file.stem for file in files}, folder, source)
        told |= _found({file: _filename(parsed[file]) for file in files}, folder, source)
    bearing = {file: picture for file, picture in own.items() if _is_namesake(file, picture)}
    if stale := [file for file, picture in bearing.items() if told.get(file, picture) != picture]:
        log.warning(
            "%d VOC files bear the name of one picture, and their <filename> names another; the files' own "
            "names count. The first: %s names %r. Where that is wrong, rename the files.",
            len(stale), source.shown(stale[0]), _filename(parsed[stale[0]]),
        )  # fmt: skip
    return own | told | bearing


def _found(names: Mapping[Path, str], folder: Path, source: Source) -> dict[Path, Path]:
    of_name = source.find(filter(None, names.values()), folder)
    return {file: of_name[name] for file, name in names.items() if name in of_name}


def _shared(of_file: Mapping[Path, Path]) -> dict[Path, list[Path]]:
    """Find the pictures of several files, not all of which bear the picture's name."""
    files_of: dict[Path, list[Path]] = defaultdict(list)
    for file, picture in of_file.items():
        files_of[picture].append(file)
    return {
        picture: files
        for picture, files in files_of.items()
        if len(files) > 1 and not all(_is_namesake(file, picture) for file in files)
    }


def _is_namesake(file: Path, picture: Path) -> bool:
    return stem(file.stem).casefold() == picture.stem.casefold()


def _filename(content: Element | str) -> str:
    return "" if isinstance(content, str) else content.findtext("filename", "").strip()


def _picture(file: Path, content: Element | str, split: str, where: str) -> Picture:
    if isinstance(content, str):
        return Picture(file, split=split, unsure=f"{where}: {content}")
    size = xml_files.size(content.findtext("size/height"), content.findtext("size/width"))
    return Picture(file, [_shape(one, where) for one in content.iter("object")], split, size)


def _shape(one: Element, where: str) -> Shape:
    """Read an object; its corners are pixels, the last ones included."""
    category = one.findtext("name", "").strip()
    try:
        region = xml_files.box({key: one.findtext(f"bndbox/{key}") for key in _CORNERS})
    except ValueError as error:
        return Shape(category, None, str(error), where)
    return Shape(category, region, "" if category else "a box without a class", where)


def _image_sets(source: Source) -> dict[str, str]:
    """Read the split of each picture from ``ImageSets/Main``; some write paths and suffixes there."""
    lists = [file for file in source.named(".txt") if "ImageSets" in source.parts(file)]
    return {
        stem(_OF_CLASS.sub("", line)): split
        for file in lists
        if (split := split_of([file.stem]))
        for line in source.lines(file)
    }


def _first(lines: Iterable[LeftOut]) -> str:
    first = next(iter(lines), None)
    return f" (the first that is none: {first.file}: {first.detail})" if first else ""
