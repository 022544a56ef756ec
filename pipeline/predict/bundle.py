"""The model bundle: all that is needed to predict, in one folder, checked by its sha256s.

It holds the classifier, the operating points with the calibration, the region-map settings, the
preprocessing settings, the profile of the data behind it all and what tells how far a radiograph lies from
them, and needs nothing else of the repository's state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.config import Preprocess, Run
from pipeline.dataset import body_part
from pipeline.dataset.names import CLASSIFIER, GRAPH, OPERATING_POINTS, PREPROCESS, REGION_MAPS, SCOPE
from pipeline.files.faults import Note
from pipeline.files.limits import DEFAULTS, Limits
from pipeline.network import interface, runtime, tta
from pipeline.predict import bundle_files, maps, operating_points, sealing, site
from pipeline.predict.calibration import Calibration
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.recalibration import Fit, Targets
from pipeline.predict.regions import Region
from pipeline.predict.scope import Scope, Verdict
from pipeline.preprocess import canvas


@dataclass(frozen=True)
class Finding:
    """What the bundle finds in one radiograph.

    Attributes
    ----------
    probability
        Calibrated probability of a fracture, 0..1.
    decision
        ``no finding``, ``needs review`` or ``fracture``; ``out of scope`` in their place.
    regions
        Where, the most suspicious first; empty for ``no finding`` and ``out of scope``, and where none
        stands out. Those that reach the map threshold are sure, the others possible.
    region_map
        (H, W) float32, 0..1, in the radiograph's own pixels; 0 where it is out of scope.
    body_part
        One of the names that the labels of the training data gave; empty where it cannot be known.
    placement
        Where the radiograph lay on the canvas, and whether it was a negative.
    scope
        How far it lies from the training radiographs; None where the bundle does not tell.
    """

    probability: float
    decision: str
    regions: list[Region]
    region_map: NDArray[np.float32]
    body_part: str
    placement: canvas.Placement
    scope: Verdict | None = None

    @property
    def region_stands_out(self) -> bool | None:
        """Whether there is a region; None where the decision asks for none."""
        return operating_points.region_stands_out(self.decision, len(self.regions))


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle.

    Attributes
    ----------
    network
        From canvases, uint8 (B, H, W), to the network's outputs, averaged over the views.
    calibration
        From logits to probabilities.
    points
        Thresholds on the calibrated probability.
    region_settings
        How regions are cut from the map, and which are shown.
    preprocess
        How a radiograph comes onto the canvas.
    parts
        Names of the parts of the body that the network distinguishes; none by default.
    tta_views
        How many views of the canvas ``predict`` averages over.
    limits
        What a file must meet, as the radiographs did that the model learnt from.
    notes
        What the model warns of with every answer.
    scope
        What the model learnt from.
    map_calibration
        From evidence to the probabilities of the region map; by default the calibration. Fitting a site
        leaves it as it was, since maps are interpolated as probabilities: so the same regions are cut.
    targets
        What the operating points are to reach; None where an older bundle does not say.
    studies
        From the log-odds of the highest view of a study to its probability, and thresholds on that; None
        where ``val`` did not know enough studies of several views.
    """

    network: interface.Predict
    calibration: Calibration
    points: OperatingPoints
    region_settings: RegionSettings
    preprocess: Preprocess
    parts: Sequence[str] = ()
    tta_views: int = 1
    limits: Limits = DEFAULTS
    notes: tuple[Note, ...] = ()
    scope: Scope | None = None
    map_calibration: Calibration | None = None
    targets: Targets | None = None
    studies: Fit | None = None

    def predict(self, radiographs: Sequence[NDArray[np.uint8]]) -> list[Finding]:
        """Examine radiographs, each uint8 (H, W) of any size."""
        findings: list[Finding] = []
        for start in range(0, len(radiographs), interface.BATCH):
            placed = [
                canvas.place(pixels, self.preprocess)
                for pixels in radiographs[start : start + interface.BATCH]
            ]
            output = self.network(np.stack([pixels for pixels, _ in placed]))
            placements = (placement for _, placement in placed)
            parts = body_part.named(output.parts, self.parts)
            verdicts = self.scope.judge(output.features) if self.scope else repeat(None)
            boxes = output.boxes if output.boxes.size else repeat(None)
            findings += map(self._finding, output.logits, output.evidence, placements, parts, verdicts, boxes)
        return findings

    def _finding(
        self,
        logit: float,
        evidence: NDArray[np.float32],
        placement: canvas.Placement,
        part: str,
        verdict: Verdict | None,
        boxes: NDArray[np.float16] | None = None,
    ) -> Finding:
        score = self.calibration.probability(np.array([logit]))
        decision = str(operating_points.decide(score, self.points)[0])
        canvas_shape = (self.preprocess.height_px, self.preprocess.width_px)
        on_grid = maps.probability_map(evidence, self.map_calibration or self.calibration)
        region_map = placement.map_to_radiograph(on_grid, canvas_shape)
        if verdict and not verdict.in_scope:
            unseen, out_of_scope = np.zeros_like(region_map), operating_points.OUT_OF_SCOPE
            return Finding(float(score[0]), out_of_scope, [], unseen, part, placement, verdict)
        is_clear = decision == operating_points.NO_FINDING
        cells = None if boxes is None else maps.in_cells(on_grid, boxes, placement, canvas_shape)
        regions = [] if is_clear else self.region_settings.visible_regions(region_map, cells)
        return Finding(float(score[0]), decision, regions, region_map, part, placement, verdict)


def load(folder: Path, run: Run | None = None) -> Bundle:
    """Check and load the bundle in a folder.

    Parameters
    ----------
    run
        How many threads it may use, and where TensorFlow works if need be; None for all, and as it likes.

    Raises
    ------
    BundleError
        A file is missing or is not the one that was sealed.
    ValueError
        The classifier cannot be loaded safely.
    """
    _, files = sealing.checked(folder)
    network = _network(folder, GRAPH in files, run)
    points, calibration = bundle_files.read_operating_points(folder / OPERATING_POINTS)
    region_settings, tta_views = bundle_files.read_region_settings(folder / REGION_MAPS)
    settings, limits = bundle_files.read_preprocess(folder / PREPROCESS)
    learnt = bundle_files.read_scope(folder / SCOPE)
    return Bundle(
        tta.with_tta(network.predict, tta_views),
        calibration,
        points,
        region_settings,
        settings,
        network.parts,
        tta_views,
        limits,
        (*learnt.notes, *site.notes(folder)),
        learnt,
        bundle_files.read_map_calibration(folder / REGION_MAPS),
        bundle_files.read_basis(folder / OPERATING_POINTS)[0],
        bundle_files.read_studies(folder / OPERATING_POINTS),
    )


def _network(folder: Path, has_graph: bool, run: Run | None) -> runtime.Network:
    """Load the network; by TensorFlow where the sealed bundle has no graph for the light runtime."""
    if has_graph and (folder / GRAPH).stat().st_size:
        return runtime.load(folder / GRAPH, folder / CLASSIFIER, run.threads if run else 0)
    from pipeline.network import classifier, device, portable
    from pipeline.network.body_part_head import part_names

    if run:
        device.prepare(run)
    model = classifier.load(folder / CLASSIFIER)
    return runtime.Network(portable.predictor(model, folder / CLASSIFIER), part_names(model))
