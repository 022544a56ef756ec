import csv
import hashlib
import json
import re
import shutil

import numpy as np
import pytest
from pycocotools.coco import COCO

from pipeline import phantoms
from pipeline.config import Phantoms
from pipeline.dataset import annotations
from pipeline.files import images

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


@pytest.fixture
def drawn(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "drawn")


def lay(path, data=b"a radiograph"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def refused(folder):
    """Refuse a folder, and show that nothing in it changed."""
    before = digests(folder)
    with pytest.raises(
        ValueError, match=r"Received: .*\. Nothing was deleted\. Move .*paths\.phantoms"
    ) as error:
        phantoms.refuse_others(folder)
    assert digests(folder) == before
    return str(error.value)


@pytest.mark.parametrize("made", [False, True])
def test_an_absent_or_empty_folder_is_free(made, tmp_path):
    if made:
        (tmp_path / "phantoms/train/fractured").mkdir(parents=True)
    phantoms.refuse_others(tmp_path / "phantoms")


@pytest.mark.parametrize("seed", [7, 8])
def test_what_was_drawn_may_be_drawn_anew(seed, tmp_path):
    phantoms.write(tmp_path, SETTINGS.model_copy(update={"fault_share": 0.5}), seed=seed, workers=1)
    next(tmp_path.glob("val/*/*")).unlink()
    lay(tmp_path / ".DS_Store")  # macOS leaves it where one looks
    phantoms.refuse_others(tmp_path)


@pytest.mark.parametrize(
    "name", ["mine.jpg", "train/fractured/mine.jpg", "other/deep/mine.dcm", "train/.mine"]
)
def test_a_file_of_another_origin_is_refused(name, drawn):
    lay(drawn / name)
    assert f"Received: files put or changed there (1): {name}. " in refused(drawn)


def test_files_without_tables_are_refused_and_the_first_named(tmp_path):
    for number in range(5):
        lay(tmp_path / f"train/fractured/{number}.jpg")
    shown = ", ".join(f"train/fractured/{number}.jpg" for number in range(3))
    assert f"Received: files put or changed there (5): {shown}. " in refused(tmp_path)


def test_a_link_is_refused_wherever_it_leads(drawn, tmp_path):
    lay(tmp_path / "mine/wrist.jpg")
    (drawn / "train/mine").symlink_to(tmp_path / "mine")
    (drawn / "lost.jpg").symlink_to(tmp_path / "nowhere")
    assert "(2): lost.jpg, train/mine. " in refused(drawn)


def test_a_link_or_a_file_in_the_folders_place_is_refused(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    lay(tmp_path / "file")
    for name in ("link", "lost", "file"):
        assert f"Received: {tmp_path / name}, a link or a file. " in refused(tmp_path / name)


TABLES = ["annotations.coco.json", "labels.csv", "faults.csv"]


@pytest.mark.reliability("a table of the phantoms edited by hand", "refused before anything is removed")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_a_table_that_somebody_changed_is_refused(table, share, drawn):
    data = (drawn / table).read_bytes()
    lay(drawn / table, data[: int(share * len(data))] + b"mine")
    assert f"Received: files put or changed there (1): {table}. " in refused(drawn)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_is_missing_leaves_phantoms_alone(table, drawn):
    (drawn / table).unlink()
    phantoms.refuse_others(drawn)


@pytest.mark.parametrize("share", [0, 0.5, None])
def test_a_torn_or_absent_record_vouches_for_nothing(share, drawn):
    data = (drawn / "SHA256SUMS").read_bytes()
    (drawn / "SHA256SUMS").unlink()
    if share is not None:
        lay(drawn / "SHA256SUMS", data[: int(share * len(data))])
    assert re.search(r"Received: files put or changed there \(\d\d\): ", refused(drawn))


def test_a_users_own_tables_vouch_for_nothing(tmp_path):
    lay(tmp_path / "train/fractured/mine.jpg")
    images = [{"file_name": "train/fractured/mine.jpg", "height": 9, "width": 9}]
    lay(tmp_path / "annotations.coco.json", json.dumps({"info": {}, "images": images}).encode())
    lay(tmp_path / "labels.csv", b"path,body_part,laterality,hardware\ntrain/fractured/mine.jpg,hand,L,no\n")
    assert "Received: files put or changed there (3): annotations.coco.json, labels.csv, train" in refused(
        tmp_path
    )


@pytest.mark.reliability("a radiograph under the name of a phantom", "refused before anything is removed")
@pytest.mark.parametrize("data", [b"no image", images.encode_png(np.zeros((90, 80), np.uint8))])
def test_another_image_under_a_drawn_name_is_refused(data, drawn):
    taken = sorted(found(drawn))[0]
    (drawn / taken).write_bytes(data)
    assert f"Received: files put or changed there (1): {taken}. " in refused(drawn)
