import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.evaluate import shortcut_gap
from pipeline.statistics import delong

RNG = np.random.default_rng(0)
FRACTURED = np.arange(80) % 2 == 0
JUDGED = pd.DataFrame(
    {
        "path": [f"{number}.png" for number in range(80)],
        "group": [f"g{number // 4}{number % 2}" for number in range(80)],
        "fractured": FRACTURED,
        "y_score": (FRACTURED + RNG.uniform(0, 1.5, 80)) / 3,
    }
)
SHORTCUT_SCORES = pd.DataFrame(
    {"path": JUDGED["path"], "size": 0.5, "nearest neighbour": RNG.uniform(size=80)}
)
VALIDATED = {"null": {"size": {"auroc": 0.5}}, "memorisation": {"clean": {"auroc": 0.7}}}


def test_the_gap_is_to_the_best_shortcut_on_the_same_files_whatever_their_order() -> None:
    found = shortcut_gap.beside_shortcuts(
        {"auroc": 0.9}, VALIDATED, JUDGED, SHORTCUT_SCORES.sample(frac=1, random_state=1)
    )
    assert found["best_null"] == {"name": "nearest neighbour", "auroc": 0.7}
    reached, beside = JUDGED["y_score"], SHORTCUT_SCORES["nearest neighbour"]
    gap = roc_auc_score(FRACTURED, reached) - roc_auc_score(FRACTURED, beside)
    expected = delong.compare(FRACTURED, reached.to_numpy(), beside.to_numpy(), JUDGED["group"].to_numpy(str))
    assert found["test"]["auroc"] == 0.9
    assert found["test"]["null_gap_auroc"] == pytest.approx(gap)
    assert found["test"]["null_gap_auroc_low"] == expected.low < gap < found["test"]["null_gap_auroc_high"]


def test_one_group_of_a_class_gives_no_interval() -> None:
    few = JUDGED[~JUDGED["fractured"] | (JUDGED["group"] == "g00")]
    found = shortcut_gap.beside_shortcuts({"auroc": 0.9}, VALIDATED, few, SHORTCUT_SCORES)["test"]
    assert set(found) == {"auroc", "null_gap_auroc"}


def test_a_radiograph_that_no_baseline_scored_is_named() -> None:
    with pytest.raises(ValueError, match=r"no score of 2: 0\.png, 1\.png\. .*run `dvc repro`"):
        shortcut_gap.beside_shortcuts({"auroc": 0.9}, VALIDATED, JUDGED, SHORTCUT_SCORES[2:])


def test_without_a_baseline_there_is_no_gap() -> None:
    validated = {"null": {"size": {"auroc": None}}, "memorisation": {"clean": {"auroc": None}}}
    found = shortcut_gap.beside_shortcuts({"auroc": 0.9}, validated, JUDGED, SHORTCUT_SCORES)
    assert found == {"test": {"auroc": 0.9}, "best_null": {"name": None, "auroc": None}}


@pytest.mark.parametrize(
    ("baselines", "expected"),
    [
        ({"size": 0.6, "border": 0.7, "marker": None}, ("border", 0.7)),
        ({"size": None}, None),
        ({}, None),
    ],
)
def test_the_best_shortcut_is_the_strongest_known(
    baselines: dict, expected: tuple[str, float] | None
) -> None:
    assert shortcut_gap.best_shortcut(baselines) == expected
