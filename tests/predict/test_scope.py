from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors

from pipeline.files import outputs
from pipeline.predict import scope
from pipeline.predict.bundle import Bundle
from pipeline.predict.calibration import Calibration
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.operating_points import FRACTURE, OUT_OF_SCOPE, OperatingPoints
from pipeline.predict.scope import Scope

RNG = np.random.default_rng(3)
SEEN, HELD_OUT = RNG.normal(1, 0.2, (60, 12)), RNG.normal(1, 0.2, (200, 12))
PARTS = np.array(["hand", "leg", ""] * 20)


@pytest.fixture
def fitted() -> Scope:
    return scope.fit(SEEN, PARTS, HELD_OUT, np.ones(200))


def test_the_score_is_the_mean_distance_to_the_nearest_by_scikit_learn(fitted: Scope) -> None:
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (SEEN, HELD_OUT)]
    distance, _ = NearestNeighbors(n_neighbors=scope.NEIGHBOURS).fit(unit[0]).kneighbors(unit[1])
    assert fitted.score(HELD_OUT) == pytest.approx(distance.mean(axis=1), abs=1e-3)  # of float16
    assert fitted.score(HELD_OUT * 7) == pytest.approx(fitted.score(HELD_OUT))


def test_two_percent_of_val_exceed_the_threshold_and_groups_weigh_as_one(fitted: Scope) -> None:
    score = fitted.score(HELD_OUT)
    assert (score > fitted.threshold).mean() == pytest.approx(0.02)
    far = np.where(score == score.max(), 1.0, 0.001)  # one radiograph that is nearly all of val
    assert scope.fit(SEEN, PARTS, HELD_OUT, far).threshold == score.max()


def test_what_is_unlike_training_gets_a_reason_with_its_distance_and_what_is_near(fitted: Scope) -> None:
    near, far = fitted.judge(np.stack([SEEN[0], -SEEN[0]]))
    assert (near.in_scope, near.reason) == (True, "")
    assert not far.in_scope
    assert f"{far.score:.3f}, of at most {fitted.threshold:.3f}; the nearest of these show: " in far.reason
    assert far.record().keys() == {"score", "threshold", "in_scope", "reason"}
    assert not fitted.judge(np.full((1, 12), np.nan))[0].in_scope


def test_equal_scopes_have_equal_bytes_without_a_date(fitted: Scope, tmp_path: Path) -> None:
    for name in "ab":
        scope.write(tmp_path / name, replace(fitted, phantoms_only=True))
    assert outputs.sha256(tmp_path / "a") == outputs.sha256(tmp_path / "b")
    assert {entry.date_time[0] for entry in ZipFile(tmp_path / "a").infolist()} == {1980}
    read = scope.read(tmp_path / "a")
    assert np.array_equal(read.score(HELD_OUT), fitted.score(HELD_OUT))
    assert (read.threshold, [note.code for note in read.notes]) == (fitted.threshold, ["knows_phantoms_only"])


@pytest.mark.reliability("a torn scope.npz, or one that holds pickled objects", "an error, nothing is run")
@pytest.mark.parametrize("kind", ["torn", "pickle", "empty"])
def test_an_odd_file_is_refused(fitted: Scope, tmp_path: Path, kind: str) -> None:
    path, pickled = tmp_path / "scope.npz", BytesIO()
    scope.write(path, fitted)
    np.savez(pickled, bank=np.array([{}]), parts=[""], threshold=1.0, phantoms_only=False)
    path.write_bytes({"torn": path.read_bytes()[:-30], "pickle": pickled.getvalue(), "empty": b""}[kind])
    with pytest.raises(ValueError, match=r"archive|pickle"):
        scope.read(path)


def test_a_large_training_set_is_sampled_alike_every_time() -> None:
    train = pd.DataFrame({"sampling_weight": np.repeat([1.0, 1e-9], [2100, 3000])})
    first, again = scope.chosen(train, 7), scope.chosen(train, 7)
    assert list(first.index) == list(again.index) == sorted(first.index)
    assert (len(first), first.index.max() < 2100) == (scope.BANK, True)
    assert len(scope.chosen(train[:50], 7)) == 50


@pytest.mark.parametrize(("feature", "decision"), [(1.0, FRACTURE), (-1.0, OUT_OF_SCOPE)])
def test_out_of_scope_stands_in_place_of_a_decision(
    params, fitted: Scope, feature: float, decision: str
) -> None:
    from pipeline.network.interface import NetworkOutput

    def network(canvases: np.ndarray) -> NetworkOutput:
        one, n = np.float32([5.0]), len(canvases)
        return NetworkOutput(
            one.repeat(n), np.full((n, 8, 8), 5, np.float32), np.zeros((n, 0)), feature * SEEN[:n]
        )

    canvas = params.preprocess.model_copy(update={"height_px": 64, "width_px": 64})
    settings = RegionSettings(0.5, 0.001, 5)
    model = Bundle(network, Calibration(1.0), OperatingPoints(0.3, 0.7), settings, canvas, scope=fitted)
    (finding,) = model.predict([RNG.integers(0, 255, (80, 60)).astype(np.uint8)])
    assert (finding.decision, finding.probability > 0.9) == (decision, True)
    assert bool(finding.regions) == finding.region_map.any() == (decision == FRACTURE)
