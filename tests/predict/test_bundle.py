from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.config import Config, Preprocess
from pipeline.dataset import names
from pipeline.files import outputs
from pipeline.files.limits import Limits
from pipeline.network.interface import NetworkOutput
from pipeline.predict import bundle, bundle_files, scope, sealing, val_scores
from pipeline.predict.bundle import Bundle
from pipeline.predict.calibration import Calibration
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.operating_points import FRACTURE, NO_FINDING, OperatingPoints
from pipeline.predict.recalibration import Fit, Targets
from pipeline.predict.sealing import BundleError
from pipeline.preprocess import canvas
from tests import scopes

POINTS = OperatingPoints(1 / 3, 0.7)  # a third has no short decimal form
CALIBRATION = Calibration(0.7 / 3, -0.1 / 3)
REGIONS = RegionSettings(0.1 + 0.2, 0.0005, 5)
FILES = (
    "classifier.keras", "operating_points.json", "region_maps.json", "preprocess.json", "profile.json",
    "scope.npz",
)  # fmt: skip


@pytest.fixture(scope="module")
def preprocess(params: Config) -> Preprocess:
    return params.preprocess.model_copy(update={"height_px": 64, "width_px": 64, "crop_collimation": False})


@pytest.fixture
def folder(tmp_path: Path, network: keras.Model, network_file: Path, preprocess: Preprocess) -> Path:
    shutil.copy(network_file, tmp_path / names.CLASSIFIER)
    bundle_files.write_operating_points(tmp_path / names.OPERATING_POINTS, POINTS, CALIBRATION)
    bundle_files.write_region_settings(tmp_path / names.REGION_MAPS, REGIONS, tta_views=2)
    outputs.write_exact_json(tmp_path / names.PREPROCESS, preprocess.model_dump(mode="json"))
    (tmp_path / "profile.json").write_text("{}")
    scope.write(tmp_path / names.SCOPE, scopes.whole(network))
    sealing.seal(tmp_path)
    return tmp_path


def test_what_was_sealed_is_loaded(folder: Path, preprocess: Preprocess) -> None:
    loaded = bundle.load(folder)
    assert (loaded.points, loaded.calibration) == (POINTS, CALIBRATION)
    assert (loaded.region_settings, loaded.tta_views) == (REGIONS, 2)
    assert loaded.preprocess == preprocess
    finding = loaded.predict([np.full((80, 50), 9, np.uint8)])[0]
    assert 0 <= finding.probability <= 1
    assert finding.region_map.shape == (80, 50)


def test_points_from_before_the_intercept_are_refused(tmp_path: Path) -> None:
    path = tmp_path / names.OPERATING_POINTS
    path.write_text('{"temperature": 2.0, "high_sensitivity": 0.3, "high_specificity": 0.7}')
    with pytest.raises(BundleError, match=r"must hold slope and intercept\. Received: .*temperature"):
        bundle_files.read_operating_points(path)


def test_a_file_holds_the_views_beside_how_regions_are_cut(tmp_path: Path) -> None:
    path = tmp_path / names.REGION_MAPS
    bundle_files.write_region_settings(
        path, RegionSettings(0.9, 0.0, 5, 0.1, 0.001, 0.005, 0.25), tta_views=2
    )
    assert (
        path.read_text()
        == """{
  "candidate_threshold": 0.001,
  "map_threshold": 0.9,
  "max_area_share": 1.0,
  "max_regions": 5,
  "min_area_share": 0.0,
  "min_score": 0.0,
  "peak_share": 0.005,
  "score_intercept": 0.0,
  "score_slope": 1.0,
  "sensitive_threshold": 0.1,
  "tta_views": 2,
  "valley_share": 0.25
}
"""
    )


@pytest.mark.reliability("a bundle of older code, without a lowest score", "loaded; every region is shown")
def test_region_settings_of_older_bundles_hide_nothing(tmp_path: Path) -> None:
    path = tmp_path / names.REGION_MAPS
    outputs.write_exact_json(path, {"map_threshold": 0.5, "min_area_share": 0.0, "max_regions": 5})
    settings, views = bundle_files.read_region_settings(path)
    assert (settings.min_score, settings.max_area_share, views) == (0.0, 1.0, 1)


def test_two_views_of_older_bundles_are_two_and_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / names.REGION_MAPS
    bundle_files.write_region_settings(path, REGIONS, tta_views=4)
    assert bundle_files.read_region_settings(path) == (REGIONS, 4)
    values = json.loads(path.read_text())
    values.pop("tta_views")
    outputs.write_exact_json(path, values | {"views": 2})
    assert bundle_files.read_region_settings(path) == (REGIONS, 2)
    for views in (4, 6):
        outputs.write_exact_json(path, values | {"views": views})
        with pytest.raises(BundleError, match=rf"region_maps\.json.*{views} views of older code.*dvc repro"):
            bundle_files.read_region_settings(path)


def test_a_fitted_site_cuts_the_same_regions_with_the_same_scores(folder: Path, tmp_path: Path) -> None:
    before = bundle.load(folder)
    steps = RegionSettings(0.4, 0.0, 5, 0.2, 0.1, 0.3, 0.5, 0.7, -0.2)
    bundle_files.write_region_settings(folder / names.REGION_MAPS, steps, tta_views=2)
    bundle_files.keep_map_calibration(folder / names.REGION_MAPS, tmp_path / "site.json", CALIBRATION)
    settings, views = bundle_files.read_region_settings(tmp_path / "site.json")
    kept = bundle_files.read_map_calibration(tmp_path / "site.json")
    evidence = np.random.default_rng(0).normal(0, 6, (20, 8, 8)).astype(np.float32)
    placement = canvas.place(np.zeros((80, 50), np.uint8), before.preprocess)[1]
    old = dataclasses.replace(before, points=OperatingPoints(0.0, 1.0), region_settings=steps)
    new = dataclasses.replace(old, region_settings=settings, calibration=Calibration(0.9, 2.0))
    new = dataclasses.replace(new, map_calibration=kept)
    found = [[one._finding(0.5, each, placement, "", None) for each in evidence] for one in (old, new)]
    assert [each.regions for each in found[0]] == [each.regions for each in found[1]]
    assert any(each.regions for each in found[0])
    assert found[0][0].probability != found[1][0].probability
    bundle_files.keep_map_calibration(tmp_path / "site.json", tmp_path / "again.json", Calibration(3.0))
    assert bundle_files.read_map_calibration(tmp_path / "again.json") == CALIBRATION
    assert views == 2


def test_what_recalibration_rests_on_travels_and_older_bundles_lack_it(tmp_path: Path) -> None:
    path, logits = tmp_path / names.OPERATING_POINTS, np.linspace(-3, 3, 40)
    val = val_scores.describe(logits, logits > 1, np.ones(40))
    bundle_files.write_operating_points(path, POINTS, CALIBRATION, Targets(0.95, 0.9), val)
    targets, again = bundle_files.read_basis(path)
    assert targets == (0.95, 0.9)
    assert again is not None
    assert again.plain() == val.plain()
    assert bundle_files.read_operating_points(path) == (POINTS, CALIBRATION)
    assert path.stat().st_size < 20_000
    bundle_files.write_operating_points(path, POINTS, CALIBRATION)
    assert bundle_files.read_basis(path) == (None, None)


def test_what_decides_over_studies_travels_where_it_is_known(tmp_path: Path) -> None:
    path, studies = tmp_path / names.OPERATING_POINTS, Fit(Calibration(0.8, -1.0), OperatingPoints(0.3, 0.6))
    bundle_files.write_operating_points(path, POINTS, CALIBRATION)
    before = path.read_bytes()
    assert bundle_files.read_studies(path) is None
    bundle_files.write_operating_points(path, POINTS, CALIBRATION, studies=studies)
    assert bundle_files.read_studies(path) == studies
    assert bundle_files.read_operating_points(path) == (POINTS, CALIBRATION)
    bundle_files.write_operating_points(path, POINTS, CALIBRATION, studies=None)
    assert path.read_bytes() == before


def test_the_seal_names_every_file_and_the_whole(folder: Path) -> None:
    sealed = json.loads((folder / "bundle.json").read_text())
    assert set(sealed["files"]) == set(FILES)
    assert sealing.check(folder) == sealed["sha256"]
    assert sealing.seal(folder) == sealed


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["change", "cut", "remove"])
@pytest.mark.reliability(41)
def test_a_changed_file_is_refused_by_name(folder: Path, name: str, damage: str) -> None:
    data = (folder / name).read_bytes()
    (folder / name).unlink()
    if damage != "remove":
        (folder / name).write_bytes(data + b" " if damage == "change" else data[:-1])
    with pytest.raises(BundleError, match=rf"{name} is missing or not the file that bundle\.json names"):
        bundle.load(folder)


def test_a_missing_seal_says_that_there_is_no_model(folder: Path) -> None:
    (folder / "bundle.json").unlink()
    with pytest.raises(BundleError, match=r"there is no model yet\. Run `dvc repro`"):
        sealing.check(folder)


@pytest.mark.parametrize("content", ['{"files": {}, "sha256": ""}', "{}"])
def test_a_seal_that_names_too_little_is_refused(folder: Path, content: str) -> None:
    (folder / "bundle.json").write_text(content)
    with pytest.raises(BundleError, match=r"bundle\.json is damaged"):
        sealing.check(folder)


@pytest.mark.reliability("a torn or odd file in models/", "one message that names the file")
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"files": 1}'])
@pytest.mark.parametrize(
    "name", ["bundle.json", "operating_points.json", "region_maps.json", "preprocess.json", "scope.npz"]
)
def test_content_that_no_reader_expects_is_an_error_that_names_the_file(
    folder: Path, name: str, content: bytes
) -> None:
    (folder / name).write_bytes(content)
    if name != "bundle.json":
        sealing.seal(folder)
    with pytest.raises(BundleError, match=name):
        bundle.load(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_bundle_that_lacks_a_file_is_not_sealed(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=rf"{name} is missing"):
        sealing.seal(folder)


def bright_cells(canvases: np.ndarray) -> NetworkOutput:
    """Evidence 6 in cells of 8 x 8 pixels that are nearly white, else -6; the logit is the highest."""
    count, height, width = canvases.shape
    means = canvases.reshape(count, height // 8, 8, width // 8, 8).mean(axis=(2, 4))
    evidence = np.where(means > 230, 6.0, -6.0).astype(np.float32)
    return NetworkOutput(evidence.max(axis=(1, 2)), evidence, np.tile(np.float32([0.1, 0.9]), (count, 1)))


@pytest.fixture(scope="module")
def finder(preprocess: Preprocess) -> Bundle:
    settings = preprocess.model_copy(update={"fix_negatives": False})
    return Bundle(
        bright_cells,
        Calibration(0.5, -1.0),
        OperatingPoints(0.3, 0.7),
        RegionSettings(0.5, 0.001, 5),
        settings,
        ("hand", "leg"),
    )


def radiograph(height_px: int, width_px: int, top: int, left: int) -> np.ndarray:
    pixels = np.full((height_px, width_px), 20, np.uint8)
    pixels[top : top + 100, left : left + 80] = 255
    return pixels


def test_the_part_of_the_body_is_named(finder: Bundle) -> None:
    assert finder.predict([radiograph(400, 300, 150, 190)])[0].body_part == "leg"


@pytest.mark.parametrize(("height_px", "width_px"), [(400, 300), (300, 320)])
def test_regions_are_in_the_radiographs_own_pixels(finder: Bundle, height_px: int, width_px: int) -> None:
    finding = finder.predict([radiograph(height_px, width_px, 150, 190)])[0]
    row, column = finding.regions[0].peak
    top, left, height, width = finding.regions[0].box
    cell = 8 * max(height_px, width_px) / 64  # in the radiograph
    assert finding.decision == FRACTURE
    assert finding.probability == pytest.approx(1 / (1 + np.exp(-2)))  # half a logit of 6, less 1
    assert finding.region_map.shape == (height_px, width_px)
    assert 150 <= row < 250
    assert 190 <= column < 270
    assert (top, left, top + height, left + width) == pytest.approx((150, 190, 250, 270), abs=cell)


def test_radiographs_of_any_size_keep_their_order(finder: Bundle) -> None:
    empty = np.random.default_rng(0).integers(0, 60, (200, 100), dtype=np.uint8)
    findings = finder.predict([empty, radiograph(400, 300, 150, 190)] * 9)  # more than one batch
    assert [finding.decision for finding in findings] == [NO_FINDING, FRACTURE] * 9
    assert [bool(finding.regions) for finding in findings] == [False, True] * 9
    assert finder.predict([]) == []


@pytest.mark.reliability("a bundle of older code, without limits", "loaded; the defaults hold")
def test_limits_travel_in_the_bundle_and_older_bundles_have_the_defaults(
    tmp_path: Path, preprocess: Preprocess
) -> None:
    values, path = preprocess.model_dump(mode="json"), tmp_path / names.PREPROCESS
    outputs.write_exact_json(path, values)
    assert bundle_files.read_preprocess(path) == (preprocess, Limits())
    outputs.write_exact_json(path, values | {"limits": {"max_pixels": 5}})
    assert bundle_files.read_preprocess(path) == (preprocess, Limits(max_pixels=5))


def test_regions_are_the_networks_boxes_where_the_bundle_says_so(finder: Bundle) -> None:
    def boxed(canvases: np.ndarray) -> NetworkOutput:
        output = bright_cells(canvases)
        distances = np.float16([2, 3, 4, 5])  # up, left, down, right, in pixels of a canvas of 64
        evidence = output.evidence - np.linspace(0, 1, 64).reshape(8, 8)  # with one peak
        return output._replace(evidence=evidence, boxes=np.broadcast_to(distances, (*evidence.shape, 4)))

    settings = RegionSettings(0.5, 0.001, 5, peak_share=1.0, max_overlap=0.3)
    one = dataclasses.replace(finder, network=boxed, region_settings=settings)
    (region, *_), scale = one.predict([radiograph(400, 300, 150, 190)])[0].regions, 400 / 64
    assert (region.height_px, region.width_px) == pytest.approx((6 * scale, 8 * scale), abs=1)
    assert region.peak[0] - region.row == pytest.approx(2 * scale, abs=1)
    assert region.peak[1] - region.column == pytest.approx(3 * scale, abs=1)
    assert one.predict([radiograph(400, 300, 150, 190)] * 2)[1].regions[0] == region


def test_how_boxes_are_joined_comes_back(tmp_path: Path) -> None:
    boxed = RegionSettings(0.5, 0.0, 5, max_overlap=0.3)
    bundle_files.write_region_settings(tmp_path / names.REGION_MAPS, boxed, tta_views=2)
    assert bundle_files.read_region_settings(tmp_path / names.REGION_MAPS) == (boxed, 2)
