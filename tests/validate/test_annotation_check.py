import json

import pytest

from pipeline.validate import annotation_check
from pipeline.validate.annotation_check import Target

PATH = "train/fractured/a.jpg"
COPY = "test/fractured/copy.jpg"
TARGETS = {PATH: Target(PATH, 40, 60, True), COPY: Target(PATH, 40, 60, True)}
SQUARE = [10, 10, 20, 10, 20, 20, 10, 20]


def checked(tmp_path, *annotations, targets=TARGETS, **image):
    image = {"id": 1, "file_name": PATH, "height": 40, "width": 60} | image
    drawn = [{"id": row, "image_id": 1} | annotation for row, annotation in enumerate(annotations)]
    (tmp_path / "coco.json").write_text(json.dumps({"images": [image], "annotations": drawn}))
    return annotation_check.check(tmp_path / "coco.json", targets)


def test_sound_annotations_pass(tmp_path):
    sound, issues = checked(tmp_path, {"segmentation": [SQUARE]}, {"bbox": [0, 0, 60, 40]})
    assert [region.bbox for region in sound.for_path(PATH)] == [(10, 10, 10, 10), (0, 0, 60, 40)]
    assert sound.sizes == {PATH: (40, 60)}
    assert issues == []


@pytest.mark.parametrize(
    "annotation",
    [
        {"segmentation": [[10, 10, 70, 10, 70, 20]]},
        {"segmentation": [[10, -9, 20, 10, 10, 20]]},
        {"bbox": [50, 30, 20, 5]},
        {"bbox": [5, 5, 0, 4]},
        {"bbox": [5, 5, 4]},
        {"bbox": [5, float("nan"), 4, 4]},
        {"segmentation": [[1, 2, 3, 4]]},
        {},
    ],
)
@pytest.mark.reliability(27)
def test_an_unsound_annotation_alone_is_left_out(tmp_path, annotation):
    sound, issues = checked(tmp_path, annotation, {"segmentation": [SQUARE]})
    assert len(sound.for_path(PATH)) == 1
    assert [(issue.issue, issue.severity) for issue in issues] == [("annotation_malformed", "quarantined")]


@pytest.mark.parametrize(
    ("image", "targets", "issue"),
    [
        ({"height": 60, "width": 40}, TARGETS, "annotation_size"),
        ({"file_name": "gone.jpg"}, TARGETS, "annotation_unknown_file"),
        ({}, {PATH: Target(PATH, 40, 60, False)}, "annotation_on_not_fractured"),
        ({"id": 9}, TARGETS, "annotation_without_image"),
    ],
)
@pytest.mark.reliability(27)
def test_annotations_of_no_fitting_radiograph_are_left_out(tmp_path, image, targets, issue):
    sound, issues = checked(tmp_path, {"segmentation": [SQUARE]}, targets=targets, **image)
    assert sound.regions == {}
    assert [found.issue for found in issues] == [issue]


def test_the_annotations_of_a_byte_copy_move_to_the_kept_file(tmp_path):
    sound, issues = checked(tmp_path, {"segmentation": [SQUARE]}, file_name=COPY)
    assert list(sound.regions) == [PATH]
    assert issues == []


def test_a_run_length_mask_counts_as_its_box(tmp_path):
    run_lengths = {"size": [40, 60], "counts": [5, 5]}
    sound, _ = checked(tmp_path, {"segmentation": run_lengths, "bbox": [1, 2, 3, 4]})
    assert sound.for_path(PATH)[0].bbox == (1, 2, 3, 4)
