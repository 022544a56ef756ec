"""The page of results is what the command renders, and says met or missed by computation."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from ci import results
from pipeline.report import pages
from tests.imports import REPOSITORY

ROC = "threshold,sensitivity,false_positive_rate\ninf,0,0\n0.9,0.9,0.1\n0.5,0.96,0.25\n0.1,1,1\n"
FOLDS = """path,group,fold,fractured,y_score,decision
a.png,a,0,True,0.9,fracture
b.png,b,0,False,0.1,no finding
c.png,c,1,True,0.4,needs review
d.png,d,1,False,0.5,needs review
"""
AT_LEAST = {"title": "AUROC", "key": "evaluate/test/auroc", "rule": "at least", "bars": {"mine": 0.9}}


def run(**figures: object) -> dict:
    return {"minutes": 12.4, "figures": {"evaluate": {"test": figures}}}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the page, what it is rendered from, and README."""
    shutil.copytree(REPOSITORY / "docs/results", tmp_path / "docs/results")
    for file in (results.PAGE, results.README):
        shutil.copy2(REPOSITORY / file, tmp_path / file)
    return tmp_path


def test_the_committed_page_and_readme_are_what_is_rendered():
    for path, text in results.rendered(REPOSITORY).items():
        assert path.read_text(encoding="utf-8") == text, "python -m ci.results"


def test_the_page_has_at_most_80_lines_and_its_pictures_are_small():
    text = (REPOSITORY / results.PAGE).read_text(encoding="utf-8")
    pictures = [
        REPOSITORY / "docs" / part.split(")")[0] for part in text.split("](")[1:] if "images/" in part
    ]
    assert len(text.splitlines()) <= 80
    assert len(pictures) == 3
    assert max(picture.stat().st_size for picture in pictures) < 150_000


def test_each_experiment_is_listed_and_has_one_question_a_command_and_a_conclusion():
    folder = REPOSITORY / "docs/experiments"
    index = (folder / "index.md").read_text(encoding="utf-8")
    for page in sorted(set(folder.glob("*.md")) - {folder / "index.md"}):
        lines = page.read_text(encoding="utf-8").splitlines()
        assert f"]({page.name})" in index
        assert lines[0].endswith("?"), page.name
        assert {"```", "## Conclusion"} <= set(lines), page.name
        assert len(lines) < 60, page.name


def test_a_changed_figure_changes_the_page(repository):
    file = repository / "docs/results/released.json"
    run = json.loads(file.read_text())
    run["figures"]["evaluate"]["test"] |= {"auroc": 0.958, "auroc_low": 0.92, "auroc_high": 0.972}
    file.write_text(json.dumps(run))
    page = results.rendered(repository)[repository / results.PAGE]
    assert "0.958 (0.920 to 0.972)<br>at least 0.955: met" in page


@pytest.mark.parametrize(("marked", "kept"), [(True, "| AUROC | "), (False, None)])
def test_readme_is_filled_between_its_marks_alone(repository, marked, kept):
    old = "before\n<!-- figures -->\nformer table\n<!-- /figures -->\nafter\n" if marked else "no marks\n"
    (repository / "README.md").write_text(old)
    text = results.rendered(repository).get(repository / "README.md")
    assert (text is None) == (not marked)
    if text is not None:
        assert kept in text
        assert "former table" not in text
        assert (text.startswith("before\n<!-- figures -->"), text.endswith("-->\nafter\n")) == (True, True)


@pytest.mark.parametrize(
    ("rule", "figures", "met"),
    [
        ("at least", {"auroc": 0.9}, True),
        ("at least", {"auroc": 0.8999}, False),
        ("at most", {"auroc": 0.9}, True),
        ("at most", {"auroc": 0.91}, False),
        ("times", {"auroc": 0.28, "other": 0.3}, True),
        ("times", {"auroc": 0.26, "other": 0.3}, False),
        ("times", {"auroc": -0.1, "other": -0.3}, False),
        ("apart", {"auroc": 0.2, "auroc_high": 0.3, "other_low": 0.31}, True),
        ("apart", {"auroc": 0.2, "auroc_high": 0.3, "other_low": 0.3}, False),
        ("at least", {}, None),
        ("times", {"auroc": 0.28}, None),
    ],
)
def test_a_bar_is_met_by_its_rule(rule, figures, met):
    figure = AT_LEAST | {"rule": rule, "beside": "evaluate/test/other"}
    assert results.is_met(figure, run(**figures), 0.9) is met


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="Received: above"):
        results.is_met(AT_LEAST | {"rule": "above"}, run(auroc=1), 0.9)


def test_a_cell_names_figure_interval_bar_and_outcome():
    scored = run(auroc=0.85, auroc_low=0.8, auroc_high=0.9)
    assert results.cell(AT_LEAST, "mine", scored) == "0.850 (0.800 to 0.900)<br>at least 0.9: **missed**"
    assert results.cell(AT_LEAST, "other", scored) == "0.850 (0.800 to 0.900)"
    assert results.cell(AT_LEAST, "mine", run()) == pages.MISSING
    assert results.cell({"key": "minutes", "places": 0, "rule": "at most"}, "mine", scored) == "12"


def test_figures_of_a_run_are_taken_from_its_reports(tmp_path):
    for stage in results.STAGES:
        (tmp_path / "reports" / stage / "plots").mkdir(parents=True)
        (tmp_path / "reports" / stage / "metrics.json").write_text(json.dumps({"of": stage}))
    (tmp_path / "reports/evaluate/plots/roc.csv").write_text(ROC)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"commit": "abc", "figures": {"evaluate": {"old": 1}}}))
    results.record(file, tmp_path)
    taken = json.loads(file.read_text())
    assert taken["commit"] == "abc"
    assert taken["figures"]["evaluate"] == {"of": "evaluate"}
    assert taken["figures"]["roc"]["sensitivity"] == 0.96
    assert math.isclose(taken["figures"]["roc"]["specificity"], 0.75)


def test_pooled_figures_are_taken_with_the_answers_behind_them(tmp_path):
    report, file = tmp_path / "reports/folds", tmp_path / "docs" / f"{results.POOLED}.json"
    for folder in (report, file.parent):
        folder.mkdir(parents=True)
    test, best = {"auroc": 0.75, "radiographs": 4}, {"name": "size", "auroc": 0.6}
    found = {"test": test, "best_null": best, "pointing_game": 0.7, "by_fold": {"0": {"auroc": 0.7}}}
    (report / "metrics.json").write_text(json.dumps(found))
    (report / "predictions.csv").write_text(FOLDS)
    file.write_text(json.dumps({"title": "mine", "figures": {}}))
    results.record(file, tmp_path)
    taken = json.loads(file.read_text())
    assert taken["title"] == "mine"
    assert taken["figures"] == {
        "evaluate": {"test": test, "best_null": best},
        "region_maps": {"pointing_game": 0.7},
        "roc": {"sensitivity": 1.0, "specificity": 0.5},
    }
    assert (file.parent / "pooled.csv").read_text() == FOLDS


def test_a_call_of_no_sense_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["ci.results", "record", "nothing", "."])
    assert results.main() == 2
    assert "Received: ['record', 'nothing', '.']" in capsys.readouterr().err
