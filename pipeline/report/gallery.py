"""The gallery of region maps: which radiographs it shows, errors first, and their pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import RegionMaps
from pipeline.dataset.annotations import Annotations
from pipeline.files import images
from pipeline.predict import operating_points, position
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.maps import MapSet
from pipeline.region_maps import overlays, references
from pipeline.region_maps.legend import Label
from pipeline.report import pages

INDEX = "index.csv"
KINDS = ("confident_errors", "misses", "false_alarms", "hits")


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
        What the classifier says.
    on_target
        Whether the map's peak lies on an annotated fracture; None where none is annotated.
    """

    position: int
    path: str
    fractured: bool
    probability: float
    decision: str
    on_target: bool | None = None


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
    return [
        Case(position, str(row.path), bool(row.fractured), float(row.y_score), str(row.decision), hit)
        for position, (row, hit) in enumerate(zip(rows.itertuples(), on_target, strict=True))
    ]


def choose(cases: Sequence[Case], limit: int) -> dict[str, list[Case]]:
    """Choose up to ``limit`` cases, a quarter of each kind, the surest errors first.

    A case stands under the first kind that fits: confident and wrong; missed, or pointed
    elsewhere; a false alarm; a hit. Radiographs without a finding and without a fracture are
    not shown.
    """
    chosen: dict[str, list[Case]] = {kind: [] for kind in KINDS}
    for case in cases:
        kind = kind_of(case)
        if kind is not None:
            chosen[kind].append(case)
    share = max(1, limit // len(KINDS))
    return {kind: sorted(found, key=_surest_first(kind))[:share] for kind, found in chosen.items()}


def kind_of(case: Case) -> str | None:
    """Name the kind of a case; None for a sound radiograph that was cleared."""
    called, cleared = case.decision == operating_points.FRACTURE, case.decision == operating_points.NO_FINDING
    if (called and not case.fractured) or (cleared and case.fractured):
        return "confident_errors"
    if case.fractured:
        return "hits" if called and case.on_target is not False else "misses"
    return None if cleared else "false_alarms"


def draw(
    folder: Path, root: Path, found: MapSet, known: Annotations, settings: RegionSettings, limits: RegionMaps
) -> dict[str, list[dict[str, str]]]:
    """Choose the cases of a set, draw them into files, and describe them for the page.

    Parameters
    ----------
    folder
        To be created: see :func:`write`.
    root
        Folder that the paths of ``found`` are relative to.
    found, known
        The maps, and what is annotated.
    settings
        How regions are cut, and which are shown.
    limits
        How many cases, and in which colours.
    """
    chosen = choose(cases(found.rows, references.on_target(found, known)), limits.gallery)
    return write(folder, chosen, painter(root, found, known, settings, colormap=limits.colormap))


def painter(
    root: Path, found: MapSet, known: Annotations, settings: RegionSettings, *, colormap: str
) -> Callable[[Case], Drawn]:
    """Return a function that draws one case over its radiograph, read again from ``root``.

    A radiograph with the decision ``no finding`` shows no region, as :class:`pipeline.predict.bundle.Bundle`
    gives none.
    """

    def paint(case: Case) -> Drawn:
        placement = found.placements[case.position]
        pixels = images.read(root / case.path).pixels
        upright = 255 - pixels if placement.inverted else pixels
        region_map = found.in_radiograph(case.position)
        cut = [] if case.decision == operating_points.NO_FINDING else settings.shown(region_map)
        outlines = [outline[:, ::-1] for region in known.for_path(case.path) for outline in region.outlines]
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


def write(
    folder: Path, chosen: Mapping[str, Sequence[Case]], paint: Callable[[Case], Drawn]
) -> dict[str, list[dict[str, str]]]:
    """Draw the chosen cases into files and describe them for the page.

    Parameters
    ----------
    folder
        To be created; one JPEG a case, named after its kind and its place in it, and ``index.csv``, which
        says whose they are.
    chosen
        From :func:`choose`.
    paint
        From a case to what is drawn of it.

    Returns
    -------
    dict
        For each kind a list of ``src``, ``beside`` (the reference standard alone), ``alt``, ``title`` and
        ``caption``.
    """
    folder.mkdir(parents=True)
    pictures: dict[str, list[dict[str, str]]] = {}
    index = []
    for kind, cases in chosen.items():
        pictures[kind] = []
        for place, case in enumerate(cases, start=1):
            drawn, file = paint(case), f"{kind}-{place:02d}.jpg"
            jpeg = images.encode_jpeg(drawn.overlay)
            (folder / file).write_bytes(jpeg)
            pictures[kind].append(_describe(case, jpeg, drawn))
            index.append((file, case.path))
    table = pd.DataFrame(index, columns=["file", "path"])
    table.to_csv(folder / INDEX, index=False, lineterminator="\n")
    return pictures


def label(case: Case) -> Label:
    """Say below the overlay what the classifier said and what is true."""
    outcome, good = {
        "confident_errors": ("false alarm" if not case.fractured else "miss", False),
        "misses": ("points elsewhere" if case.on_target is False else "miss", False),
        "false_alarms": ("false alarm", False),
        "hits": ("hit", True),
        None: ("cleared", True),
    }[kind_of(case)]
    truth = "fractured" if case.fractured else "not fractured"
    return Label(case.path, case.probability, case.decision, truth, outcome, good)


def _describe(case: Case, jpeg: bytes, drawn: Drawn) -> dict[str, str]:
    hit = {None: "", True: " The peak lies on the fracture.", False: " The peak lies elsewhere."}
    truth = "Fractured" if case.fractured else "Not fractured"
    where = f" Strongest region: {drawn.where}." if drawn.where else ""
    return {
        "src": pages.data_uri(jpeg, "image/jpeg"),
        "beside": pages.data_uri(images.encode_jpeg(drawn.plain), "image/jpeg"),
        "alt": f"Region map of {case.path}",
        "title": case.path,
        "caption": f"{truth}; {case.decision}, probability {case.probability:.2f}."
        f"{hit[case.on_target]}{where}",
    }


def _surest_first(kind: str) -> Callable[[Case], tuple[float, int]]:
    def key(case: Case) -> tuple[float, int]:
        sureness = abs(case.probability - 0.5) if kind == "confident_errors" else case.probability
        return -sureness, case.position

    return key
