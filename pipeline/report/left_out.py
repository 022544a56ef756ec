"""The files that are left out: by reason, with a picture where one can be decoded."""

from __future__ import annotations

from textwrap import shorten
from typing import Any

import pandas as pd

from pipeline.files.faults import meaning
from pipeline.report import thumbnails
from pipeline.report.pages import counted
from pipeline.report.thumbnails import ThumbnailReader
from pipeline.validate import page_thumbnails

_SIDE_PX = 200
_LETTERS = 120  # of a detail, which may list all copies of a file


def by_reason(files: pd.DataFrame, issues: pd.DataFrame, thumbnail: ThumbnailReader) -> list[dict[str, Any]]:
    """Gather what was left out, the commonest reason first.

    Parameters
    ----------
    files
        The manifest.
    issues
        ``path``, ``issue``, ``severity``, ``detail``.
    thumbnail
        From a path to small pixels; called only for the pictures on the page.

    Returns
    -------
    list of dict
        ``reason``, ``meaning``, ``title`` (how many files), ``pictures`` (as the macro ``thumbs`` takes them)
        and ``n_more`` (files without a picture). Files of one group stand side by side.
    """
    quarantined = issues[issues["severity"] == "quarantined"]
    details = quarantined.drop_duplicates(["path", "issue"]).set_index(["path", "issue"])["detail"].to_dict()
    return [
        _reason(reason, out, details, thumbnail) for reason, out in page_thumbnails.left_out(files).items()
    ]


def _reason(
    reason: str, out: pd.DataFrame, details: dict[tuple[str, str], str], thumbnail: ThumbnailReader
) -> dict[str, Any]:
    few = page_thumbnails.first(out)
    return {
        "reason": reason,
        "meaning": meaning(reason),
        "title": counted(len(out), "file"),
        "pictures": [
            _picture(row, details.get((row.path, reason), ""), thumbnail) for row in few.itertuples()
        ],
        "n_more": len(out) - len(few),
    }


def _picture(row: Any, detail: str, thumbnail: ThumbnailReader) -> dict[str, str | None]:
    if row.reason == "label_conflict":
        title = "labelled fractured" if row.fractured else "labelled not fractured"
    else:
        title = shorten(
            detail.removeprefix(f"{row.path}: "), _LETTERS, placeholder=" \N{HORIZONTAL ELLIPSIS}"
        )
    return {
        "src": thumbnails.address(thumbnail(row.path), _SIDE_PX) if row.format else None,
        "title": title,
        "alt": f"Left out: {row.path}",
        "caption": row.path,
    }
