from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.dataset.names import CASES
from pipeline.report import pages, region_maps
from tests.report import folders


def test_pictures_are_described_as_their_index_says(tmp_path: Path) -> None:
    folders.write_region_maps(tmp_path, folders.CASE)
    pictures = region_maps.pictures(tmp_path / "overlays")
    assert list(pictures) == list(CASES)
    (first,) = pictures["hits"]
    assert first["src"].startswith("data:image/jpeg;base64,")
    assert first["caption"] == (
        "Fractured; fracture, probability 0.87. The peak lies on the fracture. Strongest region: here."
    )
    assert first["beside"].startswith("data:image/jpeg;base64,")
    assert first["beside"] != first["src"]
    assert pictures["misses"] == []


@pytest.mark.parametrize(
    ("on_target", "said"), [(None, "0.04."), (False, "0.04. The peak lies elsewhere.")], ids=str
)
def test_a_caption_says_no_more_than_is_known(tmp_path: Path, on_target: bool | None, said: str) -> None:
    case = ("misses-01.jpg", "NA", "misses", False, 0.04, "no finding", on_target, "")
    folders.write_region_maps(tmp_path, case)
    (picture,) = region_maps.pictures(tmp_path / "overlays")["misses"]
    assert picture["caption"] == f"Not fractured; no finding, probability {said}"
    assert picture["title"] == "NA"


def test_a_caption_says_that_no_region_stands_out(tmp_path: Path) -> None:
    folders.write_region_maps(tmp_path, ("misses-01.jpg", "a", "misses", True, 0.3, "needs review", None, ""))
    (picture,) = region_maps.pictures(tmp_path / "overlays")["misses"]
    assert picture["caption"].endswith("probability 0.30. No region stands out.")


def test_no_case_makes_no_picture(tmp_path: Path) -> None:
    folders.write_region_maps(tmp_path)
    assert region_maps.pictures(tmp_path / "overlays") == {kind: [] for kind in CASES}


def test_a_figure_that_is_not_defined_draws_no_chart(tmp_path: Path) -> None:
    folders.write_region_maps(tmp_path)
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"erase_drop": None}))
    context = region_maps.context(tmp_path)
    assert context["charts"]["erase"] is None
    assert context["charts"]["froc"] is not None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "better than its size and place do"),
        ({"alone_geometry_gap_low": -0.1}, "may come from its size and place"),
        ({"alone_blurred_gap_low": -0.1}, "or from the blur around it"),
        ({"alone_auroc_low": 0.4, "blurred_auroc": 0.1}, "does not tell the classes apart"),
        ({"alone_geometry_gap_low": None}, "cannot be said"),
        ({"geometry_auroc_low": 0.6}, "tells the classes apart by itself"),
    ],
    ids=str,
)
def test_the_page_says_what_the_region_alone_shows(tmp_path: Path, changes: dict, said: str) -> None:
    folders.write_region_maps(tmp_path)
    path = tmp_path / "metrics.json"
    known = json.loads(path.read_text()) | {"geometry_auroc_low": 0.45}
    sayings = [
        pages.render("region_maps.html", region_maps.context(tmp_path))
        for figures in (known, known | changes)
        if path.write_text(json.dumps(figures))
    ]
    assert said in sayings[1]
    assert (said in sayings[0]) == (not changes)
