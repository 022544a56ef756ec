"""Which picture a label file means: where several bear its name, or names contradict, none is guessed."""

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.dataset import annotations
from pipeline.importing import record
from tests.importing import sources


def drawn(folder):
    regions = annotations.read(folder / "annotations.coco.json").regions
    return {path.split("/", 1)[1]: [int(one.bbox[0]) for one in same] for path, same in regions.items()}


def of_sources(done, label):
    """Sources of the pictures of a class."""
    table = pd.read_csv(done.folder / "sources.csv", dtype=str)
    kept = table[table["path"].str.contains(f"/{label}/")]
    return {*kept["source"]}


def draw_voc(path, picture, filename, left=None):
    """Write a VOC file with one fracture, or none, and its picture."""
    objects = "" if left is None else sources.OBJECT.format(name="fracture").replace(">40<", f">{left}<")
    sources.text(path, sources.VOC.format(name=filename, objects=objects))
    if picture is not None and not picture.is_file():
        sources.draw(picture, len(path.stem) + ord(path.stem[-1]) + 97 * len(str(picture.parent)))


def numbered(root, pictures="{}.jpg", files="{}.xml", first=10):
    """Write ten VOC files whose names all agree, half of them of fractures."""
    for number in range(first, first + 10):
        draw_voc(
            root / files.format(number),
            root / pictures.format(number),
            f"{number}.jpg",
            40 if number % 2 else None,
        )


def test_a_stale_filename_of_voc_never_swaps_labels(root, bring, caplog):
    numbered(root)
    draw_voc(root / "001.xml", root / "001.jpg", "002.jpg", 40)
    draw_voc(root / "002.xml", root / "002.jpg", "001.jpg")
    done = bring("voc")
    assert not done.left_out
    assert "001.jpg" in of_sources(done, "fractured")
    assert "002.jpg" in of_sources(done, "not fractured")
    assert "2 VOC files bear the name of one picture" in caplog.text
    assert "001.xml names '002.jpg'" in caplog.text


@pytest.mark.parametrize(("pictures", "files"), [("{}.jpg", "{}.xml"), ("images/{}.jpg", "xml/{}.xml")])
def test_a_filename_that_an_augmentation_copied_moves_no_box(root, bring, pictures, files):
    numbered(root, pictures, files)
    draw_voc(root / files.format("a"), root / pictures.format("a"), "a.jpg", 10)
    draw_voc(root / files.format("a_flip"), root / pictures.format("a_flip"), "a.jpg", 60)
    done = bring("voc")
    assert not done.left_out
    boxes = drawn(done.folder)
    assert (boxes["fractured/a.jpg"], boxes["fractured/a_flip.jpg"]) == ([10], [60])


def test_two_voc_files_never_share_a_picture_by_filename(root, bring):
    numbered(root)
    draw_voc(root / "a.xml", root / "a.jpg", "a.jpg", 10)
    draw_voc(root / "a_flip.xml", None, "a.jpg", 60)
    assert bring("voc").left_out == {("a.jpg", record.TWO_LABELS)}
    assert bring("voc", background=True).left_out == {("a.jpg", record.TWO_LABELS)}


def test_a_filename_counts_where_no_picture_bears_the_name_of_the_voc_file(root, bring):
    numbered(root)
    draw_voc(root / "export_1.xml", root / "a.jpg", "a.jpg", 10)
    done = bring("voc")
    assert (done.left_out, drawn(done.folder)["fractured/a.jpg"]) == (set(), [10])


def test_a_picture_that_one_folder_of_voc_lacks_is_not_taken_from_another(root, bring):
    numbered(root, "train/{}.jpg", "train/{}.xml")
    numbered(root, "valid/{}.jpg", "valid/{}.xml", first=40)
    draw_voc(root / "train/55.xml", None, "55.jpg", 40)
    sources.draw(root / "valid/55.jpg", 55)
    assert bring("voc").left_out == {("train/55.xml", record.MISSING), ("valid/55.jpg", record.NO_LABEL)}


@pytest.mark.parametrize("files", ["annotations/{}", "{}/Annotations", "labels/voc/{}", "{}/xml/all"])
def test_voc_files_mean_the_pictures_of_the_folder_like_their_own(root, bring, files):
    for place, shift in (("train", 0), ("val", 1)):
        for number in range(10, 20):
            left = 40 if (number + shift) % 2 else None
            path = root / files.format(place) / f"{number}.xml"
            draw_voc(path, root / f"images/{place}/{number}.jpg", f"{number}.jpg", left)
    done = bring("voc")
    assert not done.left_out
    odd, even = ({f"images/{place}/{n}.jpg" for n in range(10 + shift, 20, 2)} for place, shift in
                 (("train", 1), ("val", 0)))  # fmt: skip
    assert of_sources(done, "fractured") == odd | even
    assert done.figures["split"].startswith("as published")


@pytest.mark.parametrize("background", [False, True])
def test_voc_files_of_a_name_of_two_pictures_say_which(root, bring, background):
    numbered(root, "images/{}.jpg", "labels/{}.xml")
    draw_voc(root / "labels/a.xml", root / "images/a.jpg", "a.jpg", 40)
    sources.draw(root / "more/a.jpg", 99)
    done = bring("voc", background=background)
    assert done.left_out == {("images/a.jpg", record.AMBIGUOUS), ("more/a.jpg", record.AMBIGUOUS)}
    told = (done.folder / "left_out.csv").read_text()
    assert "labels/a.xml names 'a', and 2 pictures have this name: images/a.jpg and more/a.jpg" in told


@pytest.mark.parametrize(
    ("files", "written"),
    [
        ("annotations/instances_{}2017.json", "{}.png"),
        ("annotations/{}/all.json", "{}.png"),
        ("{}.json", "C:\\old\\{}.png"),
    ],
)
def test_coco_files_mean_the_pictures_of_their_own_split(root, bring, files, written):
    for place, names in (("train", {10: True, 11: False}), ("val", {10: False, 11: True})):
        for number in names:
            sources.draw(root / f"images/{place}/{number}.png", number + 50 * len(place))
        content = {written.format(number): label for number, label in names.items()}
        sources.coco(root / files.format(place), content)
    done = bring("coco")
    assert not done.left_out
    assert of_sources(done, "fractured") == {"images/train/10.png", "images/val/11.png"}


def test_a_split_in_the_name_of_a_picture_goes_before_that_of_its_coco_file(root, bring):
    for place in ("train", "val"):
        for number in (10, 11, 12):
            sources.draw(root / f"images/{place}/{number}.png", number + 50 * len(place))
    split = {"train/10.png": True, "train/11.png": False, "val/12.png": True}
    sources.coco(root / "annotations/train.json", split)
    split = {"val/10.png": False, "val/11.png": False, "train/12.png": True}
    sources.coco(root / "annotations/val.json", split)
    done = bring("coco")
    assert not done.left_out
    assert of_sources(done, "fractured") == {
        "images/train/10.png",
        "images/train/12.png",
        "images/val/12.png",
    }


def test_coco_files_named_like_folders_mean_their_pictures(root, bring):
    for place, label in (("ward_a", True), ("ward_b", False)):
        for number in (10, 11):
            sources.draw(root / f"images/{place}/{number}.png", number + ord(place[-1]))
        sources.coco(root / f"{place}.json", {"10.png": label, "11.png": label})
    assert of_sources(bring("coco"), "fractured") == {"images/ward_a/10.png", "images/ward_a/11.png"}


def test_the_subset_of_cvat_tells_pictures_of_one_name_apart(root, bring):
    sources.cvat(root)
    path = root / "annotations.xml"
    content = path.read_text()
    for split, _, seed in sources.cases():
        subset, number = {"valid": "Validation"}.get(split, split.title()), seed % 100
        place = root / f"images/{subset}/{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        (root / f"images/{seed}.png").rename(place)
        content = content.replace(f'name="{seed}.png"', f'name="{number}.png"')
    sources.text(path, content)
    done = bring("cvat")
    assert (done.left_out, done.figures["used"]["regions"]) == (set(), 12)
    fractured = {f"images/{name}/{n}.png" for name in ("Train", "Validation", "Test") for n in range(4)}
    assert of_sources(done, "fractured") == fractured


def test_a_name_of_two_pictures_costs_these_alone(root, bring):
    sources.coco_export(root)
    for place in ("a", "b"):
        sources.draw(root / f"more/{place}/twice.png", ord(place))
    sources.coco(root / "all.json", {"twice.png": True})
    for background in (False, True):
        done = bring("coco", background=background)
        assert done.left_out == {(f"more/{place}/twice.png", record.AMBIGUOUS) for place in "ab"}


@pytest.mark.parametrize("form", ["pascalvoc", "yolov5"])
def test_grazpedwri_passes_over_the_copies_for_yolov5(root, bring, form):
    sources.grazpedwri(root)
    for path in [*root.glob("images_part*/*.png")]:
        copy = root / f"folder_structure/yolov5/images/train/{path.name}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(cv2.imencode(".png", np.full((200, 160), 9, np.uint8))[1].tobytes())
    if form == "yolov5":
        for path in [*(root / "folder_structure/pascalvoc").iterdir()]:
            number = 3 if "<name>fracture" in path.read_text() else 8
            sources.text(root / f"folder_structure/yolov5/labels/{path.stem}.txt", f"{number} {sources.YOLO}")
            path.unlink()
    done = bring("grazpedwri")
    assert (done.left_out, done.figures["pictures"]) == (set(), 36)
    assert done.figures["used"] == {"radiographs": 36, "fractured": 18, "not_fractured": 18, "regions": 18}
    assert all(path.startswith("images_part") for path in of_sources(done, "fractured"))
