from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.train import style
from pipeline.train.draws import Draw

CANVASES = tf.constant(np.random.default_rng(1).integers(60, 190, (8, 32, 32, 1)), tf.float32)


def test_a_share_of_none_changes_nothing():
    assert style.restyle(CANVASES, 0.0, Draw(7, 0)) is CANVASES


def test_a_radiograph_in_its_own_style_stays_as_it_is():
    same = tf.repeat(CANVASES[:1], 8, axis=0)
    assert style.restyle(same, 1.0, Draw(7, 0)).numpy() == pytest.approx(same.numpy(), abs=0.01)


def test_what_is_where_stays_and_brightness_is_partly_the_others():
    dark_and_bright = tf.concat([CANVASES[:4] / 2, CANVASES[4:]], axis=0)
    changed = style.restyle(dark_and_bright, 1.0, Draw(7, 0)).numpy()
    before, after = (values.mean(axis=(1, 2, 3)) for values in (dark_and_bright.numpy(), changed))
    assert (after[:4] > before[:4]).all()
    assert (after[4:] < before[4:]).all()
    alike = [np.corrcoef(*each)[0, 1] for each in zip(*map(flat, (dark_and_bright, changed)), strict=True)]
    assert min(alike) > 0.7
    assert 0 <= changed.min() <= changed.max() <= 255


def test_others_are_left_alone():
    changed = style.restyle(CANVASES, 0.5, Draw(7, 1)).numpy()
    left = np.abs(changed - CANVASES).max(axis=(1, 2, 3)) < 0.01
    assert 0 < left.sum() < len(left)


def flat(canvases):
    return np.reshape(canvases, (8, -1))
