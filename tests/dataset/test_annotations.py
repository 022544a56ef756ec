import numpy as np
import pytest

from pipeline.dataset import annotations
from pipeline.dataset.annotations import Annotations
from pipeline.dataset.region import Region

TRIANGLE = np.array([[2.0, 2.0], [12.0, 2.0], [2.0, 12.0]])


def test_what_is_written_is_read(tmp_path):
    path = "train/fractured/a.jpg"
    regions = (Region((TRIANGLE,), (2.0, 2.0, 10.0, 10.0)), Region((), (1.0, 1.0, 4.0, 5.0)))
    annotations.write(Annotations({path: regions}, {path: (20, 30)}), tmp_path / "coco.json")
    found = annotations.read(tmp_path / "coco.json")
    assert found.sizes == {path: (20, 30)}
    assert [region.bbox for region in found.for_path(path)] == [region.bbox for region in regions]
    np.testing.assert_array_equal(found.for_path(path)[0].polygons[0], TRIANGLE)
    assert found.for_path("test/fractured/b.jpg") == []


def test_no_annotations_are_written_too(tmp_path):
    annotations.write(Annotations(), tmp_path / "coco.json")
    assert annotations.read(tmp_path / "coco.json") == Annotations()


@pytest.mark.parametrize(("text", "rule"), [("{", "JSON"), ("[]", "COCO"), ('{"images": []}', "COCO")])
def test_other_files_are_refused(tmp_path, text, rule):
    (tmp_path / "coco.json").write_text(text)
    with pytest.raises(ValueError, match=rule):
        annotations.read(tmp_path / "coco.json")


@pytest.mark.reliability("the annotations of `validate`, damaged", "one line with the file and `dvc repro`")
def test_a_damaged_intermediate_is_made_anew(tmp_path):
    (tmp_path / "coco.json").write_text('{"images": [], "annotations": [{"image_id": 1}]}')
    with pytest.raises(ValueError, match=r"coco\.json must be .*run `dvc repro`"):
        annotations.read(tmp_path / "coco.json")


def test_a_missing_file_is_refused_with_advice(tmp_path):
    with pytest.raises(ValueError, match=r"none\.coco\.json"):
        annotations.read(tmp_path / "coco.json")
