import json
import shutil

import numpy as np
import pandas as pd
import pytest

from pipeline.commands import assess, recalibrate
from pipeline.files import outputs
from pipeline.predict import bundle, bundle_files, calibration, sealing, site, val_scores
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.recalibration import Targets
from pipeline.predict.sealing import BundleError


@pytest.fixture
def home(config, models, tmp_path):
    """Settings that name a bundle which remembers how val scored."""
    folder = shutil.copytree(models, tmp_path / "home")
    logits = np.random.default_rng(0).normal(0, 0.1, 200)
    val = val_scores.describe(logits, logits > 0.05, np.ones(200))
    points, fitted = OperatingPoints(0.1, 0.7), calibration.fit(logits, logits > 0.05)
    path = folder / "operating_points.json"
    bundle_files.write_operating_points(path, points, fitted, Targets(0.9, 0.9), val)
    sealing.seal(folder)
    return config.model_copy(update={"paths": config.paths.model_copy(update={"models": folder})})


@pytest.fixture
def hospital(work, draw, monkeypatch):
    """Forty radiographs, twelve of them fractured; so few are enough."""
    monkeypatch.setattr("pipeline.evaluate.recalibration.LEAST_GROUPS", 40)
    draw(work / "hospital/fractured", range(12))
    draw(work / "hospital/not fractured", range(100, 128))
    return work / "hospital"


def figures(work):
    return json.loads((work / "reports/recalibrate/hospital/metrics.json").read_text())


def fit(config, folder, labels=None, prevalence=None, name=None, out=None):
    recalibrate.run(config, folder, labels, prevalence, name, out, as_json=False)


def test_labels_make_a_sealed_bundle_of_the_same_network_and_regions(home, work, hospital, capsys):
    before = {path: path.read_bytes() for path in hospital.rglob("*.png")}
    fit(home, hospital)
    assert "Specificity, high-sensitivity point" in capsys.readouterr().out
    made, old = work / "sites/hospital", home.paths.models
    found = figures(work)
    assert sealing.check(made) == found["bundle"] != found["base"] == sealing.check(old)
    assert (made / "classifier.keras").read_bytes() == (old / "classifier.keras").read_bytes()
    new, base = bundle.load(made), bundle.load(old)
    assert new.map_calibration == base.calibration != new.calibration
    assert new.region_settings == base.region_settings
    assert site.read(made)["fitted_by"] == "labels"
    rows = work / "reports/recalibrate/hospital/predictions.csv"
    assert site.read(made)["predictions"] == outputs.sha256(rows)
    assert found["groups"] == {"all": 40, "fractured": 12, "other": 28}
    assert found["after"]["ece"] < found["before"]["ece"]
    table = pd.read_csv(work / "reports/recalibrate/hospital/predictions.csv")
    assert len(table) == 40
    assert table["fold"].nunique() == 10
    assert {path: path.read_bytes() for path in hospital.rglob("*.png")} == before
    first = {path.name: path.read_bytes() for path in made.iterdir()}
    fit(home, hospital)
    assert {path.name: path.read_bytes() for path in made.iterdir()} == first


@pytest.mark.reliability(
    "`recalibrate` with too few exams", "refused; says how many of which class are missing"
)
def test_too_few_are_refused_with_what_is_missing(home, work, draw):
    draw(work / "hospital/fractured", range(4))
    draw(work / "hospital/not fractured", range(100, 104))
    with pytest.raises(ValueError, match=r"Missing: 6 fractured, 6 not fractured and 92 in all\."):
        fit(home, work / "hospital")
    with pytest.raises(ValueError, match=r"without labels it takes 200 exams\. Received: 8 .*Missing: 192"):
        fit(home, work / "hospital", prevalence=0.2)
    assert not (work / "sites").exists()


@pytest.mark.filterwarnings("ignore:Attempting to set identical")  # the map of random weights changes nothing
def test_what_fitted_a_bundle_does_not_validate_it(home, work, hospital, draw, capsys):
    fit(home, hospital)
    made = work / "sites/hospital"
    hashes = [outputs.sha256(path)[:16] for path in hospital.rglob("*.png")]
    assert site.read(made)["fitted_on"] == sorted(hashes)
    shutil.rmtree(work / "reports/recalibrate")
    draw(hospital / "fractured", range(12, 14))
    assess.run(home, hospital, None, work / "out", as_json=False, model=str(made))
    found = json.loads((work / "out/metrics.json").read_text())
    assert [found[name] for name in ("seen_before", "fitted_on", "thresholds_hold")] == [0, 40, False]
    assert "fitted_on\t40 of 42: the figures flatter" in capsys.readouterr().out
    assert "fitted_on" in set(pd.read_csv(work / "out/issues.csv")["issue"])
    page = (work / "out/report.html").read_text()
    assert "were fitted to <strong>40</strong> of them" in page
    assert "the model knew these radiographs" in page
    assert "Nothing was chosen" not in page


def test_a_bundle_from_before_radiographs_were_kept_has_them_in_its_report(home, work, hospital):
    fit(home, hospital)
    made, reports = work / "sites/hospital", home.paths.report("recalibrate")
    known = site.fitted_on(made, reports)
    record = {name: value for name, value in site.read(made).items() if name != "fitted_on"}
    outputs.write_json(made / "site.json", record)
    assert site.fitted_on(made, reports) == known
    assert len(known) == 40
    (reports / "hospital/predictions.csv").write_text("path,sha256\n")
    assert site.fitted_on(made, reports) is None
    assert site.fitted_on(home.paths.models, reports) == frozenset()


def test_a_bundle_that_is_fitted_anew_elsewhere_keeps_both_places(home, work, hospital, draw):
    fit(home, hospital)
    models = work / "sites/hospital"
    there = home.model_copy(update={"paths": home.paths.model_copy(update={"models": models})})
    draw(work / "other/fractured", range(20, 32))
    draw(work / "other/not fractured", range(200, 228))
    fit(there, work / "other")
    assert len(site.read(work / "sites/other")["fitted_on"]) == 80


def test_radiographs_of_one_patient_are_one_exam(home, work, draw):
    draw(work / "hospital/fractured", range(4))
    draw(work / "hospital/not fractured", range(100, 104))
    pd.DataFrame({"path": ["fractured/0.png", "fractured/1.png"], "patient_id": "p1"}).to_csv(
        "labels.csv", index=False
    )
    with pytest.raises(ValueError, match=r"Received: 3 fractured and 4 not fractured, 7 in all"):
        fit(home, work / "hospital", work / "labels.csv")


def test_exams_of_several_views_get_a_calibration_of_their_own(home, work, hospital, draw):
    draw(work / "hospital/fractured", range(12, 24))
    draw(work / "hospital/not fractured", range(128, 156))
    pairs = [f"fractured/{n}.png" for n in range(24)] + [f"not fractured/{n}.png" for n in range(100, 156)]
    studies = pd.DataFrame({"path": pairs, "study_id": [f"s{place // 2}" for place in range(len(pairs))]})
    studies.to_csv("labels.csv", index=False)
    fit(home, hospital, work / "labels.csv")
    assert figures(work)["groups"] == {"all": 40, "fractured": 12, "other": 28}
    made = bundle.load(work / "sites/hospital")
    assert made.studies is not None
    assert made.studies.points != made.points
    fit(home, hospital, name="views alone")
    assert bundle.load(work / "sites/views alone").studies is None


def test_without_labels_thresholds_follow_the_scores_and_say_so(home, work, draw, monkeypatch):
    monkeypatch.setattr("pipeline.commands.site_fit.LEAST_UNLABELLED", 30)
    draw(work / "hospital/any", range(40))
    fit(home, work / "hospital", prevalence=0.3)
    found = figures(work)
    assert site.read(work / "sites/hospital")["fitted_by"] == "estimate"
    assert found["after"]["mean_probability"] == pytest.approx(0.3, abs=0.05)
    assert "estimate" in (work / "reports/recalibrate/hospital/report.html").read_text()


def test_a_bundle_that_remembers_no_scores_needs_labels(config, hospital):
    with pytest.raises(BundleError, match=r"must hold the scores of val .*give labelled radiographs"):
        fit(config, hospital, prevalence=0.3)


def test_another_folder_of_the_same_name_needs_a_name(home, work, hospital):
    fit(home, hospital)
    report = work / "reports/recalibrate/hospital/source.json"
    outputs.write_json(report, {"folder": "hospital", "sha256": "another"})
    with pytest.raises(ValueError, match="Name this place with --name"):
        fit(home, hospital)


@pytest.mark.parametrize("name", ["../up", "", ".hidden", "a/b"])
def test_a_name_that_leads_elsewhere_is_refused(home, hospital, name):
    with pytest.raises(ValueError, match="--name must be letters"):
        fit(home, hospital.parent if name else hospital, name=name or "/")
