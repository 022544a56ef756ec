"""How regions are cut from a map, and which of them are shown: the settings that a bundle carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logit

from pipeline.predict.calibration import Calibration
from pipeline.predict.head_boxes import Cells, extract_boxes
from pipeline.predict.regions import Region, extract_regions
from pipeline.types import Float64Array, FloatArray


@dataclass(frozen=True)
class RegionSettings:
    """How regions are cut from a map, and which are shown.

    Attributes
    ----------
    map_threshold
        Peak from which on a region counts: the specific operating point.
    min_area_share
        Smaller regions are dropped; a share of the radiograph.
    max_regions
        Only the strongest are kept.
    sensitive_threshold
        Peak from which on a region is shown at all; by default ``map_threshold``.
    candidate_threshold
        Peak from which on a region is written; by default ``map_threshold``.
    peak_share
        How far down a region reaches, as a share of its peak's odds; 0: down to ``candidate_threshold``.
    valley_share
        How far the odds must fall between two peaks, as a share of the lower one's, for each to have a
        region; 0: as far as a region reaches.
    score_slope, score_intercept
        From the logit of a region's strength to that of the probability that it overlaps a fracture.
    min_score
        Score from which on a region is shown; 0: whatever its score.
    max_area_share
        Regions with a larger box are not shown; a share of the radiograph.
    max_overlap
        Regions are the network's own boxes (:mod:`pipeline.predict.head_boxes`), no two of which overlap by
        more than this IoU; 0: they are cut from the map.
    weigh_agreement
        The strength of such a box is its peak times the agreement of the cells inside; else its peak.
    """

    map_threshold: float
    min_area_share: float
    max_regions: int
    sensitive_threshold: float | None = None
    candidate_threshold: float | None = None
    peak_share: float = 0.0
    valley_share: float = 0.0
    score_slope: float = 1.0
    score_intercept: float = 0.0
    min_score: float = 0.0
    max_area_share: float = 1.0
    max_overlap: float = 0.0
    weigh_agreement: bool = False

    @property
    def calibration(self) -> Calibration:
        """From the logit of a region's strength to its score."""
        return Calibration(self.score_slope, self.score_intercept)

    def candidates(self, region_map: FloatArray, cells: Cells | None = None) -> list[Region]:
        """Find all regions of a map (H, W), 0..1, and score them; the strongest first.

        They are boxes of the cells where there are such and ``max_overlap`` asks for them.
        """
        regions = self._boxes(region_map, cells) if cells and self.max_overlap else self._cut(region_map)
        scores = self.calibration.probability(strength_logits(regions))
        return [replace(region, score=float(score)) for region, score in zip(regions, scores, strict=True)]

    def visible_regions(self, region_map: FloatArray, cells: Cells | None = None) -> list[Region]:
        """Find the regions that are shown; the strongest first."""
        return self.visible(self.candidates(region_map, cells), region_map.size)

    def visible(self, candidates: Sequence[Region], size_px: int) -> list[Region]:
        """Select those of a radiograph of ``size_px`` pixels that stand out, and are shown.

        They reach the sensitive operating point and the lowest score, and are not too large.
        """
        lowest = self.map_threshold if self.sensitive_threshold is None else self.sensitive_threshold
        largest = self.max_area_share * size_px
        return [
            region
            for region in candidates
            if region.evidence >= lowest
            and region.score >= self.min_score
            and region.height_px * region.width_px <= largest
        ]

    def _cut(self, region_map: FloatArray) -> list[Region]:
        return extract_regions(
            region_map,
            self._lowest,
            peak_share=self.peak_share,
            valley_share=self.valley_share,
            min_area_px=max(1, round(self.min_area_share * region_map.size)),
            max_regions=self.max_regions,
        )

    def _boxes(self, region_map: FloatArray, cells: Cells) -> list[Region]:
        return extract_boxes(
            cells,
            region_map,
            self._lowest,
            peak_share=self.peak_share,
            valley_share=self.valley_share,
            max_overlap=self.max_overlap,
            max_regions=self.max_regions,
            weigh_agreement=self.weigh_agreement,
        )

    @property
    def _lowest(self) -> float:
        """Peak from which on there are regions."""
        return self.map_threshold if self.candidate_threshold is None else self.candidate_threshold

    def is_sure(self, region: Region) -> bool:
        """Whether a region reaches the specific operating point."""
        return region.evidence >= self.map_threshold


def strength_logits(regions: Sequence[Region]) -> Float64Array:
    """Logit of each region's strength, kept finite: float64 (M,)."""
    return np.asarray(logit(np.clip([region.strength for region in regions], 1e-6, 1 - 1e-6)), np.float64)
