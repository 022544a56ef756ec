"""What the validate page says: tables and sentences from the manifest, the issues and the figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.show import leaks
from pipeline.show.pages import count, percent

_PICTURE_PX = 220
_GROUPS_SHOWN = 4
_MEMBERS_SHOWN = 3
_QUARANTINED_SHOWN = 12
_EXAMPLES = 3
_SPLITS = ("train", "val", "test")

Picture = Callable[[str], str]


def context(
    files: pd.DataFrame,
    issues: pd.DataFrame,
    attributes: pd.DataFrame,
    figures: Mapping[str, Any],
    picture: Picture,
) -> dict[str, Any]:
    """Gather what ``validate.html`` needs.

    Parameters
    ----------
    files
        The manifest.
    issues
        ``path``, ``issue``, ``severity``, ``detail``.
    attributes
        What the label follows; see `associations`.
    figures
        As in ``metrics.json``.
    picture
        Turns the path of a readable radiograph into a ``data:`` address.
    """
    return {
        "figures": figures,
        "findings": _findings(files, attributes, figures),
        "splits": _split_rows(files),
        "issues": _issue_rows(issues),
        "quarantined": _quarantined(files, issues, picture),
        "groups": _largest_groups(files, picture),
        "shortcuts": leaks.null_rows(figures["null"]),
        "attributes": leaks.attribute_rows(attributes),
    }


def shrink(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale a radiograph down to a picture for a page; uint8, shape (height_px, width_px)."""
    scale = _PICTURE_PX / max(pixels.shape)
    if scale >= 1:
        return pixels
    size = [max(1, round(side * scale)) for side in pixels.shape[::-1]]
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _findings(
    files: pd.DataFrame, attributes: pd.DataFrame, figures: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Sentences, the worst first."""
    findings = []
    published, clean = figures["memorisation"]["published"], figures["memorisation"]["clean"]
    if crossing := figures["groups_crossing_published_splits"]:
        n_tests = _tests_with_a_copy_in_train(files)
        n_test = int(((files["published_split"] == "test") & (files["group"] != "")).sum())
        text = (
            f"{count(crossing)} groups lie in more than one published split; "
            f"{count(n_tests)} of {count(n_test)} published test files have a copy in train or val. "
            "Copying the label of the most similar training file scores "
            f"{percent(published['accuracy'])} accuracy (AUROC {published['auroc']:.2f}) on the published "
            f"split and {percent(clean['accuracy'])} (AUROC {clean['auroc']:.2f}) on the split used here."
        )
        findings.append({"kind": "warning", "text": text})
    else:
        findings.append({"kind": "good", "text": "No copy was found on two sides of the published splits."})
    findings.append({"kind": "good", "text": "In the split used here no group lies in two splits."})
    findings += leaks.findings(figures, attributes)
    if conflicts := figures["label_conflicts"]:
        text = f"{count(conflicts)} radiographs stand under both labels; all their copies are left out."
        findings.append({"kind": "bad", "text": text})
    order = {"bad": 0, "warning": 1, "good": 2}
    return sorted(findings, key=lambda finding: order[finding["kind"]])


def _tests_with_a_copy_in_train(files: pd.DataFrame) -> int:
    grouped = files[files["group"] != ""]
    elsewhere = set(grouped.loc[grouped["published_split"] != "test", "group"])
    tests = grouped[grouped["published_split"] == "test"]
    return int(tests["group"].isin(elsewhere).sum())


def _split_rows(files: pd.DataFrame) -> list[list[str]]:
    """Count published files, used files and groups for each split and class."""
    rows = []
    for split in _SPLITS:
        for fractured, name in ((True, "fractured"), (False, "not fractured")):
            of_class = files[files["fractured"] == fractured]
            kept = of_class[of_class["split"] == split]
            n_published = int((of_class["published_split"] == split).sum())
            moved = int((kept["published_split"] != split).sum())
            figures = (n_published, len(kept), kept["group"].nunique(), moved)
            rows.append([split, name, *map(count, figures)])
    return rows


def _issue_rows(issues: pd.DataFrame) -> list[list[str]]:
    rows = []
    for (severity, issue), found in issues.groupby(["severity", "issue"]):
        examples = ", ".join(found["path"].head(_EXAMPLES))
        rows.append([str(issue), str(severity), examples, count(len(found))])
    order = {"quarantined": 0, "warning": 1, "note": 2}
    return sorted(rows, key=lambda row: (order[row[1]], row[0]))


def _quarantined(files: pd.DataFrame, issues: pd.DataFrame, picture: Picture) -> list[dict[str, Any]]:
    """Show the first files left out; those that cannot be decoded have no picture."""
    details = issues[issues["severity"] == "quarantined"].drop_duplicates("path").set_index("path")["detail"]
    shown = files[files["status"] == "quarantined"].head(_QUARANTINED_SHOWN)
    return [
        {
            "src": picture(row.path) if row.format else None,
            "alt": f"Left out: {row.path}",
            "title": row.reason,
            "caption": details.get(row.path, row.path),
        }
        for row in shown.itertuples()
    ]


def _largest_groups(files: pd.DataFrame, picture: Picture) -> list[dict[str, Any]]:
    kept = files[files["status"] == "kept"]
    sizes = kept["group"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    galleries = []
    for name, size in sizes[sizes > 1].head(_GROUPS_SHOWN).items():
        members = kept[kept["group"] == name]
        pictures = [
            {"src": picture(row.path), "alt": f"Member of {name}", "title": None, "caption": row.path}
            for row in members.head(_MEMBERS_SHOWN).itertuples()
        ]
        published = ", ".join(sorted(set(members["published_split"])))
        text = f"{count(size)} files, published in {published}, now in {members['split'].iloc[0]}"
        galleries.append({"name": name, "text": text, "pictures": pictures})
    return galleries
