"""The largest groups of copies: a row of pictures each, and what became of one radiograph."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pandas as pd

from pipeline.dataset.layout import SPLITS
from pipeline.dataset.manifest import KEPT, REDUNDANT
from pipeline.report import thumbnails
from pipeline.report.copies import kinship
from pipeline.report.copies.kinship import Relation
from pipeline.report.pages import count, counted, listed
from pipeline.report.thumbnails import Look

_SHOWN = 10
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


def largest(files: pd.DataFrame, copies: pd.DataFrame, look: Look) -> list[dict[str, Any]]:
    """Gather the largest groups for the page.

    Parameters
    ----------
    files
        The manifest; files of one group are copies, or of one patient or study.
    copies
        How pairs lie on one another; see `pipeline.validate.copies.files.Copies`.
    look
        From a path to small pixels; asked for the pictures shown alone.

    Returns
    -------
    list of dict
        ``name``, ``title`` (how many files), ``text`` (sentences), ``pictures`` (as the macro ``thumbs``
        takes them) and ``n_more`` (files without a picture).
    """
    grouped = files[files["group"] != ""]
    sizes = grouped["group"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    chosen = sizes[sizes > 1].head(_SHOWN).index
    return [_shown(name, family(grouped[grouped["group"] == name], copies), look) for name in chosen]


def family(members: pd.DataFrame, copies: pd.DataFrame) -> Family:
    """Choose a group's reference, and follow the links from it.

    Tools add to a name when they save a copy: the shortest name is taken for what the others were made of.
    Of equal bytes one file alone was laid over others; what is true of it is true of all.
    """
    members = members.set_index("path", drop=False)
    reference = min(members.index, key=lambda path: (len(PurePosixPath(path).stem), path))
    first = members.groupby("sha256")["path"].transform("first")
    links = copies[copies["path"].isin(first) & copies["copy_of"].isin(first)]
    found = kinship.relations(first[reference], links, kinship.shapes(members))
    return Family(members, reference, {path: found[twin] for path, twin in first.items() if twin in found})


def spread(found: Family) -> list[str]:
    """Order members for showing: the reference, then by turns of each split and class, byte copies last."""
    others = found.members.drop(index=found.reference).reset_index(drop=True)
    ranked = others.assign(
        again=others["status"] == REDUNDANT, rank=others["published_split"].map(SPLITS.index)
    )
    turn = ranked.groupby(["again", "rank", "fractured"]).cumcount()
    ordered = ranked.assign(turn=turn).sort_values(["again", "turn", "rank", "fractured", "path"])
    return [found.reference, *ordered["path"]]


def said(found: Family, path: str) -> str:
    """Say in a word or two what a member is to the reference."""
    if path == found.reference:
        return "the first"
    if path not in found.related:
        return "same patient or study"
    digests = found.members["sha256"]
    same = "same bytes" if digests[path] == digests[found.reference] else "same position"
    return kinship.words(found.related[path]) or same


def found_under(members: pd.DataFrame) -> str:
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


def made_by(found: Family) -> str:
    """Say what was done to the reference to make the others."""
    digests = found.members["sha256"]
    others = digests[digests != digests[found.reference]].drop_duplicates().index
    copies = [found.related[path] for path in others if path in found.related]
    parts = [kinship.summary(copies) or "same position and size"] if copies else []
    if again := int(digests.duplicated().sum()):
        parts.append(f"{count(again)} with the same bytes as another" if len(others) else "the same bytes")
    if strangers := len(digests) - len(found.related):
        parts.append(f"{count(strangers)} of the same patient or study, no copies")
    return f"Against the first: {'; '.join(parts)}."


def _shown(name: str, found: Family, look: Look) -> dict[str, Any]:
    order = spread(found)
    shown = order[: thumbnails.n_shown(len(order))]
    return {
        "name": name,
        "title": counted(len(order), "file"),
        "text": f"{found_under(found.members)} {made_by(found)}",
        "pictures": [_picture(path, said(found, path), look) for path in shown],
        "n_more": len(order) - len(shown),
    }


def _picture(path: str, title: str, look: Look) -> dict[str, str | None]:
    src = thumbnails.address(look(path), _SIDE_PX)
    return {"src": src, "title": title, "alt": f"{path}: {title}", "caption": path}
