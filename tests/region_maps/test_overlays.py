from dataclasses import replace

import numpy as np
import pytest

from pipeline.predict.operating_points import NO_FINDING
from pipeline.predict.regions import extract_regions
from pipeline.region_maps import overlays
from pipeline.region_maps.legend import Label
from pipeline.region_maps.overlays import overlay

LABEL = Label("test/fractured/1.png", 0.93, "fracture", "fractured", "hit", good=True)


def radiograph(height: int = 240, width: int = 180) -> np.ndarray:
    return np.tile(np.linspace(20, 220, width).astype(np.uint8), (height, 1))


def region_map(height: int = 240, width: int = 180) -> np.ndarray:
    values = np.zeros((height, width), np.float32)
    values[100:140, 60:100] = 0.9
    return values


def is_grey(picture: np.ndarray) -> np.ndarray:
    return np.ptp(picture.astype(int), axis=2) == 0


@pytest.mark.parametrize(
    ("shape", "panel"),
    [((240, 180), (480, 360)), ((600, 500), (600, 500)), ((1800, 900), (900, 450)), ((100, 400), (120, 480))],
)
def test_small_radiographs_are_enlarged_and_large_ones_reduced(shape, panel):
    pixels = np.full(shape, 77, np.uint8)
    picture = overlay(pixels, np.zeros(shape, np.float32), [], 0.5, label=LABEL)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.shape[0] > panel[0]
    assert picture.shape[1] > panel[1]
    assert (picture[panel[0] // 2, : panel[1]] == 77).all()
    assert not (picture[panel[0] // 2, panel[1]] == 77).any()


@pytest.mark.parametrize("shape", [(1, 1), (5000, 2), (2, 5000)])
def test_extreme_shapes_are_drawn(shape):
    picture = overlay(np.zeros(shape, np.uint8), np.ones(shape, np.float32), [], 0.5, label=LABEL)
    assert max(picture.shape) <= 1400


def test_no_strip_without_a_label():
    pixels, values = radiograph(), region_map()
    assert overlay(pixels, values, [], 0.5).shape[0] == 480
    assert overlay(pixels, values, [], 0.5, label=LABEL).shape[0] > 480


def test_pixels_stay_grey_where_there_is_no_evidence():
    values = region_map()
    picture = overlay(radiograph(), values, extract_regions(values, 0.5), 0.5)
    assert is_grey(picture[300:480, :360]).all()


def test_the_map_is_coloured_where_evidence_is_high():
    picture = overlay(radiograph(), region_map(), [], 0.5)
    assert not is_grey(picture[210:270, 130:190]).any()


def test_the_bone_shows_through_full_evidence():
    pixels = radiograph()
    picture = overlay(pixels, np.ones(pixels.shape, np.float32), [], 0.5)[:480, :360].astype(float)
    assert picture[240, 350].sum() - picture[240, 10].sum() > 0.4 * 3 * (220 - 20)


def test_evidence_below_half_the_threshold_is_not_coloured():
    pixels = radiograph()
    picture = overlay(pixels, np.full(pixels.shape, 0.24, np.float32), [], 0.5)
    assert is_grey(picture[100:480, :360]).all()


def test_a_region_is_framed_where_it_lies():
    values = region_map()
    picture = overlay(radiograph(), values, extract_regions(values, 0.5), 0.5)
    framed = (picture == overlays.REGION).all(axis=2)[:480, :360]
    rows, columns = np.nonzero(framed)
    assert abs(rows.max() - 280) <= 3
    assert abs(columns.min() - 120) <= 3
    assert abs(columns.max() - 200) <= 3


def test_the_reference_standard_is_dashed():
    corners = np.array([[20, 20], [20, 160], [200, 160], [200, 20]], float)
    picture = overlay(radiograph(), np.zeros((240, 180), np.float32), [], 0.5, reference=[corners])
    side = (picture[42:398, 39] == overlays.REFERENCE).all(axis=1)
    assert 0.2 < side.mean() < 0.8


def share_of_side_drawn(threshold: float) -> float:
    """How much of the left side of the region's box is drawn."""
    values = region_map()
    picture = overlay(radiograph(), values, extract_regions(values, 0.5), threshold)
    side = (picture[205:275, 117:123] == overlays.REGION).all(axis=2).any(axis=1)
    return float(side.mean())


def test_what_is_sure_is_solid_and_what_is_possible_is_dotted():
    assert share_of_side_drawn(0.5) > 0.95
    assert 0.1 < share_of_side_drawn(0.95) < 0.8


def test_a_cleared_radiograph_says_that_nothing_was_found():
    plain, values = np.full((240, 180), 77, np.uint8), np.zeros((240, 180), np.float32)
    cleared, open_question = (
        overlay(plain, values, [], 0.5, label=replace(LABEL, decision=decision))[:200, :360]
        for decision in (NO_FINDING, "needs review")
    )
    assert (cleared[:30] != 77).sum() > (open_question[:30] != 77).sum() > 0
    assert (cleared[60:] == 77).all()


def test_a_radiograph_in_which_no_region_stands_out_has_no_key_of_lines():
    plain, values = np.full((240, 180), 77, np.uint8), region_map()
    said = replace(LABEL, decision="needs review")
    bare, marked = (
        overlay(plain, values, regions, 0.5, label=said)[480:]
        for regions in ([], extract_regions(values, 0.5))
    )
    assert (marked == overlays.REGION).all(axis=2).any()
    assert not (bare == overlays.REGION).all(axis=2).any()


def test_a_ruler_measures_the_radiographs_own_pixels():
    pixels = np.full((240, 180), 77, np.uint8)  # drawn twice as large
    picture = overlay(pixels, np.zeros(pixels.shape, np.float32), [], 0.5)
    beside = (picture[:480, 361:366] > 200).all(axis=2).any(axis=1)
    assert beside.sum() == pytest.approx(200, abs=4)  # 100 px, the largest round length in half of the height


def test_the_plain_picture_bears_the_reference_alone():
    corners = np.array([[20, 20], [20, 160], [200, 160], [200, 20]], float)
    picture = overlays.plain(np.full((240, 180), 77, np.uint8), [corners])
    assert picture.shape == (480, 360, 3)
    assert (picture == overlays.REFERENCE).all(axis=2).any()
    assert (picture[60:380, 60:300] == 77).all()


def test_no_finding_is_drawn_as_such():
    values = np.zeros((240, 180), np.float32)
    plain = np.full((240, 180), 77, np.uint8)
    assert (overlay(plain, values, [], 0.5)[:40, :100] != 77).any()
    assert (overlay(plain, values, [], 0.5)[60:480, :360] == 77).all()


def test_drawing_leaves_radiograph_and_map_as_they_were():
    shape = (600, 500)  # which is neither enlarged nor reduced
    pixels, values = radiograph(*shape), region_map(*shape)
    overlay(pixels, values, extract_regions(values, 0.5), 0.5, label=LABEL)
    assert np.array_equal(pixels, radiograph(*shape))
    assert np.array_equal(values, region_map(*shape))


def test_an_unknown_colormap_is_refused():
    with pytest.raises(ValueError, match="Received: 'rainbows'"):
        overlay(radiograph(), region_map(), [], 0.5, colormap="rainbows")


@pytest.mark.parametrize(
    ("pixels", "values", "message"),
    [
        (radiograph().astype(float), region_map(), "uint8"),
        (radiograph()[:, :-1], region_map(), "same shape"),
        (np.zeros((0, 4), np.uint8), np.zeros((0, 4), np.float32), "same shape"),
        (radiograph(), 2 * region_map(), r"0\.\.1"),
        (radiograph(), region_map() * np.nan, r"0\.\.1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(pixels, values, message):
    with pytest.raises(ValueError, match=message):
        overlay(pixels, values, [], 0.5)


def test_scores_stand_beside_all_boxes_and_apart(monkeypatch):
    chips, write = [], overlays.strokes.chip

    def note(draw, corner, text, face, *colours):
        chips.append((*corner, *overlays.strokes.chip_size(text, face)[::-1], text))
        write(draw, corner, text, face, *colours)

    monkeypatch.setattr(overlays.strokes, "chip", note)
    (region,) = extract_regions(region_map(), 0.5)  # 100 to 140, 60 to 100
    other = replace(region, row=95, column=75, score=0.1)
    overlay(radiograph(), region_map(), [region, other], 0.5)
    assert [text for *_, text in chips] == ["0.90", "0.10"]
    boxes = [np.array(each.box) * 2 for each in (region, other)]  # the panel has twice the pixels
    spans = [(row, row + height, column, column + width) for row, column, height, width, _ in chips]
    spans += [(row, row + height, column, column + width) for row, column, height, width in boxes]
    for top, bottom, left, right in spans[:2]:
        beside = [
            bottom <= other[0] or other[1] <= top or right <= other[2] or other[3] <= left for other in spans
        ]
        assert beside.count(False) == 1  # itself
