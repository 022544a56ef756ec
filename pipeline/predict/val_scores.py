"""What a bundle remembers of the scores on ``val``: how they are spread in either class, in few numbers.

From these and a stated share of fractured radiographs follows what the scores of a new place would be, if
they were only moved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.types import BoolArray, Float64Array, FloatArray

LEVELS = (np.arange(200) + 0.5) / 200  # of the quantiles that travel: each stands for 1/200 of its class
_PLACES = 4  # decimals of a logit


@dataclass(frozen=True, eq=False)
class ValScores:
    """The logits of ``val``.

    Attributes
    ----------
    fractured, other
        (200,) quantiles of either class, at `LEVELS`.
    fractured_share
        Share of fractured ones, 0..1, each group weighing as one.
    """

    fractured: Float64Array
    other: Float64Array
    fractured_share: float

    def plain(self) -> dict[str, Any]:
        """Return lists and numbers, for JSON."""
        return {
            "fractured": self.fractured.tolist(),
            "other": self.other.tolist(),
            "fractured_share": self.fractured_share,
        }

    @classmethod
    def of_plain(cls, values: dict[str, Any]) -> ValScores:
        """Read what :meth:`plain` gave."""
        fractured, other = (np.array(values[name], np.float64) for name in ("fractured", "other"))
        found = cls(fractured, other, float(values["fractured_share"]))
        if not found.fractured.shape == found.other.shape == LEVELS.shape:
            raise ValueError(f"scores of val must be {LEVELS.size} quantiles of either class")
        return found

    def moved(self, shift: float) -> ValScores:
        """Return the same with each logit ``shift`` higher."""
        return replace(self, fractured=self.fractured + shift, other=self.other + shift)

    def mixture(self, prevalence: float) -> tuple[Float64Array, Float64Array]:
        """Return logits and weights of both classes together at a share of fractured ones: (400,) each."""
        weights = np.repeat([prevalence, 1 - prevalence], LEVELS.size) / LEVELS.size
        return np.concatenate([self.fractured, self.other]), weights


def describe(logits: FloatArray, y_true: BoolArray, weight: FloatArray) -> ValScores:
    """Summarise logits (N,) of validation radiographs with their labels and weights."""
    value, truth, weight = np.asarray(logits, np.float64), np.asarray(y_true, bool), np.asarray(weight)
    fractured, other = (
        quantiles(value[kind], weight[kind], LEVELS).round(_PLACES) for kind in (truth, ~truth)
    )
    return ValScores(fractured, other, float(np.average(truth, weights=weight)))


def quantiles(value: FloatArray, weight: FloatArray, levels: FloatArray) -> Float64Array:
    """Weighted quantiles, linear between the middles of the values' shares."""
    order = np.argsort(value)
    ends = np.cumsum(weight[order])
    return np.asarray(np.interp(levels, (ends - weight[order] / 2) / ends[-1], value[order]), np.float64)
