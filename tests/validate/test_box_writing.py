"""Boxes that fit the radiograph in another writing than COCO's, told by areas and polygons."""

import json

import pytest

from pipeline.validate import annotation_check
from pipeline.validate.annotation_check import Target

PATH = "train/fractured/a.jpg"
WIDTH, HEIGHT = 400, 200
TARGETS = {PATH: Target(PATH, HEIGHT, WIDTH, True)}
SIZES = [(20, 30, 40, 50), (50, 60, 30, 20), (10, 10, 100, 90), (100, 40, 60, 80)]  # COCO's own


def square(left, top, width, height):
    right, bottom = left + width, top + height
    return [[left, top, right, top, right, bottom, left, bottom]]


WRITINGS = {
    "corners (left, top, right, bottom)": lambda x, y, w, h: [x, y, x + w, y + h],
    "percent of the radiograph": lambda x, y, w, h: [x / 4, y / 2, w / 4, h / 2],
    "corners in percent": lambda x, y, w, h: [x / 4, y / 2, (x + w) / 4, (y + h) / 2],
    "corners in shares of the radiograph": lambda x, y, w, h: [
        x / WIDTH, y / HEIGHT, (x + w) / WIDTH, (y + h) / HEIGHT
    ],
}  # fmt: skip


def check(tmp_path, annotations):
    image = {"id": 1, "file_name": PATH, "height": HEIGHT, "width": WIDTH}
    drawn = [{"id": row, "image_id": 1} | one for row, one in enumerate(annotations)]
    (tmp_path / "coco.json").write_text(json.dumps({"images": [image], "annotations": drawn}))
    return annotation_check.check(tmp_path / "coco.json", TARGETS).annotations.for_path(PATH)


@pytest.mark.reliability(
    "boxes as corners or in percent that fit, with areas", "refused: which, and the mend"
)
@pytest.mark.parametrize("writing", WRITINGS)
def test_areas_tell_another_writing(writing, tmp_path):
    boxes = [{"bbox": WRITINGS[writing](*size), "area": round(size[2] * size[3])} for size in SIZES]
    with pytest.raises(ValueError, match=r"left, top, width, height in pixels") as error:
        check(tmp_path, boxes)
    assert f"Received: {writing}, by 4 of 4" in str(error.value)
    assert str(boxes[0]["bbox"]) in str(error.value)


@pytest.mark.parametrize("writing", WRITINGS)
def test_polygons_beside_boxes_tell_it_for_boxes_without(writing, tmp_path):
    write = WRITINGS[writing]
    drawn = [{"bbox": write(*size), "segmentation": square(*size)} for size in SIZES[:3]]
    with pytest.raises(ValueError, match=r"by 3 of 3"):
        check(tmp_path, [*drawn, {"bbox": write(*SIZES[3])}])
    assert [region.bbox for region in check(tmp_path, drawn)] == SIZES[:3]  # polygons go first


@pytest.mark.parametrize("more", [0, 1])
def test_cocos_own_boxes_pass_with_and_without_border_pixels(more, tmp_path):
    boxes = [{"bbox": size, "area": (size[2] + more) * (size[3] + more)} for size in SIZES]
    assert [region.bbox for region in check(tmp_path, boxes)] == SIZES


@pytest.mark.parametrize("area", [None, 0, "x", [3], 7.5, float("nan"), 1e308])
def test_areas_that_say_nothing_are_no_evidence(area, tmp_path):
    assert [region.bbox for region in check(tmp_path, [{"bbox": s, "area": area} for s in SIZES])] == SIZES


def test_shares_with_areas_of_either_kind_become_pixels(tmp_path):
    shares = [[x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT] for x, y, w, h in SIZES]
    for area in (lambda s: s[2] * s[3], lambda s: s[2] * s[3] * WIDTH * HEIGHT):
        found = check(tmp_path, [{"bbox": share, "area": area(share)} for share in shares])
        assert [region.bbox for region in found] == [pytest.approx(size) for size in SIZES]


def test_a_few_areas_that_fit_corners_by_chance_stop_nothing(tmp_path):
    boxes = [{"bbox": size, "area": size[2] * size[3]} for size in SIZES]
    boxes[0]["area"] = (SIZES[0][2] - SIZES[0][0]) * (SIZES[0][3] - SIZES[0][1])
    assert len(check(tmp_path, boxes)) == 4


@pytest.mark.reliability("boxes as corners, with nothing beside them", "refused: which, and the mend")
@pytest.mark.parametrize("by", [1, 1000])
def test_places_alone_tell_corners(by, tmp_path):
    boxes = [(10 * n + 120, 10 * n + 60, 10 * n + 170, 10 * n + 90) for n in range(6)]
    written = [[value / by * (1000 / side if by > 1 else 1) for value, side in zip(
        box, (WIDTH, HEIGHT) * 2, strict=True)] for box in boxes]  # fmt: skip
    with pytest.raises(
        ValueError, match=r"Received: corners .*6 of 6 that tell.*no area that says otherwise"
    ):
        check(tmp_path, [{"bbox": box} for box in written])


def test_places_tell_nothing_of_few_boxes_of_whole_pictures_or_where_most_are_cocos_own(tmp_path):
    corners = [[10, 10, 40 + n, 60] for n in range(4)]
    own = [[200 + n, 100, 30, 20] for n in range(5)]
    whole = [[n / 2, 1, WIDTH - 6, HEIGHT - 3] for n in range(6)]
    assert len(check(tmp_path, [{"bbox": box} for box in corners])) == 4
    assert len(check(tmp_path, [{"bbox": box} for box in (*corners, [5, 5, 9, 9], *own)])) == 10
    assert len(check(tmp_path, [{"bbox": box} for box in whole])) == 6


def test_large_boxes_near_the_corner_that_stay_on_the_radiograph_are_cocos_own(tmp_path):
    large = [[10 + n, 10, 150 + n, 100] for n in range(8)]
    assert len(check(tmp_path, [{"bbox": box} for box in large])) == 8
