"""YOLO: which class a number means, which label file is a picture's, and which split a picture is in."""

import pandas as pd
import pytest

from pipeline.importing import record
from tests.importing import sources

CLASSES = {"a": "fracture\nmetal\n", "b": "metal\nfracture\n"}


def fractured(done):
    """Sources of the pictures that are fractured."""
    table = pd.read_csv(done.folder / "sources.csv", dtype=str)
    return {*table[table["path"].str.contains("/fractured/")]["source"]}


def splits(done):
    table = pd.read_csv(done.folder / "sources.csv", dtype=str)
    return dict(
        zip(table["source"].str.rsplit("/", n=1).str[-1], table["path"].str.split("/").str[0], strict=True)
    )


def draw(root, place, numbers, labels=""):
    """Draw pictures whose one box is of the class of their number's last digit."""
    for number in numbers:
        sources.draw(root / place / f"{number}.png", number)
        sources.text(root / (labels or place) / f"{number}.txt", f"{number % 10} {sources.YOLO}\n")


def two_folders(root, labels="{}"):
    for place, tens in (("a", 10), ("b", 20)):
        draw(root, place if labels == "{}" else f"images/{place}", (tens, tens + 1), labels.format(place))


@pytest.mark.parametrize("labels", ["{}", "labels/{}"])
def test_the_nearest_list_of_classes_numbers_a_label_file(root, bring, labels):
    two_folders(root, labels)
    for place, content in CLASSES.items():
        sources.text(root / labels.format(place) / "classes.txt", content)
    sources.text(root / "classes.txt", "wire\n")
    done = bring("yolo")
    assert ({path[-6:] for path in fractured(done)}, done.left_out) == ({"10.png", "21.png"}, set())


def test_a_list_of_fewer_classes_holds_where_no_other_contradicts(root, bring):
    two_folders(root)
    sources.text(root / "a/classes.txt", "fracture\n")
    sources.text(root / "c/classes.txt", CLASSES["a"])
    done = bring("yolo")
    assert {path[-6:] for path in fractured(done)} == {"10.png", "20.png"}
    assert done.left_out == {("a/11.txt, line 1", record.UNKNOWN_CLASS), ("a/11.png", record.UNKNOWN_CLASS)}


def test_label_files_far_from_lists_that_contradict_are_refused(root, bring):
    two_folders(root, "labels/{}")
    for place, content in CLASSES.items():
        sources.text(root / f"images/{place}/classes.txt", content)
    with pytest.raises(ValueError, match=r"labels/a/10\.txt must have a classes\.txt in its folder"):
        bring("yolo")


@pytest.mark.parametrize("name", ["a/classes.txt", "obj.names", "Classes.txt"])
def test_a_list_of_classes_that_contradicts_data_yaml_is_refused(root, bring, name):
    two_folders(root)
    sources.text(root / "data.yaml", "names: [fracture, metal]\n")
    sources.text(root / name, CLASSES["a"].title())
    assert len(fractured(bring("yolo"))) == 2
    sources.text(root / name, CLASSES["b"])
    with pytest.raises(ValueError, match=rf"{name} must number the classes as .*'metal'.*Remove the one"):
        bring("yolo")


def test_an_empty_line_in_a_list_of_classes_counts(root, bring):
    two_folders(root)
    draw(root, "a", (12,))
    sources.text(root / "classes.txt", "metal\n\nfracture\n\n")
    done = bring("yolo")
    assert fractured(done) == {"a/12.png"}
    assert ("a/11.txt, line 1", record.UNKNOWN_CLASS) in done.left_out
    sources.text(root / "classes.txt", "\nmetal\nfracture\n")
    with pytest.raises(ValueError, match=r"classes\.txt must begin with a class"):
        bring("yolo")


@pytest.mark.parametrize(
    "base", ["/kaggle/working/ds/images/", "C:\\ds\\images\\", "./images/", "images/", ""]
)
@pytest.mark.parametrize("where", ["{}.txt", "/kaggle/working/ds/{}.txt", "data/{}.txt"])
def test_lists_of_splits_that_stem_from_elsewhere_are_kept(root, bring, base, where):
    draw(root, "images", range(10, 22), "labels")
    listed = {"train": range(10, 16), "val": range(16, 19), "test": range(19, 22)}
    for split, numbers in listed.items():
        sources.text(root / f"{split}.txt", "".join(f"{base}{number}.png\n" for number in numbers))
    places = "".join(f"{split}: {where.format(split)}\n" for split in listed)
    sources.text(root / "data.yaml", f"path: /kaggle/working/ds\n{places}names: {[*'fabcdefghi']}\n")
    done = bring("yolo", fractured=("f",))
    assert (done.figures["split"], done.left_out) == ("as published", set())
    assert splits(done) == {f"{number}.png": split for split, numbers in listed.items() for number in numbers}


def test_rows_of_a_list_and_splits_that_are_not_there_are_said(root, bring):
    draw(root, "images", range(10, 22), "labels")
    sources.text(root / "train.txt", "".join(f"/x/{number}.png\n" for number in range(10, 30)))
    sources.text(root / "data.yaml", f"train: train.txt\nval: /x/val\nnames: {[*'fabcdefghi']}\n")
    done = bring("yolo", fractured=("f",))
    assert done.left_out == {("train.txt", record.MISSING), ("data.yaml", record.MISSING)}
    told = (done.folder / "left_out.csv").read_text()
    assert "of 20 pictures that it lists, 8 are not there; the first: '/x/22.png'" in told
    assert "`val` names '/x/val', and no labelled picture is there" in told


def test_folders_of_splits_on_another_machine_are_kept(root, bring):
    draw(root, "one/images", range(10, 16), "one/labels")
    draw(root, "two/images", range(16, 22), "two/labels")
    sources.text(
        root / "data.yaml",
        f"train: /content/ds/one/images\nval: /content/ds/two/images\nnames: {[*'fabcdefghi']}\n",
    )
    done = bring("yolo", fractured=("f",))
    assert done.figures["split"] == "as published, test taken from train by file (15%)"
    assert {splits(done)[f"{number}.png"] for number in range(16, 22)} == {"val"}


def test_a_folder_that_is_named_and_not_there_takes_none_from_another_split(root, bring):
    draw(root, "one/images", range(10, 22), "one/labels")
    sources.text(root / "data.yaml", f"train: one/images\nval: two/images\nnames: {[*'fabcdefghi']}\n")
    assert bring("yolo", fractured=("f",)).left_out == {("data.yaml", record.MISSING)}


@pytest.mark.parametrize("with_lists", [True, False])
def test_the_subsets_of_cvat_are_splits(root, bring, with_lists):
    sources.text(root / "obj.names", "".join(f"{name}\n" for name in "fabcdefghi"))
    names = {"Train": "train", "Validation": "valid", "Test": "test"}
    keys = "".join(f"{key} = data/{subset}.txt\n" for subset, key in names.items())
    for tens, subset in enumerate(names):
        numbers = range(10 * tens, 10 * tens + 4)
        place = f"obj_{subset}_data"
        draw(root, place, numbers)
        if with_lists:
            rows = "".join(f"data/{place}/{number}.png\n" for number in numbers)
            sources.text(root / f"{subset}.txt", rows)
            sources.text(root / "obj.data", f"classes = 10\n{keys}names = data/obj.names\nbackup = backup/\n")
    done = bring("yolo", fractured=("f",))
    assert (done.figures["split"], done.left_out) == ("as published", set())
    assert (splits(done)["0.png"], splits(done)["10.png"], splits(done)["20.png"]) == ("train", "val", "test")


def test_the_lists_of_obj_data_are_no_label_files(root, bring):
    draw(root, "obj_train_data", range(10, 22))
    sources.text(root / "obj.names", "".join(f"{name}\n" for name in "fabcdefghi"))
    sources.text(root / "obj.data", "Train = data/fold_1.txt\nvalid = data/fold_2.txt\n")
    for fold, numbers in ((1, range(10, 18)), (2, range(18, 22))):
        rows = "".join(f"data/obj_train_data/{number}.png\n" for number in numbers)
        sources.text(root / f"fold_{fold}.txt", rows)
    done = bring("yolo", fractured=("f",))
    assert (done.left_out, splits(done)["18.png"]) == (set(), "val")


@pytest.mark.parametrize("folder", ["labels", "LABELS"])
def test_pictures_that_differ_in_letter_case_have_their_own_label_files(root, bring, folder):
    draw(root, "images", range(10, 14), folder)
    sources.text(root / "classes.txt", "metal\nwire\ntext\nbone\nfracture\n")
    for name, number in (("A", 4), ("a", 0)):
        sources.draw(root / f"images/{name}.png", ord(name))
        sources.text(root / f"{folder}/{name}.txt", f"{number} {sources.YOLO}\n")
    done = bring("yolo", fractured=("fracture",))
    assert (fractured(done), done.left_out) == ({"images/A.png"}, set())


@pytest.mark.parametrize("background", [False, True])
def test_a_label_file_of_two_pictures_in_other_letters_is_nobodys(root, bring, background):
    draw(root, "images", range(10, 14), "labels")
    sources.text(root / "classes.txt", "fracture\nwire\ntext\nbone\n")
    for name in ("AB", "ab"):
        sources.draw(root / f"images/{name}.png", ord(name[0]))
    sources.text(root / "labels/Ab.txt", f"0 {sources.YOLO}\n")
    done = bring("yolo", background=background)
    assert done.left_out == {("images/AB.png", record.AMBIGUOUS), ("images/ab.png", record.AMBIGUOUS)}
    assert "labels/Ab.txt and images/AB.png and images/ab.png" in (done.folder / "left_out.csv").read_text()
