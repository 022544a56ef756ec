import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.statistics import probe

STRIPES = np.tile(np.where(np.arange(32) // 2 % 2, 200, 40), (32, 1)).astype(np.uint8)


def of_directions(thumbnail):
    """Edge strength by direction, all cells together."""
    cells = probe.edge_histograms(thumbnail[None]).reshape(-1, probe.N_DIRECTIONS)
    return cells.sum(axis=0)


def test_upright_stripes_have_edges_across_and_no_others():
    assert np.flatnonzero(of_directions(STRIPES)).tolist() == [0]
    assert np.flatnonzero(of_directions(STRIPES.T)).tolist() == [probe.N_DIRECTIONS // 2]


def test_an_edge_lies_in_its_cell():
    thumbnail = np.zeros((32, 32), np.uint8)
    thumbnail[10:14, 26:30] = 255  # row 1, column 3 of the 4 x 4 cells
    cells = probe.edge_histograms(thumbnail[None]).reshape(4, 4, -1).sum(axis=2)
    assert np.argwhere(cells > 0).tolist() == [[1, 3]]


def test_contrast_hardly_matters_and_flat_cells_are_none():
    faint = STRIPES // 4
    np.testing.assert_allclose(of_directions(faint), of_directions(STRIPES), rtol=0.05)
    assert not of_directions(np.full((32, 32), 90, np.uint8)).any()


def test_chunks_change_nothing(monkeypatch):
    thumbnails = np.random.default_rng(0).integers(0, 255, (9, 16, 16)).astype(np.uint8)
    whole = probe.edge_histograms(thumbnails)
    monkeypatch.setattr(probe, "_CHUNK", 4)
    np.testing.assert_array_equal(probe.edge_histograms(thumbnails), whole)


@pytest.mark.parametrize(("strength", "low", "high"), [(60, 0.95, 1.0), (0, 0.2, 0.8)])
def test_the_probe_learns_a_pattern_and_finds_nothing_in_noise(strength, low, high):
    fractured = np.arange(120) % 2 == 0
    pattern = np.where(fractured[:, None, None], STRIPES, STRIPES.T) / 200.0
    noise = np.random.default_rng(0).normal(100, 40, pattern.shape)
    thumbnails = np.clip(noise + strength * pattern, 0, 255).astype(np.uint8)
    y_score = probe.linear_probe(thumbnails[:80], fractured[:80], thumbnails[80:])
    assert low <= roc_auc_score(fractured[80:], y_score) <= high
