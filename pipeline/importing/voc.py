"""PASCAL VOC: an XML file a radiograph, with the corners of boxes in pixels.

``Annotations/*.xml`` beside ``JPEGImages/``, with the split in ``ImageSets/Main/{train,val,test}.txt``, or
XML files beside the pictures in ``train``, ``valid`` and ``test``, as Roboflow exports them.
http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from pipeline.importing import drawings, xml_files
from pipeline.importing.drawings import Picture, Shape
from pipeline.importing.record import BROKEN, MISSING, Found, LeftOut, NotThisKindError, Options
from pipeline.importing.source import Source, split_of, stem

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
    """Read VOC files, and find the picture of each by its ``filename``, else by the file's own name.

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
    pictures = []
    for file, content in parsed.items():
        picture = of_file.get(file)
        if isinstance(content, str):
            lines.append(LeftOut(source.shown(file), BROKEN, content))
        if picture is None and isinstance(content, Element):
            detail = f"no one picture is called {content.findtext('filename', '')!r} or {file.stem!r}"
            lines.append(LeftOut(source.shown(file), MISSING, detail))
        elif picture is not None:
            split = splits.get(picture.stem) or source.split_of(picture)
            pictures.append(_picture(picture, content, split, source.shown(file)))
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
    found: dict[Path, Path] = {}
    for folder, files in by_folder.items():
        for name in (_filename, _stem):
            names = {file: name(file, parsed[file]) for file in files if file not in found}
            of_name = source.find(filter(None, names.values()), folder)
            found |= {file: of_name[wanted] for file, wanted in names.items() if wanted in of_name}
    return found


def _filename(_: Path, content: Element | str) -> str:
    return "" if isinstance(content, str) else content.findtext("filename", "").strip()


def _stem(file: Path, _: Element | str) -> str:
    return file.stem


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
