"""A radiograph with one fracture, and a classifier that looks at nothing else."""

from __future__ import annotations

import numpy as np

SHAPE = (48, 64)
FRACTURE = np.s_[16:24, 32:40]


def radiograph():
    pixels = np.random.default_rng(0).normal(120, 6, SHAPE).round().clip(0, 255).astype(np.uint8)
    pixels[FRACTURE] = 250
    return pixels


def fracture_mask():
    mask = np.zeros(SHAPE, bool)
    mask[FRACTURE] = True
    return mask


class Reader:
    """A classifier that sees nothing but how bright the fracture is; it counts what it is asked."""

    def __init__(self):
        self.batches = []

    def __call__(self, batch):
        self.batches.append(batch.shape)
        assert batch.dtype == np.uint8
        return (batch[:, *FRACTURE].mean(axis=(1, 2)) - 120) / 130
