"""What the terminal says of the user's annotations: how many are used, what became of the others."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from pipeline.dataset.region import Region
from pipeline.files.faults import Issue
from pipeline.validate import categories
from pipeline.validate.annotation_placement import Target
from pipeline.validate.coco_file import CocoFile

log = logging.getLogger(__name__)

_ON_ALL = {"annotation_no_size", "annotation_normalised", "annotation_other_category"}  # one issue a file
_POINT = 0.01  # of a radiograph's longer side; no outline of FracAtlas is so short


def say_chosen(coco: CocoFile, chosen: Collection[str], *, by_setting: bool) -> None:
    """Tell which categories are fractures, and warn where neither a name nor a setting says so."""
    if coco.drawn:
        plain = all(categories.is_fracture(coco.categories.get(key, "")) for key in chosen)
        log.log(
            logging.INFO if plain or by_setting else logging.WARNING,
            "annotations: fractures are %s%s",
            categories.listed(coco.categories, coco.drawn, chosen),
            ""
            if plain or by_setting
            else " (no name says so; data.fracture_categories confirms or corrects it)",
        )


def say_used(
    coco: CocoFile,
    rule: str,
    regions: Mapping[str, Sequence[Region]],
    n_used: int,
    targets: Mapping[str, Target],
    issues: Sequence[Issue],
    others: Counter[str],
) -> None:
    """Tell the terminal how many annotations are used, and what becomes of the others."""
    if not coco.n_given:
        return
    n_fractured = sum(target.fractured and target.path == path for path, target in targets.items())
    codes = Counter(issue.issue for issue in issues if issue.issue not in _ON_ALL)
    left_out = [f"{coco.categories.get(key) or repr(key)} {n}" for key, n in sorted(others.items())]
    left_out += [f"{code} {n}" for code, n in sorted(codes.items())]
    if repeated := coco.n_given - n_used - codes.total() - others.total():
        left_out.append(f"drawn once more on a byte copy {repeated}")
    log.log(
        logging.INFO if n_used else logging.WARNING,
        "annotations: %d of %d used, on %d of %d fractured radiographs, names %s%s",
        *(n_used, coco.n_given, len(regions), n_fractured, rule),
        f"; left out: {', '.join(left_out)}" if left_out else "",
    )
    for code in sorted(codes):
        first = next(issue for issue in issues if issue.issue == code)
        log.warning(
            "annotations: the first %s: %s", code, ": ".join(filter(None, (first.path, first.detail)))
        )
    for issue in issues:
        if issue.issue in _ON_ALL - {"annotation_other_category"}:
            log.warning("annotations: %s", issue.detail)


def warn_of_points(regions: Mapping[str, Sequence[Region]], sizes: Mapping[str, tuple[int, int]]) -> None:
    """Warn where most regions are too small to be outlines: no map meets a point.

    Parameters
    ----------
    regions, sizes
        The regions in pixels, and the height and width in pixels, by the radiograph's path.
    """
    lengths = [max(region.bbox[2:]) / max(sizes[path]) for path, own in regions.items() for region in own]
    n_points = int(np.sum(np.array(lengths) < _POINT))
    if 2 * n_points > len(lengths):
        log.warning(
            "annotations: %d of %d are shorter than %.0f %% of their radiograph's longer side, like points. "
            "Regions that a model finds can hardly meet them, and a model that is chosen by them shows few. "
            "Draw round the whole fracture, or give no annotations.",
            *(n_points, len(lengths), 100 * _POINT),
        )
