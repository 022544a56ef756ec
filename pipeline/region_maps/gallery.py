"""The cases that the gallery of region maps shows, errors first: chosen and drawn into files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import RegionMaps
from pipeline.dataset.annotations import Annotations
from pipeline.dataset.names import CASES, OVERLAY_INDEX, PLAIN
from pipeline.files import images
from pipeline.predict import operating_points, position
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.maps import MapSet
from pipeline.region_maps import overlays, references
from pipeline.region_maps.legend import Label

log = logging.getLogger(__name__)

_COLUMNS = ["file", "path", "kind", "fractured", "probability", "decision", "on_target", "where"]


@dataclass(frozen=True)
class Case:
    """One examined radiograph.

    Attributes
    ----------
    position
        Its row in the set.
    path
        Relative to ``data.root``.
    fractured
        The reference standard.
    probability, decision
        Of the classifier.
    on_target
        Whether the map's peak lies on an annotated fracture; None where none is annotated.
    sha256
        Of its file when it was read first; empty where not known.
    """

    position: int
    path: str
    fractured: bool
    probability: float
    decision: str
    on_target: bool | None = None
    sha256: str = ""


@dataclass(frozen=True)
class Drawn:
    """What is drawn of a case.

    Attributes
    ----------
    overlay
        uint8 (H, W, 3).
    plain
        The radiograph with the reference standard alone, uint8 (H', W', 3).
    where
        Where the strongest region lies, in words; empty where there is none.
    """

    overlay: NDArray[np.uint8]
    plain: NDArray[np.uint8]
    where: str = ""


def cases(rows: pd.DataFrame, on_target: Sequence[bool | None]) -> list[Case]:
    """Make a case of each row of a :class:`pipeline.predict.maps.MapSet`."""
    hashes = rows.get("sha256", pd.Series("", rows.index))
    return [
        Case(position, str(row.path), bool(row.fractured), float(row.y_score), str(row.decision), hit, sha256)
        for position, (row, hit, sha256) in enumerate(zip(rows.itertuples(), on_target, hashes, strict=True))
    ]


def choose(cases: Sequence[Case], limit: int) -> dict[str, list[Case]]:
    """Choose up to ``limit`` cases, a quarter of each kind, the surest errors first.

    A case stands under the first kind that fits: confident and wrong; missed, or pointed
    elsewhere; a false alarm; a hit. Radiographs without a finding and without a fracture are
    not shown, nor are those out of scope.
    """
    chosen: dict[str, list[Case]] = {kind: [] for kind in CASES}
    for case in cases:
        kind = kind_of(case)
        if kind is not None:
            chosen[kind].append(case)
    share = max(1, limit // len(CASES))
    return {kind: sorted(same, key=_surest_first(kind))[:share] for kind, same in chosen.items()}


def kind_of(case: Case) -> str | None:
    """Name the kind of a case; None for a sound radiograph that was cleared, and for one out of scope."""
    if case.decision == operating_points.OUT_OF_SCOPE:
        return None
    called, cleared = case.decision == operating_points.FRACTURE, case.decision == operating_points.NO_FINDING
    if (called and not case.fractured) or (cleared and case.fractured):
        return "confident_errors"
    if case.fractured:
        return "hits" if called and case.on_target is not False else "misses"
    return None if cleared else "false_alarms"


def draw(
    folder: Path,
    root: Path,
    map_set: MapSet,
    annotations: Annotations,
    settings: RegionSettings,
    limits: RegionMaps,
    *,
    max_pixels: int,
) -> None:
    """Choose the cases of a set, and draw them into files.

    Parameters
    ----------
    folder
        To be created: see :func:`write`.
    root
        Folder that the paths of ``map_set`` are relative to.
    map_set, annotations
        The maps, and what is annotated.
    settings
        How regions are cut, and which are shown.
    limits
        How many cases, and in which colours.
    max_pixels
        As ``validate`` allowed.
    """
    chosen = choose(cases(map_set.rows, references.on_target(map_set, annotations)), limits.gallery)
    paint = painter(root, map_set, annotations, settings, colormap=limits.colormap, max_pixels=max_pixels)
    write(folder, chosen, paint)


def painter(
    root: Path,
    map_set: MapSet,
    annotations: Annotations,
    settings: RegionSettings,
    *,
    colormap: str,
    max_pixels: int,
) -> Callable[[Case], Drawn]:
    """Return a function that draws one case over its radiograph, read again from ``root``.

    A radiograph with the decision ``no finding`` shows no region, as :class:`pipeline.predict.bundle.Bundle`
    gives none.
    """

    def paint(case: Case) -> Drawn:
        placement = map_set.placements[case.position]
        pixels = images.read_again(root / case.path, case.sha256, max_pixels).pixels
        upright = placement.set_right(pixels)
        region_map = map_set.in_radiograph(case.position)
        is_clear = case.decision == operating_points.NO_FINDING
        cells = map_set.cells(case.position)
        cut = [] if is_clear else settings.visible_regions(region_map, cells)
        outlines = [
            outline[:, ::-1] for region in annotations.for_path(case.path) for outline in region.outlines
        ]
        picture = overlays.overlay(
            upright,
            region_map,
            cut,
            settings.map_threshold,
            label=label(case),
            reference=outlines,
            colormap=colormap,
        )
        where = position.locate(upright, cut[0].peak).words if cut else ""
        return Drawn(picture, overlays.plain(upright, outlines), where)

    return paint


def write(folder: Path, chosen: Mapping[str, Sequence[Case]], paint: Callable[[Case], Drawn]) -> None:
    """Draw the chosen cases into files.

    Parameters
    ----------
    folder
        To be created; one JPEG a case, named after its kind and its place in it, the same without the map
        in ``plain/``, and ``index.csv``, which says whose they are and what captions need. A radiograph
        that is gone or changed meanwhile is left out, and told.
    chosen
        From :func:`choose`.
    paint
        From a case to what is drawn of it.
    """
    (folder / PLAIN).mkdir(parents=True)
    rows = []
    for kind, cases in chosen.items():
        for place, case in enumerate(cases, start=1):
            file = f"{kind}-{place:02d}.jpg"
            try:
                drawn = paint(case)
            except images.ImageFault as fault:
                log.warning("overlays: not drawn: %s", fault)
                continue
            images.write(folder / file, drawn.overlay)
            images.write(folder / PLAIN / file, drawn.plain)
            columns = (round(case.probability, 6), case.decision, case.on_target, drawn.where)
            rows.append((file, case.path, kind, case.fractured, *columns))
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table.to_csv(folder / OVERLAY_INDEX, index=False, lineterminator="\n")


def label(case: Case) -> Label:
    """Write decision and reference standard below the overlay."""
    outcome, good = {
        "confident_errors": ("false alarm" if not case.fractured else "miss", False),
        "misses": ("points elsewhere" if case.on_target is False else "miss", False),
        "false_alarms": ("false alarm", False),
        "hits": ("hit", True),
        None: ("cleared", True),
    }[kind_of(case)]
    truth = "fractured" if case.fractured else "not fractured"
    return Label(case.path, case.probability, case.decision, truth, outcome, good)


def _surest_first(kind: str) -> Callable[[Case], tuple[float, int]]:
    def key(case: Case) -> tuple[float, int]:
        sureness = abs(case.probability - 0.5) if kind == "confident_errors" else case.probability
        return -sureness, case.position

    return key
