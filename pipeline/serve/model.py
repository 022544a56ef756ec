"""The model in service: a bundle with its name and card, timed by part, and what is told of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.predict.bundle import Bundle, Finding

if TYPE_CHECKING:
    from pipeline.network.interface import NetworkOutput

Observe = Callable[[str, float], None]
_PARTS = ("preprocess", "network", "regions")
_POINTS = {
    "high_sensitivity": "below it the answer is `no finding`: few fractures lie there",
    "high_specificity": "from it on the answer is `fracture`: few sound radiographs lie there; between the "
    "two it is `needs review`",
}


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model.

    Attributes
    ----------
    bundle
        What answers.
    told
        Its name, for records; see `origin.record`.
    card
        The model card in Markdown; empty where the bundle holds none.
    observe
        Told the seconds of each part of a batch: ``preprocess``, ``network``, ``regions``.
    """

    bundle: Bundle
    told: Mapping[str, str]
    card: str = ""
    observe: Observe = lambda part, seconds: None

    def predict(self, radiographs: Sequence[NDArray[np.uint8]]) -> list[Finding]:
        """Examine radiographs, each uint8 (H, W), as `Bundle.predict` does."""
        moments = [time.perf_counter()]

        def network(canvases: NDArray[np.uint8]) -> NetworkOutput:
            moments.append(time.perf_counter())
            output = self.bundle.network(canvases)
            moments.append(time.perf_counter())
            return output

        findings = replace(self.bundle, network=network).predict(radiographs)
        moments.append(time.perf_counter())
        for part, start, end in zip(_PARTS, moments, moments[1:], strict=False):
            self.observe(part, end - start)
        return findings

    def record(self) -> dict[str, Any]:
        """Say in JSON what the model is, when it decides what, and what it learnt from."""
        scope, targets = self.bundle.scope, self.bundle.targets
        points = {
            name: {
                "threshold": round(getattr(self.bundle.points, name), 6),
                "target": targets and getattr(targets, name.removeprefix("high_")),
                "meaning": meaning,
            }
            for name, meaning in _POINTS.items()
        }
        return {
            "model": dict(self.told),
            "operating_points": points,
            "learnt_from": self.told.get("learnt_from", ""),
            "scope": scope
            and {
                "threshold": round(scope.threshold, 6),
                "body_parts": sorted({str(part) for part in scope.parts} - {""}),
                "phantoms_only": scope.phantoms_only,
            },
            "notes": [note._asdict() for note in self.bundle.notes],
            "card": self.card,
        }
