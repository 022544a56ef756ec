"""A bundle that says what a test wants, without a network behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from pipeline.config import Config
from pipeline.network.interface import NetworkOutput
from pipeline.phantoms import drawing
from pipeline.predict.bundle import Bundle
from pipeline.predict.calibration import Calibration
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.scope import Scope

SIDE = 64  # of the canvas
TOLD = {"name": "stub", "sha256": "0123456789ab", "learnt_from": "3 radiographs"}
LOGITS = {"fracture": 4.0, "needs review": 0.0, "no finding": -4.0, "out of scope": 4.0}


@dataclass
class Answers:
    """What the network is to say of whatever it is shown next."""

    decision: str = "fracture"
    peaks: list[tuple[int, int]] = field(default_factory=lambda: [(5, 4)])  # row and column of 8

    def network(self, canvases: np.ndarray) -> NetworkOutput:
        n, peak = len(canvases), LOGITS[self.decision]
        evidence = np.full((n, 8, 8), -9, np.float32)
        for row, column in self.peaks:
            evidence[:, row, column] = peak
        features = np.tile(np.eye(2, dtype=np.float32)[int(self.decision == "out of scope")], (n, 1))
        return NetworkOutput(np.full(n, peak, np.float32), evidence, np.zeros((n, 0), np.float32), features)

    @contextmanager
    def saying(self, decision: str, peaks: list[tuple[int, int]] | None = None) -> Iterator[None]:
        before = self.decision, self.peaks
        self.decision, self.peaks = decision, self.peaks if peaks is None else peaks
        try:
            yield
        finally:
            self.decision, self.peaks = before


def bundle(params: Config, answers: Answers) -> Bundle:
    canvas = params.preprocess.model_copy(update={"height_px": SIDE, "width_px": SIDE})
    return Bundle(
        network=answers.network,
        calibration=Calibration(1.0),
        points=OperatingPoints(0.3, 0.7),
        region_settings=RegionSettings(0.7, 0.0, 3, sensitive_threshold=0.3, peak_share=0.1),
        preprocess=canvas,
        scope=Scope(np.float16([[1, 0]]), np.array(["hand"]), 0.5),
    )


def phantom(index: int = 1) -> np.ndarray:
    return drawing.draw(3, "val", index, fractured=True, side_px=(200, 260)).pixels
