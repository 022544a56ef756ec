"""Bad input of the kinds whose labels are drawings: it costs itself alone, with file and reason."""

import json

import pytest

from pipeline.dataset import annotations
from pipeline.importing import record
from tests.importing import sources


def boxes(folder):
    drawn = annotations.read(folder / "annotations.coco.json").regions
    return {path.rsplit("/", 1)[-1]: [region.bbox for region in regions] for path, regions in drawn.items()}


@pytest.mark.reliability(
    "import voc: broken XML, box outside, missing picture", "left out with file and reason"
)
def test_bad_voc_files_cost_themselves_alone(root, bring):
    sources.voc(root)
    whole = (root / "Annotations/0.xml").read_text()
    sources.text(root / "Annotations/0.xml", whole[:-20])
    sources.text(root / "Annotations/1.xml", whole.replace("0.jpg", "1.jpg").replace("<xmax>70", "<xmax>500"))
    sources.text(root / "Annotations/gone.xml", whole.replace("0.jpg", "gone.jpg"))
    sources.text(
        root / "Annotations/2.xml", '<!DOCTYPE a [<!ENTITY b "c">]>' + whole.replace("0.jpg", "2.jpg")
    )
    sources.text(root / "Annotations/3.xml", whole.replace("0.jpg", "3.jpg").replace("fracture", ""))
    done = bring("voc")
    assert {("Annotations/0.xml", record.BROKEN), ("JPEGImages/0.jpg", record.BROKEN)} <= done.left_out
    assert {("Annotations/2.xml", record.BROKEN), ("JPEGImages/2.jpg", record.BROKEN)} <= done.left_out
    assert {
        ("Annotations/3.xml", record.UNKNOWN_CLASS),
        ("JPEGImages/3.jpg", record.UNKNOWN_CLASS),
    } <= done.left_out
    assert {("Annotations/1.xml", record.OUTSIDE), ("Annotations/gone.xml", record.MISSING)} <= done.left_out
    assert done.figures["used"] == {"radiographs": 21, "fractured": 9, "not_fractured": 12, "regions": 8}
    assert "train/fractured/1.jpg" in done.paths  # a fracture whose box is lost stays one


def test_two_voc_files_that_contradict_cost_the_picture(root, bring):
    sources.voc(root)
    objects = sources.OBJECT.format(name="metal")
    sources.text(root / "Annotations/again.xml", sources.VOC.format(name="0.jpg", objects=objects))
    done = bring("voc")
    assert done.left_out == {("JPEGImages/0.jpg", record.TWO_LABELS)}
    assert done.figures["used"]["radiographs"] == 23


@pytest.mark.reliability(
    "import yolo: unknown class, box outside, short row", "left out with file, line and reason"
)
def test_bad_yolo_rows_cost_themselves_alone(root, bring):
    sources.yolo(root)
    labels = root / "train/labels"
    sources.text(labels / "0.txt", f"7 {sources.YOLO}\n")
    sources.text(labels / "1.txt", f"1 {sources.YOLO}\n1 0.99 0.5 0.2 0.1\n1 0.5 0.5\nx 1\n")
    sources.text(labels / "2.txt", "")
    sources.text(labels / "gone.txt", "")
    (labels / "3.txt").unlink()
    done = bring("yolo")
    assert done.left_out == {
        ("train/labels/0.txt, line 1", record.UNKNOWN_CLASS),
        ("train/images/0.jpg", record.UNKNOWN_CLASS),
        ("train/labels/1.txt, line 2", record.OUTSIDE),
        ("train/labels/1.txt, line 3", record.BAD_ROW),
        ("train/labels/1.txt, line 4", record.UNKNOWN_CLASS),
        ("train/labels/gone.txt", record.MISSING),
        ("train/images/3.jpg", record.NO_LABEL),
    }
    assert boxes(done.folder)["1.jpg"] == [sources.BOX]
    assert "train/not fractured/2.jpg" in done.paths


def test_yolo_polygons_lie_in_pixels(root, bring):
    sources.yolo(root)
    sources.text(root / "train/labels/0.txt", "1 0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5\n")
    (region,) = annotations.read(bring("yolo").folder / "annotations.coco.json").regions[
        "train/fractured/0.jpg"
    ]
    assert region.bbox == (40.0, 50.0, 40.0, 50.0)
    assert region.polygons[0].tolist() == [[40, 50], [80, 50], [80, 100], [40, 100]]


def test_pictures_without_a_label_count_as_sound_where_the_user_says_so(root, bring):
    sources.yolo(root)
    for path in (root / "train/labels").glob("[4-7].txt"):
        path.unlink()
    assert bring("yolo").figures["used"]["not_fractured"] == 8
    assert bring("yolo", background=True).figures["used"]["not_fractured"] == 12


def test_the_folders_of_data_yaml_tell_the_splits(root, bring):
    sources.yolo(root)
    for name, other in (("train", "a"), ("valid", "b"), ("test", "c")):
        (root / name).rename(root / other)
    sources.text(
        root / "data.yaml", "train: a/images\nval: b/images\ntest: c/images\nnames: {0: elbow, 1: fracture}\n"
    )
    done = bring("yolo")
    assert done.figures["split"] == "as published"
    assert {"train/fractured/0.jpg", "val/fractured/100.jpg", "test/fractured/200.jpg"} <= {*done.paths}


@pytest.mark.reliability("import yolo: data.yaml whose aliases unfold to gigabytes", "read without them")
def test_what_is_no_path_in_data_yaml_is_never_unfolded(root, bring):
    sources.yolo(root)
    rows = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for inner, outer in zip("abcdefgh", "bcdefghi", strict=True):
        rows.append(f"{outer}: &{outer} [{', '.join(['*' + inner] * 9)}]")
    sources.text(
        root / "data.yaml", "\n".join([*rows, "path: *i", "train: *i", "names: [elbow, fracture]\n"])
    )
    assert bring("yolo").figures["used"]["fractured"] > 0


def test_several_classes_of_fractures_are_asked_for(root, bring):
    sources.yolo(root)
    sources.text(root / "data.yaml", "names: [elbow fracture, wrist fracture]\n")
    with pytest.raises(ValueError, match=r"set --fractured NAME .*'elbow fracture'"):
        bring("yolo")
    done = bring("yolo", fractured=("elbow fracture", "wrist fracture"))
    assert done.figures["used"]["fractured"] == 24
    with pytest.raises(ValueError, match=r"--fractured must name categories .* Received: 'hip'"):
        bring("yolo", fractured=("hip",))


@pytest.mark.reliability(
    "import coco: broken JSON, unknown category, no picture", "left out with file and reason"
)
def test_bad_coco_entries_cost_themselves_alone(root, bring):
    sources.coco_export(root)
    path = root / "train/_annotations.coco.json"
    values = json.loads(path.read_text())
    values["annotations"][0]["category_id"] = 9
    values["annotations"][1]["bbox"] = [150, 50, 30, 20]
    values["annotations"][2]["image_id"] = 77
    values["annotations"].append(
        {"id": 60, "image_id": 3, "category_id": 1, "segmentation": {"size": [9, 9], "counts": [40, 1, 40]}}
    )
    values["images"].append({"id": 50, "file_name": "gone.png"})
    sources.text(path, json.dumps(values))
    sources.text(root / "torn.json", path.read_text()[:99])
    done = bring("coco")
    where = "train/_annotations.coco.json"
    assert done.left_out == {
        (f"{where}, annotation 0", record.UNKNOWN_CLASS),
        ("train/0.png", record.UNKNOWN_CLASS),
        (f"{where}, annotation 1", record.OUTSIDE),
        (f"{where}, annotation 60", record.BAD_ROW),
        (where, record.BAD_ROW),
        ("gone.png", record.MISSING),
        ("torn.json", record.BROKEN),
    }


def test_two_coco_files_that_contradict_cost_the_picture(root, bring):
    sources.coco_export(root)
    sources.coco(root / "more/all.json", {"train/0.png": False, "train/1.png": True})
    done = bring("coco")
    assert done.left_out == {("train/0.png", record.TWO_LABELS)}
    assert boxes(done.folder)["1.png"] == [sources.BOX]


def test_a_picture_that_one_split_lacks_is_not_taken_from_another(root, bring):
    sources.coco_export(root)
    path = root / "valid/_annotations.coco.json"
    sources.text(path, path.read_text().replace('"100.png"', '"0.png"'))
    done = bring("coco")
    assert done.left_out == {("0.png", record.MISSING), ("valid/100.png", record.NO_LABEL)}
    assert "train/fractured/0.png" in done.paths


def test_coco_boxes_in_shares_lie_in_pixels(root, bring):
    sources.coco_export(root)
    for path in root.rglob("*.json"):
        values = json.loads(path.read_text())
        for one in values["annotations"]:
            one |= {"bbox": [0.25, 0.25, 0.1875, 0.1], "area": None}
        sources.text(path, json.dumps(values))
    assert boxes(bring("coco").folder)["0.png"] == [sources.BOX]


@pytest.mark.reliability(
    "import cvat: box outside, unknown label, missing picture", "left out with file and reason"
)
def test_bad_cvat_shapes_cost_themselves_alone(root, bring):
    sources.cvat(root)
    path = root / "annotations.xml"
    box = '<box label="fracture" xtl="40" ytl="50" xbr="70" ybr="70" occluded="0" z_order="0"></box>'
    bad = [box.replace("70", "700"), box.replace("fracture", "hip"), box.replace("40", "x")]
    bad.append('<polyline label="fracture" points="1,2;3,4"/>')
    content = path.read_text()
    for seed, one in enumerate(bad):
        start = content.index(box, content.index(f'name="{seed}.png"'))
        content = content[:start] + one + content[start + len(box) :]
    sources.text(path, content.replace('name="7.png"', 'name="gone.png"'))
    done = bring("cvat")
    assert done.left_out == {
        ("images/0.png", record.OUTSIDE),
        ("images/1.png", record.UNKNOWN_CLASS),
        ("images/2.png", record.BAD_ROW),
        ("images/3.png", record.BAD_ROW),
        ("gone.png", record.MISSING),
        ("images/7.png", record.NO_LABEL),
    }
    assert done.figures["used"] == {"radiographs": 22, "fractured": 11, "not_fractured": 11, "regions": 8}


def test_cvat_tags_are_labels_and_turned_boxes_polygons(root, bring):
    sources.cvat(root)
    path = root / "annotations.xml"
    content = path.read_text().replace("></image>", '><tag label="metal"/></image>')
    tag = content.replace('ybr="70"', 'ybr="70" rotation="90"', 1)
    sources.text(path, tag)
    done = bring("cvat")
    assert done.figures["used"] == {"radiographs": 24, "fractured": 12, "not_fractured": 12, "regions": 12}
    assert boxes(done.folder)["0.png"] == [(45.0, 45.0, 20.0, 30.0)]


def test_a_cvat_image_without_a_tag_has_a_label_only_where_a_fracture_is_drawn(root, bring):
    sources.cvat(root)
    path = root / "annotations.xml"
    content = path.read_text().replace("></image>", '><tag label="metal"/></image>')
    box = '<box label="metal" xtl="1" ytl="1" xbr="9" ybr="9"/>'
    for number, shapes in (
        (4, box),
        (5, ""),
        (6, box.replace("metal", "hip")),
        (7, box.replace("metal", "fracture")),
    ):
        start = content.index(f'name="{number}.png"')
        end = content.index('<tag label="metal"/>', start)
        content = content[:end] + shapes + content[end + len('<tag label="metal"/>') :]
    for number in range(4):
        start = content.index('<tag label="metal"/>', content.index(f'name="{number}.png"'))
        content = content[:start] + content[start + len('<tag label="metal"/>') :]
    sources.text(path, content)
    done = bring("cvat")
    unlabelled = {("images/4.png", record.NO_LABEL), ("images/5.png", record.NO_LABEL)}
    assert done.left_out == {*unlabelled, ("images/6.png", record.UNKNOWN_CLASS)}
    assert done.figures["used"] == {"radiographs": 21, "fractured": 13, "not_fractured": 8, "regions": 13}
    assert bring("cvat", background=True).figures["used"]["not_fractured"] == 10


def test_a_broken_cvat_file_leaves_nothing_to_use(root, bring):
    sources.cvat(root)
    path = root / "annotations.xml"
    sources.text(path, path.read_text()[:-3])
    with pytest.raises(
        ValueError, match=r"import cvat needs annotations.xml .*annotations.xml: no well-formed XML"
    ):
        bring("cvat")


@pytest.mark.parametrize(
    ("kind", "of", "old", "new"),
    [
        ("voc", "Annotations/0.xml", "<xmin>40</xmin><ymin>50</ymin><xmax>70</xmax>",
         "<xmin>70</xmin><ymin>50</ymin><xmax>40</xmax>"),
        ("cvat", "annotations.xml", 'xtl="40" ytl="50" xbr="70" ybr="70"',
         'xtl="70" ytl="70" xbr="40" ybr="50"'),
    ],
)  # fmt: skip
@pytest.mark.reliability("import voc, cvat: corners of a box in the other order", "the same box")
def test_corners_may_come_in_any_order(root, bring, kind, of, old, new):
    getattr(sources, kind)(root)
    sources.text(root / of, (root / of).read_text().replace(old, new))
    drawn = [box for each in boxes(bring(kind).folder).values() for box in each]
    assert drawn == [sources.BOX] * 12


@pytest.mark.reliability("import voc: lists of the splits with paths and suffixes", "the split is kept")
def test_lists_of_voc_may_name_files_with_paths_and_suffixes(root, bring):
    sources.voc(root)
    lists = root / "ImageSets/Main"
    for path, form in ((lists / "train.txt", "{}.jpg"), (lists / "val.txt", "D:\\JPEGImages\\{}.JPG  1")):
        sources.text(path, "".join(f"{form.format(line)}\n" for line in path.read_text().split()))
    done = bring("voc")
    assert done.figures["split"] == "as published"
    assert {"train/fractured/0.jpg", "val/fractured/100.jpg", "test/fractured/200.jpg"} <= {*done.paths}


@pytest.mark.reliability("import yolo: two YAML files that number the classes otherwise", "F: names both")
def test_classes_of_two_files_that_differ_are_refused(root, bring):
    sources.yolo(root)
    sources.text(root / "old/data.yaml", "names: [fracture, elbow]\n")
    with pytest.raises(
        ValueError, match=r"old/data\.yaml must number the classes as .*'0': 'fracture'.*elbow"
    ):
        bring("yolo")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("names:\n\t- elbow\n", r"data\.yaml: .*'\\t'"),
        ("names: elbow, fracture\n", r"data\.yaml: `names` must list .* Received: 'elbow, fracture'"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nnames: [*b, *b]\n", r"data\.yaml: `names` must list .*\[\[\["),
    ],
)
@pytest.mark.reliability(
    "import yolo: data.yaml broken, or without plain names", "F: says what is wrong with it"
)
def test_a_broken_data_yaml_is_named_where_classes_are_asked_for(root, bring, content, told):
    sources.yolo(root)
    sources.text(root / "data.yaml", content)
    with pytest.raises(ValueError, match=rf"(?s)set --fractured NAME.*{told}"):
        bring("yolo")


@pytest.mark.reliability("import yolo: Images, Labels, .TXT and names in other letters", "joined")
def test_yolo_files_join_in_any_letter_case(root, bring):
    sources.yolo(root)
    for split in sources.SPLITS:
        (root / split / "labels").rename(root / split / "LABELS")
        (root / split / "images").rename(root / split / "Images")
    for path in [*(root / "train/LABELS").iterdir()]:
        path.rename(path.with_name(f"A{path.stem}.TXT"))
        picture = root / f"train/Images/{path.stem}.jpg"
        picture.rename(picture.with_name(f"a{path.stem}.JPG"))
    sources.text(root / "data.yaml", "names: [elbow, fracture]\n")
    assert bring("yolo").figures["used"] == {
        "radiographs": 24, "fractured": 12, "not_fractured": 12, "regions": 12,
    }  # fmt: skip


@pytest.mark.reliability("import coco: no categories", "its one class is the fractures; of several it asks")
def test_coco_without_categories_is_one_class(root, bring):
    sources.coco_export(root)
    for path in root.rglob("*.json"):
        sources.text(path, json.dumps(json.loads(path.read_text()) | {"categories": []}))
    assert bring("coco").figures["used"]["fractured"] == 12
    values = json.loads(path.read_text())
    values["annotations"][0]["category_id"] = 2
    sources.text(path, json.dumps(values))
    with pytest.raises(ValueError, match=r"--fractured NAME .*id 1: 11 annotations.*id 2: 1 annotations"):
        bring("coco")


def test_a_fracture_that_is_drawn_twice_alike_is_one(root, bring):
    sources.coco_export(root)
    path = root / "train/_annotations.coco.json"
    values = json.loads(path.read_text())
    values["annotations"].append(values["annotations"][0] | {"id": 99})
    sources.text(path, json.dumps(values))
    done = bring("coco")
    assert done.figures["used"]["regions"] == 12
    assert done.left_out == {("train/0.png", record.REPEATED)}
