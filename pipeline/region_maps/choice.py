"""How regions are cut from the maps, chosen on ``val``: with annotations by agreement, without by a rule."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from statistics import mean

import numpy as np

from pipeline.config import RegionMaps
from pipeline.dataset.annotations import Annotations
from pipeline.predict import calibration, cutting
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.maps import MapSet
from pipeline.predict.regions import Region
from pipeline.region_maps import cut_choice, matching, references, standing_out
from pipeline.region_maps.matching import Validation

_OVERLAPS = (0.3, 0.5)  # IoU at which the boxes of detectors are scored


def choose(val: MapSet, annotations: Annotations, limits: RegionMaps) -> RegionSettings:
    """Choose how regions are cut, from which peak on they are shown, and what their scores mean.

    With annotations: the reach, the smallest area and the threshold at which boxes agree best with the
    annotated ones (:func:`pipeline.region_maps.cut_choice.choose_cut`), and scores that are the probability
    that a region overlaps a fracture. Without: a region reaches down to a tenth of its peak's odds, the
    smallest area is that of the settings, at the threshold a tenth of the radiographs without a fracture
    would show a region, and a score is the map's peak. In both, radiographs without a fracture show one
    region each, on average, at the sensitive threshold. Of those, with annotations, only regions that say
    something are shown (:mod:`pipeline.region_maps.standing_out`); without, all but those that cover half of
    the radiograph, since scores that are no probability of an overlap cannot be held against one.
    """
    usable = val.where(references.is_usable(val, annotations))
    group = usable.rows["group"]
    reference = Validation(
        references.boxes(usable, annotations),
        np.array([place.height_px * place.width_px for place in usable.placements], np.int64),
        (1 / group.map(group.value_counts())).to_numpy(np.float64),
    )
    if reference.unfractured.all():
        maxima = np.array([region_map.max() for region_map in usable])
        threshold = cut_choice.map_threshold_from_unfractured(maxima)
        settings = _settings(threshold, limits.min_area_share, limits)
        candidates = _candidates([settings], usable)[settings]
    else:
        settings = _best_cut(usable, reference, limits)
        candidates = _candidates([settings], usable)[settings]
        fitted = _fit(candidates, reference)
        settings = replace(settings, score_slope=fitted.slope, score_intercept=fitted.intercept)
    settings = _with_sensitive_threshold(settings, candidates, reference)
    return _with_lowest_score(settings, candidates, reference, [place.crop for place in usable.placements])


def _best_cut(maps: MapSet, reference: Validation, limits: RegionMaps) -> RegionSettings:
    """Choose the settings whose boxes agree best with the annotated ones; of equal ones the network's own.

    Of the ways to find the network's own boxes, that of the highest average precision stands for them.
    """
    widest = _settings(cut_choice.CANDIDATE_THRESHOLD, 0.0, limits)  # regions of any peak and any area
    cuts = [replace(widest, peak_share=share) for share in cut_choice.PEAK_SHARES]
    boxed = [
        replace(widest, peak_share=share, max_overlap=overlap, weigh_agreement=True)
        for share, overlap in product(cut_choice.BOX_SHARES, cut_choice.MAX_OVERLAPS)
        if maps.boxes.size
    ]
    found = _candidates([*cuts, *boxed], maps)
    best = _with_threshold({way: found[way] for way in cuts}, reference, cut_choice.AREA_SHARES)
    if boxed:
        precision = {way: _precision(found[way], reference) for way in boxed}
        # Less than a hundredth apart is chance: then boxes that overlap less, which are easier to read.
        tightest = max(boxed, key=lambda way: (round(precision[way], 2), -way.max_overlap, precision[way]))
        own = _with_threshold({tightest: found[tightest]}, reference, [0.0])
        best = max(own, best, key=operator.itemgetter(1))
    return best[0]


def _with_threshold(
    ways: Mapping[RegionSettings, matching.Candidates], reference: Validation, area_shares: Sequence[float]
) -> tuple[RegionSettings, float]:
    """Choose the way, smallest area and threshold of the best agreement; return that, too."""
    way, area, threshold, agreement = cut_choice.choose_cut(ways, reference, area_shares)
    lowest = min(cut_choice.CANDIDATE_THRESHOLD, threshold)
    chosen = replace(way, map_threshold=threshold, min_area_share=area, candidate_threshold=lowest)
    return chosen, agreement


def _precision(candidates: matching.Candidates, reference: Validation) -> float:
    """Average precision of boxes, the mean of those at which they are scored."""
    return mean(matching.average_precision(candidates, reference, least) for least in _OVERLAPS)


def _candidates(ways: Sequence[RegionSettings], maps: MapSet) -> dict[RegionSettings, list[list[Region]]]:
    """Find the regions of each radiograph in each way; its map is drawn once."""
    found: dict[RegionSettings, list[list[Region]]] = {way: [] for way in ways}
    for place, region_map in enumerate(maps):
        cells = maps.cells(place)
        for way, regions in found.items():
            regions.append(way.candidates(region_map, cells))
    return found


def _settings(threshold: float, area: float, limits: RegionMaps) -> RegionSettings:
    return RegionSettings(
        threshold,
        area,
        limits.max_regions,
        candidate_threshold=min(cut_choice.CANDIDATE_THRESHOLD, threshold),
        peak_share=cut_choice.PEAK_SHARE,
        valley_share=limits.valley_share,
    )


def _with_sensitive_threshold(
    settings: RegionSettings, candidates: Sequence[list[Region]], reference: Validation
) -> RegionSettings:
    places = np.flatnonzero(reference.unfractured).tolist()
    if not places:
        return settings
    lowest = cut_choice.threshold_at_false_marks(
        [candidates[place] for place in places], reference.weight[places]
    )
    return replace(settings, sensitive_threshold=min(lowest, settings.map_threshold))


def _with_lowest_score(
    settings: RegionSettings,
    candidates: Sequence[list[Region]],
    reference: Validation,
    crops: Sequence[tuple[int, int, int, int]],
) -> RegionSettings:
    limited = replace(settings, max_area_share=standing_out.largest_area(reference))
    if reference.unfractured.all():
        return limited
    shown = [limited.visible(*own) for own in zip(candidates, reference.size_px.tolist(), strict=True)]
    return replace(limited, min_score=standing_out.lowest_score(shown, reference, crops))


def _fit(candidates: Sequence[list[Region]], reference: Validation) -> calibration.Calibration:
    """Fit scores to whether regions overlap a fracture."""
    regions = [region for own in candidates for region in own]
    if not regions:
        return calibration.Calibration(1.0)
    hit = matching.overlaps_of_all(candidates, reference.boxes) >= matching.OVERLAPS
    weight = np.repeat(reference.weight, [len(own) for own in candidates])
    return calibration.fit(cutting.strength_logits(regions), hit, weight)
