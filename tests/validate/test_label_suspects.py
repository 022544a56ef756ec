import numpy as np
import pandas as pd
import pytest

from pipeline.validate import label_suspects
from pipeline.validate.scan import Fact

BARS = np.tile(np.arange(64) // 4 % 2 * 120, (64, 1)).astype(np.uint8)
N = 60


def folder(wrong=(), copies=0):
    """Upright bars are fractured, lying bars are not; some labels are wrong, the first file has copies."""
    rng = np.random.default_rng(0)
    numbers = [0] * copies + list(range(N))
    facts, rows = [], []
    for place, number in enumerate(numbers):
        upright = number % 2 == 0
        picture = (BARS if upright else BARS.T) + rng.integers(0, 30, (64, 64), dtype=np.uint8)
        fractured = upright ^ (number in wrong)
        facts.append(Fact(f"{place}.png", "train", fractured, thumbnail=picture))
        rows.append((f"{place}.png", f"g-{number:02}", fractured, 1 / (1 + copies * (number == 0))))
    return pd.DataFrame(rows, columns=["path", "group", "fractured", "sampling_weight"]), facts


@pytest.mark.parametrize("seed", [0, 1])
def test_planted_wrong_labels_are_listed_and_no_other(seed):
    kept, facts = folder(wrong=(4, 7, 31))
    found = label_suspects.find(kept, facts, max_share=0.2, seed=seed)
    assert {issue.path for issue in found} == {"4.png", "7.png", "31.png"}
    assert {(issue.issue, issue.severity) for issue in found} == {("label_suspect", "note")}


def test_copies_of_one_label_are_one_suspect():
    kept, facts = folder(wrong=(0,), copies=5)
    (issue,) = label_suspects.find(kept, facts, max_share=0.2, seed=0)
    assert issue.path == "0.png"
    assert "number 1 to look at: labelled not fractured with 5 copies" in issue.detail


def test_no_more_than_the_share_is_listed():
    kept, facts = folder(wrong=(4, 7, 31))
    assert len(label_suspects.find(kept, facts, max_share=2 / N, seed=0)) == 2
    assert label_suspects.find(kept, facts, max_share=0, seed=0) == []


def test_the_same_folder_gives_the_same_list():
    kept, facts = folder(wrong=(4, 7))
    assert label_suspects.find(kept, facts, 0.2, 3) == label_suspects.find(kept, facts, 0.2, 3)


def test_a_class_of_one_group_has_no_suspects():
    kept, facts = folder()
    few = kept[kept["fractured"] | (kept["path"] == "1.png")]
    assert label_suspects.find(few, facts, 0.5, 0) == []
