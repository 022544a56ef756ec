"""The report of `evaluate`, and its model card, from made-up findings in files."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config import Config
from pipeline.evaluate import robustness, studies
from pipeline.evaluate.findings import Findings
from pipeline.evaluate.guaranteed import rounded_down
from pipeline.files import outputs
from pipeline.report.card import checklists, findings
from pipeline.report.evaluation import documents
from pipeline.report.pages import with_interval
from tests.report import folders
from tests.report.folders import N


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, params: Config) -> Config:
    return folders.config(tmp_path_factory.mktemp("evaluated"), params)


@pytest.fixture(scope="module")
def found() -> Findings:
    return folders.found()


@pytest.fixture(scope="module")
def files(found: Findings, config: Config) -> dict[str, str]:
    return folders.write_evaluation(config, found) | documents(config)


@pytest.fixture
def other(tmp_path: Path, params: Config) -> Config:
    """Another place, for what differs."""
    return folders.config(tmp_path, params)


def test_every_file_that_dvc_expects_is_there(files) -> None:
    tables = ["predictions.csv", "subgroups.csv", "robustness.csv"]
    plotted = ["roc", "precision_recall", "reliability", "confusion", "decision_curve"]
    assert {*tables, *(f"plots/{name}.csv" for name in plotted)} <= set(files)
    assert {"report.html", "model_card.md", "model_card.html", "figures/robustness.svg"} <= set(files)
    assert list(pd.read_csv(io.StringIO(files["predictions.csv"]))) == [
        *("path", "group", "split", "fractured", "y_score", "decision", "scope_score", "in_scope")
    ]


def test_tables_come_back_as_they_were(files, found: Findings) -> None:
    again = pd.read_csv(io.StringIO(files["robustness.csv"]))
    pd.testing.assert_frame_equal(again, found.robustness, atol=1e-6, check_dtype=False)


def test_the_page_shows_all_that_was_found(files) -> None:
    page = files["report.html"]
    for said in ("test, without hardware", "&lt;b&gt;|hand", "rotation 15", "Decision curve", "slope 0.81"):
        assert said in page
    assert 'href="model_card.html"' in page


@pytest.mark.parametrize("name", ["report.html", "model_card.md", "model_card.html"])
def test_page_and_card_say_what_holds_with_so_few_groups(files, found: Findings, name: str) -> None:
    text, point = files[name], found.figures["test"]["high_sensitivity"]
    missed = point["groups"] - point["groups_correct"]
    least, more = rounded_down(point["guaranteed_sensitivity"], 2), point["more_groups_needed"]
    assert f"at least {least} of fractures are caught (30 fractured groups, {missed} of them missed" in text
    assert f"; {more} more with the same share missed would be needed to promise 0.95)" in text
    assert "always saying “not fractured” is right on 0.500" in text
    assert "AUROC is the better figure" in text


def test_tables_for_plots_say_of_each_radiograph_what_it_is_and_was_called(files, found: Findings) -> None:
    predicted = pd.read_csv(io.StringIO(files["predictions.csv"]), dtype={"group": str})
    pd.testing.assert_frame_equal(predicted[list(found.predictions)], found.predictions, check_dtype=False)
    confusion = pd.read_csv(io.StringIO(files["plots/confusion.csv"]))
    assert (confusion["actual"] == "fractured").tolist() == found.predictions["fractured"].tolist()
    assert (confusion["predicted"] == "fractured").tolist() == (found.predictions["y_score"] >= 0.7).tolist()
    roc = pd.read_csv(io.StringIO(files["plots/roc.csv"]))[["false_positive_rate", "sensitivity"]]
    assert roc.iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]


def test_page_and_card_say_how_often_no_decision_is_given(files, found: Findings, other: Config) -> None:
    said = ("a score above 0.312", "So it is with 3.0", "97.0")
    for name in ("report.html", "model_card.md", "model_card.html"):
        assert [words for words in said if words not in files[name]] == []
    of_phantoms = {key: value for key, value in folders.SCOPE.items() if key != "phantoms_out_of_scope"}
    folders.write_evaluation(other, replace(found, figures={**found.figures, "scope": of_phantoms}))
    again = documents(other)
    assert "learnt from drawn phantoms alone" in again["report.html"]
    assert "learnt from drawn phantoms alone" in again["model_card.md"]


def test_page_and_card_set_whole_exams_beside_radiographs(files, found: Findings, other: Config) -> None:
    scored = found.predictions.assign(study_id=np.repeat(np.arange(N // 4), 4).astype(str))
    scored["group"] = scored["study_id"]
    mixed = scored.assign(fractured=scored["fractured"] & (np.arange(N) % 8 < 4))
    by_study = studies.score(mixed, None, n_samples=50, n_bins=10, seed=0)
    own, test = by_study["test_by_study"], found.figures["test"]
    folders.write_evaluation(other, replace(found, figures={**found.figures, **by_study}))
    again = documents(other)
    sensitive, exams = test["high_sensitivity"]["sensitivity"], with_interval(own, "auroc")
    row = f"| AUROC | {with_interval(test, 'auroc')} | {exams} |"
    assert own["auroc"] != test["auroc"]
    assert [line for line in again["model_card.md"].splitlines() if line == row] == [row]
    assert f"| Sensitivity, high-sensitivity point | {sensitive:.3f} | " in again["model_card.md"]
    for name in ("report.html", "model_card.md", "model_card.html"):
        said = (
            "Whole exams",
            f"Of these exams {N // 4} have several views in scope",
            "val knows too few",
            exams,
        )
        assert [words for words in said if words not in again[name]] == []
        assert "Whole exams" not in files[name]
    learnt = own | {"calibrated_on": "studies", "out_of_scope": 3}
    folders.write_evaluation(other, replace(found, figures={**found.figures, "test_by_study": learnt}))
    for words in ("decided by thresholds of exams", "3 more have no view in scope"):
        assert words in documents(other)["report.html"]


def test_every_drawing_of_the_page_is_a_file_too(files) -> None:
    points = ("confusion_high_sensitivity", "confusion_high_specificity")
    names = {"roc", "precision_recall", "reliability", "decision_curve", "robustness", *points}
    drawn = {name for name in files if name.startswith("figures/")}
    assert drawn == {f"figures/{name}.svg" for name in names}
    assert [name for name in drawn if files[name] not in files["report.html"]] == []


def test_the_card_is_filled_from_the_run(files, found: Findings) -> None:
    text = files["model_card.md"]
    for figure in ("1,234 files", "14 were quarantined", "(0.912)", "0.8123 x logit + \N{MINUS SIGN}0.4567"):
        assert figure in text
    assert f"{found.figures['test']['ece']:.3f}" in text
    assert "| train | 3 | 2 | 2 | 1 |" in text
    assert "phantoms" not in text


def test_the_card_says_how_many_networks_answer(files, found: Findings, other: Config) -> None:
    trained = other.paths.report("train") / "metrics.json"
    own = {number: {"val_loss": 0.4, "val_auroc": 0.9} for number in "123"}
    outputs.write_json(trained, json.loads(trained.read_text()) | {"members": own})
    folders.write_evaluation(other, found)
    assert "one network, no ensemble" in files["model_card.md"]
    assert "3 such networks learnt, each by a seed of its own" in documents(other)["model_card.md"]


def test_the_card_scores_the_maps_where_fractures_are_drawn(files) -> None:
    assert (
        "| The map's peak lies on a drawn fracture (pointing game) | 0.620 (0.520 to 0.720) |"
        in files["model_card.md"]
    )
    bare = findings.maps({"annotated": 0, "erase_drop": 0.2, "erase_drop_low": 0.1, "erase_drop_high": 0.3})
    assert bare.rows == [("Erasing what the map shows lowers the probability by", "0.200 (0.100 to 0.300)")]


def test_both_layouts_of_the_card_say_the_same(files) -> None:
    titles = re.findall(r"^## (.+)$", files["model_card.md"], re.MULTILINE)
    assert titles == re.findall(r"<h2>(.+)</h2>", files["model_card.html"])
    rows = re.findall(r"^\| (?!:--|--:)", files["model_card.md"], re.MULTILINE)
    assert len(rows) == files["model_card.html"].count("<tr>")


def test_tables_in_markdown_keep_their_columns(files) -> None:
    for table in re.findall(r"(?:^\|.*\|\n)+", files["model_card.md"] + "\n", re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1
    assert r"&lt;b>\|hand" in files["model_card.md"]


def test_the_card_holds_no_path_and_no_date(files) -> None:
    for name in ("model_card.md", "model_card.html"):
        assert not re.search(r"(?<![\w<./])/\w+/|\b20\d\d-\d\d-\d\d\b", files[name])


@pytest.mark.parametrize(("name", "n_items"), [(checklists.TRIPOD_AI, 52), (checklists.CLAIM, 44)])
def test_each_item_is_answered_or_left_to_the_user(files, name, n_items) -> None:
    assert len(checklists.ITEMS[name]) == n_items
    _, _, left = files["model_card.md"].partition("## For you to fill in")
    answered = files["model_card.md"].partition(f"## Answered of {name}")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!Item|:--)", answered, re.MULTILINE)
    open_rows = re.findall(rf"^\| {re.escape(name)} ", left, re.MULTILINE)
    assert len(rows) + len(open_rows) == n_items


def test_answers_carry_the_figures_of_the_run_and_open_items_who_could_say(files, found: Findings) -> None:
    scores = found.figures["test"]
    for name in ("model_card.md", "model_card.html"):
        assert f"evaluate.test.auroc {scores['auroc']:.3f} ({scores['auroc_low']:.3f} to" in files[name]
        assert "region_maps.pointing_game 0.620" in files[name]
        assert "validate.kept 1,200" in files[name]
    row = "| TRIPOD+AI 18a | funding | a run knows no funder | the author of a report |  |"
    assert row in files["model_card.md"]


def test_a_section_that_is_missing_leaves_its_items_open(found: Findings, other: Config) -> None:
    bare = replace(found, robustness=found.robustness.iloc[:0], subgroups=found.subgroups.iloc[:1])
    folders.write_evaluation(other, bare)
    text = documents(other)["model_card.md"]
    assert "## Robustness" not in text
    assert "| CLAIM 2024 30 | robustness or sensitivity |" in text
    assert "| TRIPOD+AI 23b |" in text


def test_phantoms_are_called_phantoms(files, config: Config) -> None:
    phantoms = config.paths.model_copy(update={"phantoms": config.data.root})
    text = documents(config.model_copy(update={"paths": phantoms}))["model_card.md"]
    assert "nothing of patients" in text


def test_nothing_tried_makes_an_empty_table_and_no_chart(found: Findings, other: Config) -> None:
    untried = replace(found, robustness=found.robustness.iloc[:0])
    files = folders.write_evaluation(other, untried) | documents(other)
    assert files["robustness.csv"].splitlines() == [",".join(robustness.COLUMNS)]
    assert "figures/robustness.svg" not in files
    assert "robustness_radiographs" in files["report.html"]
