import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from pipeline.report import plots, robustness

POINT = {"threshold": 0.4, "sensitivity": 0.95, "specificity": 0.6, "ppv": 0.7, "npv": 0.9}
ROC = {"false_positive_rate": [0.0, 0.2, 1.0], "sensitivity": [0.0, 0.8, 1.0]}
CELLS = {"true_negative": 50.0, "false_positive": 10.0, "false_negative": 0.0, "true_positive": 1234.0}
BENEFIT = pd.DataFrame(
    {
        "threshold": [0.1, 0.2],
        "net_benefit": [0.3, 0.2],
        "net_benefit_low": 0.1,
        "net_benefit_high": 0.4,
        "treat_all": [0.25, 0.1],
        "treat_none": 0.0,
    }
)
DISTURBED = pd.DataFrame(
    {"disturbance": ["undisturbed", "blur", "blur"], "level": [0.0, 1.0, 2.0], "auroc": [0.9, 0.8, 0.7]}
).assign(auroc_low=0.6, auroc_high=0.95)
CHARTS = {
    "roc": lambda: plots.roc(ROC, points={"High sensitivity": POINT}, label="AUROC 0.80"),
    "precision_recall": lambda: plots.precision_recall(
        {"recall": [0.5, 1.0], "precision": [1.0, 0.6]}, 0.4, points={"High sensitivity": POINT}
    ),
    "reliability": lambda: plots.reliability(
        {
            "bin_low": [0.0, 0.5],
            "bin_high": [0.1, 0.6],
            "mean_score": [0.04, 0.55],
            "fractured_share": [0.1, 0.5],
            "count": [10, 20],
        }
    ),
    "confusion": lambda: plots.confusion(CELLS, "High sensitivity"),
    "epochs": lambda: plots.epochs({"train": [0.7, 0.5, 0.4], "val": [0.7, 0.6, 0.65]}, "Loss", 2),
    "comparison": lambda: plots.comparison([plots.Bar("Map", 0.6, 0.5, 0.7)], "Pointing game"),
    "decision_curve": lambda: plots.decision_curve(BENEFIT),
    "robustness": lambda: robustness.draw(DISTURBED),
}
drawn = pytest.mark.parametrize("draw", CHARTS.values(), ids=CHARTS.keys())


@drawn
def test_a_chart_is_one_labelled_element(draw):
    root = ElementTree.fromstring(draw())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label")


@drawn
def test_equal_arrays_give_equal_charts(draw):
    assert draw() == draw()


@drawn
def test_a_chart_holds_no_date_and_loads_nothing(draw):
    svg = draw()
    assert "<dc:date>" not in svg
    assert not re.search(r'href="(?!#)', svg)


@drawn
def test_colours_follow_the_page(draw):
    bare = re.sub(r"var\(--[\w-]+, #[0-9a-f]{6}\)", "", draw())
    assert not re.search(r"#[0-9a-f]{6}\b", bare)


def test_two_charts_on_a_page_share_no_group_id():
    assert not re.search(r"<g id=", CHARTS["roc"]() + CHARTS["confusion"]())


def test_names_are_escaped():
    root = ElementTree.fromstring(plots.confusion(CELLS, 'a <b> & "c"'))
    assert root.get("aria-label") == 'Confusion matrix: a <b> & "c".'


def test_confusion_shows_counts_and_shares_of_rows():
    texts = set(ElementTree.fromstring(CHARTS["confusion"]()).itertext())
    assert {"50", "10", "0", "1,234", "83.3 %", "16.7 %", "0.0 %", "100.0 %"} <= texts


def test_confusion_of_one_class_is_drawn():
    assert "0.0 %" in plots.confusion(dict.fromkeys(CELLS, 0.0), "none")


def test_the_kept_epoch_is_named():
    assert "kept: epoch 2" in CHARTS["epochs"]()
    assert "kept" not in plots.epochs({"val": [0.5]}, "AUROC")


def ticks(svg):
    """Figures below the horizontal axis, in order and without their sign."""
    return re.findall(r"text-anchor: middle[^>]*>[^<\d]?([\d.]+)</text>", svg)


@pytest.mark.parametrize(("name", "first"), [("roc", "Chance"), ("precision_recall", "Prevalence")])
def test_no_line_of_a_curve_can_cross_its_key(name, first):
    heights = {text: float(y) for y, text in re.findall(r' y="([\d.]+)"[^>]*>([^<]+)</text>', CHARTS[name]())}
    (key,) = (y for text, y in heights.items() if text.startswith(first))
    assert key < heights["1.0"] - 10


def test_epochs_are_whole_numbers_even_where_there_is_one():
    assert ticks(plots.epochs({"val": [0.5]}, "AUROC", 1)) == ["1"]


def test_small_figures_have_room_for_their_labels():
    bars = [plots.Bar("Map", 0.0002, -0.0024, 0.0003)]
    assert len(ticks(plots.comparison(bars, "Fall", (-0.0024, 0.0003)))) <= 4
    assert ticks(plots.comparison(bars, "Share")) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]


def test_an_interval_that_is_not_known_is_not_drawn():
    band = re.compile(r'<path d="[^"]+"[^>]*stroke-width: 5;')
    assert len(band.findall(plots.comparison([plots.Bar("Map", 0.6, 0.5, 0.7)], "a"))) == 1
    assert not band.search(plots.comparison([plots.Bar("Map", 0.6)], "a"))


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    plots.roc({name: np.asarray(values) for name, values in ROC.items()})
    assert dict(matplotlib.rcParams) == before


def test_matplotlib_is_imported_only_to_draw():
    modules = "pipeline.region_maps.overlays, pipeline.report.pages, pipeline.report.plots"
    code = f"import sys, {modules}; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
