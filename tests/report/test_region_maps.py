from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.dataset.names import CASES
from pipeline.report import region_maps
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
