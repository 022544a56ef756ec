import numpy as np
import pandas as pd
import pytest

from pipeline.evaluate import curves, recalibration
from pipeline.evaluate.recalibration import Site
from pipeline.files import outputs
from pipeline.predict.calibration import Calibration
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.recalibration import Fit, Targets
from pipeline.report import recalibration as report

TARGETS = Targets(0.95, 0.90)
SETTINGS = {"calibration": {"slope": 1.0, "intercept": -0.5}, "points": {"high_sensitivity": 0.3}}
SETTINGS["points"]["high_specificity"] = 0.7


@pytest.fixture
def folder(tmp_path):
    """What `recalibrate` writes for 120 simulated radiographs of a place."""
    rng, y_true = np.random.default_rng(0), np.arange(120) % 4 == 0
    site = Site(rng.normal(np.where(y_true, 4.0, 0.5), 1.2), y_true, np.arange(120).astype(str))
    old = Fit(Calibration(1.0), OperatingPoints(0.3, 0.7))
    sides = (
        recalibration.score(site.logits, old),
        recalibration.cross_fit(site, old.calibration, None, TARGETS, seed=1)[0],
    )
    figures = recalibration.compare(site, *sides, n_samples=50, n_bins=10, seed=1)
    for name, scored in zip(("before", "after"), sides, strict=True):
        promised = recalibration.promises(y_true, site.group, scored, TARGETS)
        figures[name] |= {point: figures[name][point] | promised[point] for point in promised}
        figures[name]["thresholds_hold"] = recalibration.holds(promised, TARGETS)
    for name, curve in recalibration.reliability(y_true, *sides, n_bins=10).items():
        outputs.write_text(tmp_path / f"plots/reliability_{name}.csv", curves.csv(pd.DataFrame(curve)))
    figures |= {name: {"before": value, "after": value} for name, value in SETTINGS.items()}
    figures |= {"site": "<b>north", "base": "a" * 64, "fitted_by": "labels", "targets": TARGETS._asdict()}
    figures |= {"model": {"name": "current", "learnt_from": "phantoms"}}
    figures |= {"groups": site.groups(), "radiographs": 120, "left_out": 2}
    outputs.write_json(tmp_path / "metrics.json", figures)
    return tmp_path


def test_the_page_lays_before_and_after_side_by_side(folder):
    html = report.page(folder)
    for words in (
        "Fitted to &lt;b&gt;north",
        "120 exams (30 with a fracture, 90 with none",
        "2 files left out",
    ):
        assert words in html
    assert html.count("<svg") == 2
    rows = {name: (before, after) for name, before, after in report.rows(report.results.figures(folder))}
    assert rows["AUROC (no calibration changes it)"][0] == rows["AUROC (no calibration changes it)"][1]
    before, after = (float(text.split()[0]) for text in rows["Specificity, high-sensitivity point"])
    assert before < after


@pytest.mark.parametrize(("bound", "written"), [(0.84661, "0.846"), (0.9, "0.900"), (None, "\N{EN DASH}")])
def test_what_holds_is_never_rounded_up(folder, bound, written):
    figures = report.results.figures(folder)
    for side in ("before", "after"):
        figures[side]["high_sensitivity"]["guaranteed_sensitivity"] = bound
    rows = {name: (before, after) for name, before, after in report.rows(figures)}
    assert rows["Sensitivity that holds with 95 % confidence"] == (written, written)


def test_an_estimate_claims_no_sensitivity(folder):
    shares = {"fracture": 0.2, "needs_review": 0.5, "no_finding": 0.3, "mean_probability": 0.2}
    figures = report.results.figures(folder) | {"fitted_by": "estimate", "before": shares, "after": shares}
    outputs.write_json(folder / "metrics.json", figures | {"prevalence": 0.2, "shift": 1.5})
    for path in (folder / "plots").iterdir():
        path.unlink()
    html = report.page(folder)
    assert "It is an <strong>estimate</strong>" in html
    assert "Confirm it with 100 labelled exams" in html
    assert "Sensitivity, high" not in html
