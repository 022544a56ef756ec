"""The report of `evaluate`, and its model card, from made-up findings."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.config import Config
from pipeline.evaluate import evaluation, net_benefit, robustness, subgroups
from pipeline.evaluate.findings import Findings
from pipeline.predict.operating_points import OperatingPoints
from pipeline.report import card
from pipeline.report.card import checklists
from pipeline.report.evaluation import documents

POINTS = OperatingPoints(0.3, 0.7)
N = 60


@pytest.fixture(scope="module")
def found() -> Findings:
    generator = np.random.default_rng(0)
    fractured = np.arange(N) % 2 == 0
    y_score = np.clip(0.5 + 0.2 * np.where(fractured, 1, -1) + 0.25 * generator.normal(size=N), 0, 1).round(6)
    rows = {"path": [f"test/{i}.png" for i in range(N)], "group": np.arange(N).astype(str), "split": "test"}
    judged = pd.DataFrame(rows | {"fractured": fractured, "y_score": y_score, "decision": "needs review"})
    part = evaluation.columns(judged)
    resamples = {"n_samples": 50, "seed": 0}
    scores = evaluation.evaluate(*part, POINTS, n_bins=10, **resamples)
    levels = [("undisturbed", 0.0), ("rotation", 5.0), ("rotation", 15.0), ("markers_masked", 1.0)]
    perturbed = np.stack([y_score, y_score**2, 1 - y_score, y_score], axis=1)
    return Findings(
        judged,
        POINTS,
        {
            "test": scores,
            "val": scores,
            "test_without_hardware": scores,
            "best_null": {"name": "size", "auroc": 0.55},
            "calibration": {"method": "platt", "slope": 0.8123, "intercept": -0.4567},
        },
        subgroups.subgroups(
            pd.DataFrame({"part": ["<b>|hand"] * 30 + ["leg"] * 30}), *part, POINTS, **resamples
        ),
        robustness.tabulate(levels, fractured, perturbed, POINTS, **resamples),
        net_benefit.decision_curve(*part, **resamples),
        n_bins=10,
    )


@pytest.fixture(scope="module")
def made(params: Config) -> card.Origin:
    index = pd.DataFrame({"split": ["train"] * 3 + ["val", "test"], "group": list("aabcd")})
    validated = {"files": 1234, "kept": 1200, "redundant": 20, "quarantined": 14}
    return card.Origin(
        index.assign(fractured=[True, True, False, True, False]),
        validated | {"groups_crossing_published_splits": 7},
        {"epochs": 14, "kept_epoch": 9, "val_auroc": 0.912, "parameters": 4_000_000, "parameters_trained": 9},
        params.preprocess.model_dump(),
        params.train.model_dump(),
        params.evaluate.model_dump(),
        phantoms=False,
    )


@pytest.fixture(scope="module")
def files(found: Findings, made: card.Origin) -> dict[str, str]:
    return documents(found, made)


def test_every_file_that_dvc_expects_is_there(files) -> None:
    tables = ["predictions.csv", "subgroups.csv", "robustness.csv"]
    plotted = ["roc", "precision_recall", "reliability", "confusion", "decision_curve"]
    assert {*tables, *(f"plots/{name}.csv" for name in plotted)} <= set(files)
    assert {"report.html", "model_card.md", "model_card.html", "figures/robustness.svg"} <= set(files)
    assert list(pd.read_csv(io.StringIO(files["predictions.csv"]))) == [
        *("path", "group", "split", "fractured", "y_score", "decision")
    ]


def test_tables_come_back_as_they_were(files, found: Findings) -> None:
    again = pd.read_csv(io.StringIO(files["robustness.csv"]))
    pd.testing.assert_frame_equal(again, found.robustness, atol=1e-6, check_dtype=False)


def test_the_page_shows_all_that_was_found(files) -> None:
    page = files["report.html"]
    for said in ("test, without hardware", "&lt;b&gt;|hand", "rotation 15", "Decision curve", "slope 0.81"):
        assert said in page
    assert 'href="model_card.html"' in page


def test_equal_findings_give_equal_files(files, found: Findings, made: card.Origin) -> None:
    assert documents(found, made) == files


def test_the_card_is_filled_from_the_run(files, found: Findings) -> None:
    text = files["model_card.md"]
    for figure in ("1,234 files", "14 were quarantined", "(0.912)", "0.8123 x logit + \N{MINUS SIGN}0.4567"):
        assert figure in text
    assert f"{found.figures['test']['ece']:.3f}" in text
    assert "| train | 3 | 2 | 2 | 1 |" in text
    assert "phantoms" not in text


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


def test_a_section_that_is_missing_leaves_its_items_open(found: Findings, made: card.Origin) -> None:
    bare = replace(found, robustness=found.robustness.iloc[:0], subgroups=found.subgroups.iloc[:1])
    text = documents(bare, made)["model_card.md"]
    assert "## Robustness" not in text
    assert "| CLAIM 2024 30 | robustness or sensitivity |" in text
    assert "| TRIPOD+AI 23b |" in text


def test_phantoms_are_called_phantoms(found: Findings, made: card.Origin) -> None:
    assert "nothing of patients" in documents(found, replace(made, phantoms=True))["model_card.md"]


def test_nothing_tried_makes_an_empty_table_and_no_chart(found: Findings, made: card.Origin) -> None:
    files = documents(replace(found, robustness=found.robustness.iloc[:0]), made)
    assert files["robustness.csv"].splitlines() == [",".join(robustness.COLUMNS)]
    assert "figures/robustness.svg" not in files
    assert "robustness_radiographs" in files["report.html"]
