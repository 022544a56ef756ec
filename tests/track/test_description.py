"""What a reader of MLflow sees first."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pipeline.track import description, state, view

PIPELINE = state.Pipeline(None, {})


class Client:
    """Every run has two pictures."""

    def list_artifacts(self, run_id, path):
        names = {"figures": ["figures/roc.svg"], "overlays": ["overlays/index.csv", "overlays/misses-01.jpg"]}
        return [SimpleNamespace(path=name) for name in names[path]]


@pytest.fixture
def note():
    runs = {
        stage: SimpleNamespace(info=SimpleNamespace(run_id=stage * 2))
        for stage in ("evaluate", "region_maps")
    }
    sources = {"evaluate": "reused", "region_maps": "executed"}
    figures = {"test.auroc": 0.9, "test.auroc_low": 0.8, "test.auroc_high": 0.95, "pointing_game": 0.5}
    store = SimpleNamespace(client=Client(), experiment_id="7")
    return description.note(store, PIPELINE, runs, sources, figures)


@pytest.mark.parametrize(("width_px", "size"), [(384, "384px"), (320, "384x320px")])
def test_a_state_is_named_by_backbone_size_and_key(params, width_px, size):
    canvas = params.preprocess.model_copy(update={"height_px": 384, "width_px": width_px})
    name = description.name(PIPELINE, params.model_copy(update={"preprocess": canvas}))
    assert name == f"efficientnet-lite0-{size}-{PIPELINE.key[:8]}"


def test_the_headline_comes_first_of_all_that_mlflow_sorts_by_name():
    figures = {"test.auroc": 0.9, "test.ece": 0.1, "pointing_game": 0.5, "accuracy": 1.0}
    shown = figures | description.headline(figures)
    assert sorted(shown)[:3] == ["1 AUROC", "4 Calibration error", "5 Pointing game"]
    assert shown["1 AUROC"] == 0.9
    assert description.summary(figures) == "AUROC 0.900, Calibration error 0.100, Pointing game 0.500"


def test_the_note_shows_figures_with_intervals(note):
    assert "| AUROC | 0.900 (0.800 to 0.950) |" in note
    assert "| Pointing game | 0.500 |" in note
    assert "Sensitivity" not in note


def test_a_guarantee_is_never_rounded_up():
    figures = {"test.high_sensitivity.guaranteed_sensitivity": 0.84661, "test.auroc": 0.84661}
    assert description.summary(figures) == "AUROC 0.847, Guaranteed sensitivity 0.846"
    assert list(description.rows(figures)) == ["| AUROC | 0.847 |", "| Guaranteed sensitivity | 0.846 |"]


def test_accuracy_stands_beside_that_of_the_more_frequent_class():
    figures = {"test.accuracy": 0.9, "test.accuracy_low": 0.8, "test.accuracy_high": 0.95}
    rows = list(description.rows(figures | {"test.majority_accuracy": 0.7}))
    assert rows == ["| Accuracy | 0.900 (0.800 to 0.950); always the more frequent class: 0.700 |"]


def test_the_note_shows_the_pictures_that_are_there_and_links_the_runs(note):
    pictures = [line for line in note.splitlines() if line.startswith("![")]
    assert pictures == [
        "![figures/roc.svg](get-artifact?path=figures/roc.svg&run_uuid=evaluateevaluate)",
        "![overlays/misses-01.jpg](get-artifact?path=overlays/misses-01.jpg&run_uuid=region_mapsregion_maps)",
    ]
    assert "| [evaluate](#/experiments/7/runs/evaluateevaluate) | reused |" in note


def test_the_view_of_the_table_begins_with_the_eight():
    columns = view._COLUMNS
    assert [column.split("`")[1] for column in columns[:8]] == list(description.HEADLINE)
