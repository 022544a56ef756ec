from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.predict.cutting import RegionSettings
from tests.predict.peaks import two_peaks


def test_candidates_are_more_than_what_is_shown() -> None:
    settings = RegionSettings(0.8, 0.0, 5, sensitive_threshold=0.5, candidate_threshold=0.1, peak_share=0.1)
    assert [region.box for region in settings.candidates(two_peaks())] == [(2, 3, 4, 4), (12, 20, 2, 2)]
    assert [region.box for region in settings.visible_regions(two_peaks())] == [(2, 3, 4, 4)]
    assert [settings.is_sure(region) for region in settings.visible_regions(two_peaks(0.7))] == [False]


def test_what_is_unlikely_or_too_large_is_no_more_than_a_candidate() -> None:
    settings = RegionSettings(0.2, 0.0, 5)
    likely, small = replace(settings, min_score=0.5), replace(settings, max_area_share=4 / 600)
    assert [region.box for region in likely.visible_regions(two_peaks())] == [(2, 3, 4, 4)]
    assert [region.box for region in small.visible_regions(two_peaks())] == [(12, 20, 2, 2)]
    assert len(likely.candidates(two_peaks())) == len(small.candidates(two_peaks())) == 2


def test_settings_of_old_bundles_cut_at_one_threshold() -> None:
    settings = RegionSettings(0.2, 0.01, 5)
    (region,) = settings.visible_regions(two_peaks())
    assert (region.box, region.score) == ((2, 3, 4, 4), pytest.approx(0.9))  # the other is too small


def test_scores_follow_the_calibration_of_the_strength() -> None:
    settings = RegionSettings(0.2, 0.0, 5, score_slope=2.0, score_intercept=-1.0)
    expected = 1 / (1 + np.exp(-(2 * np.log(0.9 / 0.1) - 1)))
    assert settings.candidates(two_peaks())[0].score == pytest.approx(expected, rel=1e-5)
