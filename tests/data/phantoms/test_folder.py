import csv
import hashlib

import pytest
from pycocotools.coco import COCO

from pipeline.config import Phantoms
from pipeline.data import annotations, images, phantoms

SETTINGS = Phantoms(
    train=20, val=8, test=8, fractured_share=0.5, min_side_px=130, max_side_px=160, fault_share=0.25
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("phantoms") / "drawn"
    phantoms.write(target, SETTINGS, seed=7, workers=1)
    return target


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def found(folder):
    return {str(path.relative_to(folder)) for path in folder.glob("*/*/*")}


def test_same_seed_same_bytes_with_any_number_of_processes(folder, tmp_path):
    phantoms.write(tmp_path / "again", SETTINGS, seed=7, workers=2)
    assert digests(tmp_path / "again") == digests(folder)


def test_every_file_is_listed_with_its_size(folder, capsys):
    coco = COCO(str(folder / "annotations.coco.json"))
    assert {image["file_name"] for image in coco.imgs.values()} == found(folder)
    faulty = {row["path"] for row in rows(folder / "faults.csv") if row["fault"] == "truncated"}
    for image in coco.imgs.values():
        if image["file_name"] not in faulty:
            assert images.read(folder / image["file_name"]).pixels.shape == (image["height"], image["width"])


def test_fractured_files_and_no_others_have_a_polygon(folder, capsys):
    coco = COCO(str(folder / "annotations.coco.json"))
    for image_id, image in coco.imgs.items():
        fractured = image["file_name"].split("/")[1] == "fractured"
        assert len(coco.getAnnIds(imgIds=[image_id])) == fractured
        assert (image["fracture"] is not None) == fractured


def test_areas_agree_with_pycocotools(folder, capsys):
    coco = COCO(str(folder / "annotations.coco.json"))
    for annotation in coco.anns.values():
        perimeter_px = 2 * sum(annotation["bbox"][2:])
        assert annotation["area"] == pytest.approx(coco.annToMask(annotation).sum(), abs=perimeter_px)


def test_the_pipeline_reads_the_annotations(folder):
    read = annotations.read(folder / "annotations.coco.json")
    assert set(read.regions) == {path for path in found(folder) if path.split("/")[1] == "fractured"}


def test_the_answer_key_names_what_was_planted(folder):
    key = rows(folder / "faults.csv")
    assert len(key) == round(0.25 * 36)
    assert {row["path"] for row in key} | {row["source"] for row in key if row["source"]} <= found(folder)
    copies = [row for row in key if row["fault"].startswith("byte_copy")]
    assert {row["fault"] for row in copies} == {"byte_copy", "byte_copy_across_splits"}
    for row in copies:
        assert (folder / row["path"]).read_bytes() == (folder / row["source"]).read_bytes()


def test_equal_bytes_have_one_label(folder):
    labels = {}
    for path, digest in digests(folder).items():
        if path.count("/") == 2:
            labels.setdefault(digest, set()).add(path.split("/")[1])
    assert all(len(label) == 1 for label in labels.values())


def test_labels_cover_every_file(folder):
    assert {row["path"] for row in rows(folder / "labels.csv")} == found(folder)
