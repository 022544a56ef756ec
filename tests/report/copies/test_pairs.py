import numpy as np
import pandas as pd
import pytest

from pipeline.report import thumbnails
from pipeline.report.copies import pairs
from tests.report.copies.galleries import files, links, look


def grouped(*groups):
    """Two files in each group."""
    return files(*({"path": f"train/{group}{n}.jpg", "group": group} for group in groups for n in range(2)))


def test_the_worst_pair_of_each_group_comes_first():
    known = pd.concat([grouped("a", "b"), files({"path": "train/a2.jpg", "group": "a"})])
    linked = [("train/a0.jpg", "train/a1.jpg", 0.83), ("train/a0.jpg", "train/a2.jpg", 0.84)]
    found = links(*linked, ("train/b0.jpg", "train/b1.jpg", 0.85))
    scores = [pair["title"] for pair in pairs.hardest(found, known, look)]
    assert scores == ["Score 0.830", "Score 0.850", "Score 0.840"]


def test_no_pairs_make_no_gallery():
    assert pairs.hardest(links(), grouped("a"), look) == []


def test_a_pair_is_shown_and_told():
    (pair,) = pairs.hardest(links(("train/a0.jpg", "train/a1.jpg", 0.85)), grouped("a"), look)
    assert [picture["title"] for picture in pair["pictures"]] == ["A", "B", "B over A"]
    assert [picture["caption"] for picture in pair["pictures"][:2]] == ["train/a0.jpg", "train/a1.jpg"]
    assert pair["text"] == (
        "B lies as A does, at the same size. They share 100\xa0% of what the smaller one shows; there, fine "
        "structure correlates with 0.90 and lies 0.10 pixels beside itself (both at 192 pixels)."
    )


def test_what_has_not_moved_lies_in_its_place():
    assert "lies in its place" in pairs.agreement(correlation=0.99, moved_px=0.04, overlap=1.0)


@pytest.mark.parametrize("lost", ["a0", "a1"])
def test_what_cannot_be_read_any_more_has_no_overlay(lost):
    found = links(("train/a0.jpg", "train/a1.jpg", 0.85))
    (pair,) = pairs.hardest(found, grouped("a"), lambda path: None if lost in path else look(path))
    assert [picture["src"] is None for picture in pair["pictures"]].count(True) == 2
    assert pair["pictures"][2]["src"] is None


def test_the_second_is_laid_over_the_first(monkeypatch):
    """At the size of the pictures, 8 times that of the files."""
    monkeypatch.setattr(thumbnails, "address", lambda pixels: pixels)
    first = np.zeros((320, 240), np.uint8)
    second = first.copy()
    first[100:140, 100:140] = second[100:140, 116:156] = 200  # 16 pixels of the picture: 2 of the file
    found = links(("train/a0.jpg", "train/a1.jpg", 0.85))
    found["transform"] = [np.array([[1.0, 0, 2], [0, 1, 0]])]
    (pair,) = pairs.hardest(found, grouped("a"), {"train/a0.jpg": first, "train/a1.jpg": second}.get)
    overlay = pair["pictures"][2]["src"]
    assert np.array_equal(overlay, np.dstack([first] * 3))
    assert pair["text"].startswith("B lies as A does")
