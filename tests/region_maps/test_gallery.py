from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.dataset import names
from pipeline.dataset.annotations import Annotations
from pipeline.dataset.region import Region
from pipeline.files import images
from pipeline.predict.calibration import Calibration
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.maps import MapSet
from pipeline.predict.operating_points import FRACTURE, NEEDS_REVIEW, NO_FINDING
from pipeline.preprocess.canvas import Placement
from pipeline.region_maps import gallery, legend
from pipeline.region_maps.gallery import Case


def case(decision: str, *, fractured: bool, hit: bool | None = None, score: float = 0.5, at: int = 0) -> Case:
    return Case(at, f"test/{at}.png", fractured, score, decision, hit)


@pytest.mark.parametrize(
    ("decision", "fractured", "hit", "kind"),
    [
        (FRACTURE, False, None, "confident_errors"),
        (NO_FINDING, True, None, "confident_errors"),
        (NO_FINDING, True, True, "confident_errors"),
        (NEEDS_REVIEW, True, True, "misses"),
        (FRACTURE, True, False, "misses"),
        (FRACTURE, True, True, "hits"),
        (FRACTURE, True, None, "hits"),
        (NEEDS_REVIEW, False, None, "false_alarms"),
        (NO_FINDING, False, None, None),
    ],
)
def test_kinds(decision: str, fractured: bool, hit: bool | None, kind: str | None) -> None:
    assert gallery.kind_of(case(decision, fractured=fractured, hit=hit)) == kind


@pytest.mark.parametrize(
    ("one", "outcome", "good"),
    [
        (case(FRACTURE, fractured=False), "false alarm", False),
        (case(NO_FINDING, fractured=True), "miss", False),
        (case(FRACTURE, fractured=True, hit=False), "points elsewhere", False),
        (case(NEEDS_REVIEW, fractured=False), "false alarm", False),
        (case(FRACTURE, fractured=True, hit=True), "hit", True),
        (case(NO_FINDING, fractured=False), "cleared", True),
    ],
)
def test_labels_say_what_came_of_it(one: Case, outcome: str, good: bool) -> None:
    label = gallery.label(one)
    assert (label.outcome, label.good) == (outcome, good)
    assert label.reference == ("fractured" if one.fractured else "not fractured")


def test_the_surest_errors_come_first_and_each_kind_gets_a_quarter() -> None:
    sure = [case(FRACTURE, fractured=False, score=0.7 + 0.1 * i, at=i) for i in range(3)]
    missed = [case(NO_FINDING, fractured=True, score=0.01, at=3)]
    chosen = gallery.choose([*sure, *missed, case(NO_FINDING, fractured=False, at=4)], limit=8)
    assert list(chosen) == list(names.CASES)
    assert [one.position for one in chosen["confident_errors"]] == [3, 2]
    assert chosen["hits"] == chosen["misses"] == chosen["false_alarms"] == []


def test_equal_scores_keep_the_order_of_the_set() -> None:
    hits = [case(FRACTURE, fractured=True, hit=True, at=position) for position in (4, 2, 9)]
    assert [one.position for one in gallery.choose(hits, limit=12)["hits"]] == [2, 4, 9]


def test_cases_are_the_rows_with_their_hits() -> None:
    rows = pd.DataFrame(
        {
            "path": ["a", "b"],
            "fractured": [True, False],
            "y_score": [0.9, 0.1],
            "decision": [FRACTURE, NO_FINDING],
        }
    )
    assert gallery.cases(rows, [True, None]) == [
        Case(0, "a", True, 0.9, FRACTURE, True),
        Case(1, "b", False, 0.1, NO_FINDING, None),
    ]


def test_pictures_are_written_with_and_without_the_map(tmp_path: Path) -> None:
    one = case(FRACTURE, fractured=True, hit=True, score=0.87)
    drawn = gallery.Drawn(np.full((20, 30, 3), 90, np.uint8), np.full((8, 9, 3), 5, np.uint8), "here")
    folder = tmp_path / "overlays"
    gallery.write(folder, {"hits": [one, one], "misses": []}, lambda _: drawn)
    index = pd.read_csv(folder / names.OVERLAY_INDEX)
    assert index["file"].tolist() == ["hits-01.jpg", "hits-02.jpg"]
    assert set(index["path"]) == {one.path}
    assert sorted(file.name for file in folder.iterdir()) == [
        *index["file"],
        names.OVERLAY_INDEX,
        names.PLAIN,
    ]
    assert sorted(file.name for file in (folder / names.PLAIN).iterdir()) == [*index["file"]]
    assert images.read(folder / "hits-01.jpg").pixels.shape == (20, 30)
    assert images.read(folder / names.PLAIN / "hits-01.jpg").pixels.shape == (8, 9)


def test_the_index_begins_with_file_and_path_and_holds_what_captions_need(tmp_path: Path) -> None:
    one = case(FRACTURE, fractured=True, hit=True, score=0.87)
    drawn = gallery.Drawn(np.zeros((20, 30, 3), np.uint8), np.zeros((8, 9, 3), np.uint8), "here")
    gallery.write(tmp_path / "overlays", {"hits": [one]}, lambda _: drawn)
    assert (tmp_path / "overlays/index.csv").read_text().splitlines() == [
        "file,path,kind,fractured,probability,decision,on_target,where",
        "hits-01.jpg,test/0.png,hits,True,0.87,fracture,True,here",
    ]


@pytest.mark.parametrize("inverted", [False, True])
def test_the_painter_shows_negatives_set_right(tmp_path: Path, inverted: bool) -> None:
    pixels = np.full((300, 200), 40, np.uint8)
    images.write(tmp_path / "0.png", 255 - pixels if inverted else pixels)
    found = MapSet(
        pd.DataFrame({"path": ["0.png"]}),
        np.full((1, 8, 8), -9, np.float32),
        [Placement(300, 200, inverted, (0, 0, 300, 200), 0.2, 0.0, 0.0)],
        (64, 64),
        Calibration(1.0),
    )
    known = Annotations({"0.png": (Region((), (50, 60, 40, 30)),)}, {"0.png": (300, 200)})
    paint = gallery.painter(
        tmp_path, found, known, RegionSettings(0.5, 0, 5), colormap="cividis", max_pixels=10**6
    )
    drawn = paint(Case(0, "0.png", True, 0.1, NO_FINDING)).overlay
    assert drawn.dtype == np.uint8
    assert drawn.shape[2] == 3
    assert np.median(drawn[200:280]) == pytest.approx(40, abs=12)  # below the annotation: film, no map


def blue(picture: np.ndarray) -> int:
    """Pixels in the colour of regions, on the radiograph."""
    return int((picture[:450, :300] == legend.REGION).all(axis=2).sum())


def test_what_is_cleared_shows_no_region_and_the_rest_says_where(tmp_path: Path) -> None:
    images.write(tmp_path / "0.png", np.full((300, 200), 40, np.uint8))
    evidence = np.full((1, 8, 8), -9, np.float32)
    evidence[0, 2, 5] = 5
    placement = Placement(300, 200, False, (0, 0, 300, 200), 0.2, 2.0, 12.0)
    found = MapSet(pd.DataFrame({"path": ["0.png"]}), evidence, [placement], (64, 64), Calibration(1.0))
    known = Annotations({}, {"0.png": (300, 200)})
    paint = gallery.painter(
        tmp_path, found, known, RegionSettings(0.5, 0, 5), colormap="cividis", max_pixels=10**6
    )
    cleared, called = (paint(Case(0, "0.png", True, 0.1, said)) for said in (NO_FINDING, FRACTURE))
    assert (blue(cleared.overlay), cleared.where) == (0, "")
    assert blue(called.overlay) > 0
    assert called.where == "no clear bone axis, right half of the image"


@pytest.mark.reliability(
    "a radiograph vanishes before its overlay is drawn", "told, and the others are drawn"
)
def test_a_radiograph_that_is_gone_is_told_and_the_others_are_drawn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = gallery.Drawn(np.zeros((20, 30, 3), np.uint8), np.zeros((8, 9, 3), np.uint8))

    def paint(one: Case) -> gallery.Drawn:
        if one.position == 1:
            images.read(tmp_path / one.path)
        return whole

    hits = [case(FRACTURE, fractured=True, at=at) for at in range(3)]
    gallery.write(tmp_path / "overlays", {"hits": hits}, paint)
    index = pd.read_csv(tmp_path / "overlays/index.csv")
    assert index["file"].tolist() == ["hits-01.jpg", "hits-03.jpg"]
    assert f"not drawn: {tmp_path / 'test/1.png'}: not there any more" in caplog.text


def test_another_picture_of_that_name_is_not_drawn_over(tmp_path: Path) -> None:
    images.write(tmp_path / "0.png", np.zeros((30, 20), np.uint8))
    found = MapSet(
        pd.DataFrame({"path": ["0.png"]}),
        np.full((1, 8, 8), -9, np.float32),
        [Placement(300, 200, False, (0, 0, 300, 200), 0.2, 0.0, 0.0)],
        (64, 64),
        Calibration(1.0),
    )
    paint = gallery.painter(
        tmp_path, found, Annotations({}, {}), RegionSettings(0.5, 0, 5), colormap="cividis", max_pixels=10**6
    )
    with pytest.raises(images.ImageFault, match="not those that were read before"):
        paint(Case(0, "0.png", True, 0.1, NO_FINDING, None, "00"))
