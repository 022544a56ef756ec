"""How regions are cut from the maps, chosen on ``val``: with annotations by agreement, without by a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.config import RegionMaps
from pipeline.dataset.annotations import Annotations
from pipeline.predict import calibration, cutting, regions
from pipeline.predict.cutting import RegionSettings, Validation
from pipeline.predict.maps import MapSet
from pipeline.region_maps.scoring import NO_BOXES, boxes, is_usable


def choose(val: MapSet, known: Annotations, limits: RegionMaps) -> RegionSettings:
    """Choose how regions are cut, from which peak on they are shown, and what their scores mean.

    With annotations: the reach, the smallest area and the threshold at which boxes agree best with the
    annotated ones (:func:`pipeline.predict.cutting.choose_cut`), and scores that are the probability
    that a region overlaps a fracture. Without: a region reaches down to a tenth of its peak's odds, the
    smallest area is that of the settings, at the threshold a tenth of the radiographs without a fracture
    would show a region, and a score is the map's peak. In both, radiographs without a fracture show one
    region each, on average, at the sensitive threshold.
    """
    usable = val.where(is_usable(val, known))
    group = usable.rows["group"]
    reference = Validation(
        [boxes(known.for_path(path)) if cut else NO_BOXES for path, cut in _pairs(usable)],
        np.array([place.height_px * place.width_px for place in usable.placements], np.int64),
        (1 / group.map(group.value_counts())).to_numpy(np.float64),
    )
    if reference.unfractured.all():
        return _by_rule(usable, reference, limits)
    widest = _settings(cutting.CANDIDATE_THRESHOLD, 0.0, limits)  # regions of any peak and any area
    cuts = {share: replace(widest, peak_share=share) for share in cutting.PEAK_SHARES}
    shares = {share: [cut.candidates(region_map) for region_map in usable] for share, cut in cuts.items()}
    share, area, threshold, _ = cutting.choose_cut(shares, reference)
    settings = replace(_settings(threshold, area, limits), peak_share=share)
    candidates = [settings.candidates(region_map) for region_map in usable]
    fitted = _fit(candidates, reference)
    scored = replace(settings, score_slope=fitted.slope, score_intercept=fitted.intercept)
    return _with_sensitive_threshold(scored, candidates, reference)


def _pairs(found: MapSet) -> list[tuple[str, bool]]:
    """Each path, and whether it is fractured."""
    return list(zip(found.rows["path"], found.rows["fractured"].to_numpy(bool), strict=True))


def _settings(threshold: float, area: float, limits: RegionMaps) -> RegionSettings:
    return RegionSettings(
        threshold,
        area,
        limits.max_regions,
        candidate_threshold=min(cutting.CANDIDATE_THRESHOLD, threshold),
        peak_share=cutting.PEAK_SHARE,
        valley_share=limits.valley_share,
    )


def _by_rule(found: MapSet, reference: Validation, limits: RegionMaps) -> RegionSettings:
    """Choose without annotations."""
    threshold = cutting.map_threshold_from_unfractured(np.array([region_map.max() for region_map in found]))
    settings = _settings(threshold, limits.min_area_share, limits)
    candidates = [settings.candidates(region_map) for region_map in found]
    return _with_sensitive_threshold(settings, candidates, reference)


def _with_sensitive_threshold(
    settings: RegionSettings, candidates: Sequence[list[regions.Region]], reference: Validation
) -> RegionSettings:
    sound = np.flatnonzero(reference.unfractured).tolist()
    if not len(sound):
        return settings
    lowest = cutting.threshold_at_false_marks([candidates[place] for place in sound], reference.weight[sound])
    return replace(settings, sensitive_threshold=min(lowest, settings.map_threshold))


def _fit(candidates: Sequence[list[regions.Region]], reference: Validation) -> calibration.Calibration:
    """Fit scores to whether regions overlap a fracture."""
    found = [region for own in candidates for region in own]
    hit = [
        cutting.overlaps(own, boxes) >= cutting.OVERLAPS
        for own, boxes in zip(candidates, reference.boxes, strict=True)
    ]
    weight = np.repeat(reference.weight, [len(own) for own in candidates])
    if not found:
        return calibration.Calibration(1.0)
    return calibration.fit(cutting.peak_logits(found), np.concatenate(hit), weight)
