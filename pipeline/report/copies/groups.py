"""The largest groups of copies: a row of pictures each, and what became of one radiograph."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from pipeline.dataset.layout import SPLITS
from pipeline.dataset.manifest import KEPT
from pipeline.report import thumbnails
from pipeline.report.copies import kinship
from pipeline.report.copies.kinship import Relation
from pipeline.report.pages import count, counted, listed
from pipeline.report.thumbnails import ThumbnailReader
from pipeline.validate import page_thumbnails

_SIDE_PX = 160


class Family(NamedTuple):
    """A group, seen from one of its files.

    Attributes
    ----------
    members
        Rows of the manifest, indexed by path.
    reference
        Path of the file that the others were likely made of.
    related
        What each member is to the reference, by path; who was joined by patient or study is not in it.
    """

    members: pd.DataFrame
    reference: str
    related: dict[str, Relation]


def largest(files: pd.DataFrame, copies: pd.DataFrame, thumbnail: ThumbnailReader) -> list[dict[str, Any]]:
    """Gather the largest groups for the page.

    Parameters
    ----------
    files
        The manifest; files of one group are copies, or of one patient or study.
    copies
        How pairs lie on one another; see `pipeline.validate.copies.files.Copies`.
    thumbnail
        From a path to small pixels; called only for the pictures on the page.

    Returns
    -------
    list of dict
        ``name``, ``title`` (how many files), ``text`` (sentences), ``pictures`` (as the macro ``thumbs``
        takes them) and ``n_more`` (files without a picture).
    """
    return [_describe(members, copies, thumbnail) for members in page_thumbnails.largest_groups(files)]


def family(members: pd.DataFrame, copies: pd.DataFrame) -> Family:
    """Follow the links from a group's reference.

    Of equal bytes one file alone was laid over others; what is true of it is true of all.
    """
    reference = page_thumbnails.reference(members)
    members = members.set_index("path", drop=False)
    first = members.groupby("sha256")["path"].transform("first")
    links = copies[copies["path"].isin(first) & copies["copy_of"].isin(first)]
    related = kinship.relations(first[reference], links, kinship.shapes(members))
    return Family(
        members, reference, {path: related[twin] for path, twin in first.items() if twin in related}
    )


def relation_words(group: Family, path: str) -> str:
    """Say in a word or two what a member is to the reference."""
    if path == group.reference:
        return "the first"
    if path not in group.related:
        return "same patient or study"
    digests = group.members["sha256"]
    same = "same bytes" if digests[path] == digests[group.reference] else "same position"
    return kinship.words(group.related[path]) or same


def published_under(members: pd.DataFrame) -> str:
    """Say under which published splits and labels a group was found, and where it lies now."""
    splits = members["published_split"].value_counts()
    published = listed([f"{split} ({count(splits[split])})" for split in SPLITS if split in splits])
    labels = members["fractured"].map({True: "fractured", False: "not fractured"}).value_counts()
    label = labels.index[0]
    if len(labels) > 1:
        label = "both labels: " + listed([f"{name} ({count(n)})" for name, n in sorted(labels.items())])
    kept = members.loc[members["status"] == KEPT, "split"]
    now = f"now in {kept.iloc[0]}" if len(kept) else "now left out"
    return f"Published in {published}, under {label}; {now}."


def alterations(group: Family) -> str:
    """Say what was done to the reference to make the others."""
    digests = group.members["sha256"]
    others = digests[digests != digests[group.reference]].drop_duplicates().index
    copies = [group.related[path] for path in others if path in group.related]
    parts = [kinship.summary(copies) or "same position and size"] if copies else []
    if again := int(digests.duplicated().sum()):
        parts.append(f"{count(again)} with the same bytes as another" if len(others) else "the same bytes")
    if strangers := len(digests) - len(group.related):
        parts.append(f"{count(strangers)} of the same patient or study, no copies")
    return f"Against the first: {'; '.join(parts)}."


def _describe(members: pd.DataFrame, copies: pd.DataFrame, thumbnail: ThumbnailReader) -> dict[str, Any]:
    group, few = family(members, copies), page_thumbnails.first(page_thumbnails.spread(members))
    return {
        "name": members["group"].iloc[0],
        "title": counted(len(members), "file"),
        "text": f"{published_under(group.members)} {alterations(group)}",
        "pictures": [_picture(path, relation_words(group, path), thumbnail) for path in few],
        "n_more": len(members) - len(few),
    }


def _picture(path: str, title: str, thumbnail: ThumbnailReader) -> dict[str, str | None]:
    src = thumbnails.address(thumbnail(path), _SIDE_PX)
    return {"src": src, "title": title, "alt": f"{path}: {title}", "caption": path}
