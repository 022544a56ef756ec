"""Bad input of the kinds whose labels stand in tables, folders or headers."""

import csv

import pandas as pd
import pytest

from pipeline.commands import import_source
from pipeline.importing import mura, record
from tests.importing import sources


def change(path, changes, drop=()):
    """Rewrite cells of a table by the row's number."""
    with path.open() as file:
        rows = [row for place, row in enumerate(csv.DictReader(file)) if place not in drop]
    for place, values in changes.items():
        rows[place] |= values
    sources.table(path, rows)


@pytest.mark.parametrize("kind", import_source.READERS)
@pytest.mark.reliability(
    "import of a folder that is not of that kind", "F: says what was looked for, what is there"
)
def test_a_folder_of_another_kind_is_refused(root, bring, kind, tmp_path):
    sources.text(root / "holiday/notes.txt", "no radiographs")
    with pytest.raises(
        ValueError, match=rf"import {kind} needs .* Received: .*source, which holds holiday\b"
    ):
        bring(kind)
    assert not (tmp_path / "ours").exists()


@pytest.mark.reliability("import fracatlas: label and table differ, no file", "left out with file and reason")
def test_fracatlas_rows_that_contradict_cost_themselves_alone(root, bring):
    sources.fracatlas(root)
    top = root / "FracAtlas"
    change(top / "dataset.csv", {0: {"fractured": 0}, 1: {"image_id": "gone.jpg"}, 2: {"leg": 1}})
    with (top / "dataset.csv").open("a") as file:
        file.write("IMG0000003.jpg,0,1,0,0,0,0,0,1,1,1,0,0\n")
    sources.text(top / "Utilities/Fracture Split/test.csv", "")
    sources.draw(top / "images/IMG9.jpg", 9)
    done = bring("fracatlas")
    images = {
        ("FracAtlas/images/Fractured/IMG0000000.jpg", record.TWO_LABELS),
        ("FracAtlas/images/IMG9.jpg", record.NO_LABEL),
    }
    twice = ("FracAtlas/images/Fractured/IMG0000003.jpg", record.TWO_LABELS)
    assert done.left_out == {*images, twice, ("gone.jpg", record.MISSING)}
    labels = pd.read_csv(done.folder / "labels.csv", keep_default_na=False).set_index("path")
    assert labels.loc["train/fractured/IMG0000002.jpg", "body_part"] == "mixed"
    assert labels.loc["val/fractured/IMG0000100.jpg", "body_part"] == "hand"
    assert not {"fractured", "fracture_count", "image_id"} & {*labels}


@pytest.mark.parametrize("form", ["PASCAL VOC", "YOLO"])
def test_fracatlas_boxes_come_from_what_is_there(root, bring, form):
    sources.fracatlas(root)
    folder = root / "FracAtlas/Annotations"
    (folder / "COCO JSON/COCO_fracture_masks.json").unlink()
    for path in (root / "FracAtlas/images/Fractured").iterdir():
        objects = sources.OBJECT.format(name="fractured")
        content = (
            sources.VOC.format(name=path.name, objects=objects) if form != "YOLO" else f"0 {sources.YOLO}\n"
        )
        sources.text(folder / form / f"{path.stem}{'.txt' if form == 'YOLO' else '.xml'}", content)
    done = bring("fracatlas")
    assert (done.left_out, done.figures["used"]["regions"]) == (set(), 12)


@pytest.mark.reliability(
    "import grazpedwri: no picture, broken XML, drawn on a sound one", "left out with reason"
)
def test_grazpedwri_rows_that_contradict_cost_themselves_alone(root, bring):
    sources.grazpedwri(root)
    change(root / "dataset.csv", {0: {"filestem": "gone"}, 6: {"metal": "1.0"}})
    stems = [f"{seed:04}_0123456789_01_WRI-L1_M010" for seed in (0, 1, 2, 6)]
    folder = root / "folder_structure/pascalvoc"
    sources.text(folder / f"{stems[1]}.xml", "<annotation>")
    both = sources.OBJECT.format(name="fracture")
    sources.text(folder / f"{stems[3]}.xml", sources.VOC.format(name=f"{stems[3]}.png", objects=both))
    done = bring("grazpedwri")
    assert any(path.endswith(f"/fractured/{stems[1]}.png") for path in done.paths)  # the table labels it
    assert done.left_out == {
        ("gone", record.MISSING),
        (f"images_part1/{stems[0]}.png", record.NO_LABEL),
        (f"folder_structure/pascalvoc/{stems[1]}.xml", record.BROKEN),
        (f"images_part1/{stems[3]}.png", record.TWO_LABELS),
    }


def test_grazpedwri_boxes_of_yolo_serve_where_voc_is_not_there(root, bring):
    sources.grazpedwri(root)
    for path in (root / "folder_structure/pascalvoc").iterdir():
        fractured = "<name>fracture" in path.read_text()
        sources.text(
            root / f"folder_structure/yolov5/labels/{path.stem}.txt",
            f"{3 if fractured else 8} {sources.YOLO}",
        )
        path.unlink()
    assert bring("grazpedwri").figures["used"]["regions"] == 18


@pytest.mark.reliability(
    "import mura: no picture, label and table differ, torn row", "left out with file and reason"
)
def test_mura_rows_that_contradict_cost_themselves_alone(root, bring, caplog):
    sources.mura(root)
    top = root / "MURA-v1.1"
    listed = top / "train_image_paths.csv"
    gone = "MURA-v1.1/train/XR_HAND/patient00009/study1_negative/image3.png"
    sources.text(listed, listed.read_text() + gone)
    studies = top / "train_labeled_studies.csv"
    sources.text(studies, studies.read_text().replace("study1_positive/,1", "study1_positive/,0", 1) + "torn")
    done = bring("mura")
    study = "MURA-v1.1/train/XR_WRIST/patient00000/study1_positive"
    torn = ("MURA-v1.1/train_labeled_studies.csv, line 21", record.BAD_ROW)
    assert done.left_out == {(gone, record.MISSING), (f"{study}/image1.png", record.TWO_LABELS), torn}
    labels = pd.read_csv(done.folder / "labels.csv")
    assert {*labels["label_means"]} == {mura.MEANING}
    assert {*labels["body_part"]} == {"wrist"}
    assert "ABNORMAL, not fractured" in caplog.text


@pytest.mark.reliability(
    "import csv: two labels, no file, torn row, odd label", "left out with file and reason"
)
def test_bad_rows_of_a_csv_cost_themselves_alone(root, bring):
    sources.csv_table(root)
    path = root / "list.csv"
    changes = {0: {"label": "perhaps"}, 1: {"label": ""}, 2: {"file": "pictures/gone.png"}}
    change(path, changes)
    with path.open("a") as file:
        file.write("pictures/3.png,no,train,p3,frontal\npictures/4.png,no\n")
    done = bring("csv", "list.csv")
    assert done.left_out == {
        ("pictures/0.png", record.NOT_UNDERSTOOD),
        ("pictures/1.png", record.NO_LABEL),
        ("pictures/2.png", record.NO_LABEL),
        ("pictures/gone.png", record.MISSING),
        ("pictures/3.png", record.TWO_LABELS),
        ("list.csv", record.BAD_ROW),
    }
    assert done.figures["used"]["radiographs"] == 20


def test_words_of_a_csv_mean_what_the_user_says(root, bring):
    sources.csv_table(root)
    path = root / "list.csv"
    sources.text(
        path, path.read_text().replace("label", "Befund").replace("yes", "Bruch").replace("no,", "o.B.,")
    )
    with pytest.raises(ValueError, match=r"must have a column of labels.*'Befund'.*--label-column"):
        bring("csv")
    done = bring("csv", label_column="befund", fractured=("bruch",), not_fractured=("O.B.",))
    assert done.figures["used"]["fractured"] == done.figures["used"]["not_fractured"] == 12


@pytest.mark.reliability("import csv: labels as 1.0 and 0.0; -1 and 'fracture?'", "read; not understood")
def test_numbers_of_a_csv_are_whole_and_signs_count(root, bring):
    sources.csv_table(root)
    path = root / "list.csv"
    sources.text(path, path.read_text().replace(",yes,", ",1.0,").replace(",no,", ",0.0,"))
    change(path, {0: {"label": "-1"}, 1: {"label": "fracture?"}, 2: {"label": "0.1"}, 3: {"label": "+1"}})
    done = bring("csv", "list.csv")
    assert done.left_out == {(f"pictures/{seed}.png", record.NOT_UNDERSTOOD) for seed in range(3)}
    assert done.figures["used"]["radiographs"] == 21


@pytest.mark.reliability("import csv: headers and labels in another script", "as the user's words say")
def test_words_of_any_script_mean_what_the_user_says(root, bring):
    sources.csv_table(root)
    path = root / "list.csv"
    words = {"view": "пол", "label": "диагноз", ",yes,": ",перелом,", ",no,": ",норма,"}
    text = path.read_text()
    for old, new in words.items():
        text = text.replace(old, new)
    sources.text(path, text)
    change(path, {0: {"диагноз": "?"}, 1: {"диагноз": "неясно"}})
    done = bring("csv", label_column="Диагноз", fractured=("перелом",), not_fractured=("Норма",))
    assert done.left_out == {(f"pictures/{seed}.png", record.NOT_UNDERSTOOD) for seed in range(2)}
    used = done.figures["used"]
    assert (used["fractured"], used["not_fractured"]) == (10, 12)


def test_folders_that_are_named_must_be_there(root, bring):
    sources.folders(root)
    with pytest.raises(
        ValueError, match=r"--fractured and --not-fractured must name folders .* 'brocken'; .*broken"
    ):
        bring("folders", fractured=("brocken",))
    sources.draw(root / "train/odd/1.jpg", 55)
    done = bring("folders", fractured=("broken",), not_fractured=("intact bone",))
    assert done.left_out == {("train/odd/1.jpg", record.NO_LABEL)}


@pytest.mark.reliability("import dicom: ids of patients", "salted hashes in labels.csv and in names")
def test_ids_of_dicom_files_are_hashed_with_the_salt(root, bring):
    sources.dicom(root)
    first = bring("dicom", salt="pepper").folder
    labels = pd.read_csv(first / "labels.csv")
    assert "PAT-" not in (first / "labels.csv").read_text()
    assert {len(one) for one in labels["patient_id"]} == {20}
    assert {*labels["body_part"], *labels["age"]} == {"wrist", 45}
    again = pd.read_csv(bring("dicom", salt="pepper").folder / "labels.csv")
    pd.testing.assert_frame_equal(labels, again)
    other = pd.read_csv(bring("dicom").folder / "labels.csv")
    assert not {*labels["patient_id"]} & {*other["patient_id"]}
    assert (
        labels["path"].str.rsplit("/", n=1).str[0].tolist()
        == other["path"].str.rsplit("/", n=1).str[0].tolist()
    )


@pytest.mark.reliability("import dicom: a table with two labels, unknown studies, odd words", "a line each")
def test_dicom_labels_come_from_a_table_by_study(root, bring, tmp_path):
    sources.dicom(root)
    sources.write_dicom(root / "normal/ct", 999, "PAT-1", Modality="CT")
    rows = [
        {"StudyInstanceUID": f"1.2.4.{seed}", "fracture": int(fractured)}
        for _, fractured, seed in sources.cases(6)
    ]
    rows += [
        {"StudyInstanceUID": uid, "fracture": label}
        for uid, label in (("1.2.4.0", 0), ("9", 1), ("1.2.4.1", "?"))
    ]
    sources.table(tmp_path / "labels.csv", rows)
    done = bring("dicom", labels=tmp_path / "labels.csv")
    assert done.left_out == {
        ("fracture/DOE^JOHN0/IM0", record.TWO_LABELS),
        ("labels.csv, line 39", record.MISSING),
        ("labels.csv, line 40", record.NOT_UNDERSTOOD),
        ("normal/ct", record.UNREADABLE),
    }
    assert done.figures["used"]["radiographs"] == 35


def test_a_dicom_tree_without_labels_says_how_to_give_them(root, bring):
    sources.dicom(root)
    (root / "fracture").rename(root / "one")
    (root / "normal").rename(root / "other")
    with pytest.raises(ValueError, match=r"import dicom needs labels.* 36 radiographs .*--labels"):
        bring("dicom")
    assert bring("dicom", fractured=("one",), not_fractured=("other",)).figures["used"]["fractured"] == 18


@pytest.mark.reliability(
    "import grazpedwri: NA and ? as fracture_visible", "NA is empty: none; ? is left out"
)
def test_cells_that_say_nothing_are_no_fractures(root, bring):
    sources.grazpedwri(root)
    seeds = [seed for _, fractured, seed in sources.cases(6) if not fractured]
    places = {seed: place for place, (*_, seed) in enumerate(sources.cases(6))}
    change(root / "dataset.csv", {places[seed]: {"fracture_visible": "NA"} for seed in seeds})
    assert bring("grazpedwri").figures["used"]["not_fractured"] == 18
    change(root / "dataset.csv", {places[seeds[0]]: {"fracture_visible": "?"}})
    done = bring("grazpedwri")
    assert {cause for _, cause in done.left_out} == {record.NOT_UNDERSTOOD}
    assert done.figures["used"]["not_fractured"] == 17


@pytest.mark.reliability(
    "import fracatlas: names without suffix, other letters, a header in capitals", "joined"
)
def test_fracatlas_rows_join_by_other_writings(root, bring):
    sources.fracatlas(root)
    path = root / "FracAtlas/dataset.csv"
    sources.text(path, path.read_text().replace(".jpg", "").replace("image_id", "Image ID", 1))
    for split in (root / "FracAtlas/Utilities/Fracture Split").iterdir():
        sources.text(split, split.read_text().replace(".jpg", ".JPG"))
    done = bring("fracatlas")
    assert (done.left_out, "val/fractured/IMG0000100.jpg" in done.paths) == (set(), True)
    assert {*pd.read_csv(done.folder / "labels.csv")["body_part"]} == {"hand"}


@pytest.mark.reliability("import mura: backslashes, capitals, val for valid", "joined")
def test_mura_is_read_in_other_writings(root, bring):
    sources.mura(root)
    top = root / "MURA-v1.1"
    (top / "valid").rename(top / "val")
    (top / "train/XR_WRIST").rename(top / "train/xr_wrist")
    for path in top.glob("*.csv"):
        sources.text(path, path.read_text().replace("/", "\\").replace(".png", ".PNG"))
    done = bring("mura")
    assert (done.left_out, done.figures["used"]["fractured"]) == (set(), 15)
    assert done.figures["split"].startswith("as published, test taken from train")


@pytest.mark.parametrize("unknown", ["NA", "unknown", "-"])
@pytest.mark.reliability(
    "import csv, dicom: ids that say that nothing is known", "join nobody when splits are made"
)
def test_ids_that_name_nobody_are_no_patient_of_all(root, bring, unknown):
    sources.csv_table(root)
    path = root / "list.csv"
    rows = {place: {"PatientID": unknown, "split": ""} for place in range(24)}
    change(path, rows)
    done = bring("csv", "list.csv")
    assert done.figures["split"] == "made by file: train 70%, val 15%, test 15%"
    assert all(part["radiographs"] for part in done.figures["splits"].values())


def test_patients_of_dicom_that_are_not_known_are_none(root, bring):
    for _, fractured, seed in sources.cases(6):
        place = root / ("fracture" if fractured else "normal")
        place.mkdir(parents=True, exist_ok=True)
        sources.write_dicom(place / f"IM{seed}", seed, patient="ANONYMOUS")
    done = bring("dicom")
    assert all(part["radiographs"] for part in done.figures["splits"].values())


@pytest.mark.reliability(
    "import csv: a split in other words", "read; what is no split is said, and dealt anew"
)
def test_what_is_no_split_is_said(root, bring):
    sources.csv_table(root)
    path = root / "list.csv"
    whole = path.read_text()
    sources.text(path, whole.replace("split", "Set", 1).replace(",train,", ",Training set,"))
    assert bring("csv", "list.csv").figures["split"] == "as published"
    sources.text(path, whole.replace(",train,", ",0,"))
    assert (
        "split says '0', which is none of train, val, test" in bring("csv", "list.csv").figures["remarks"][0]
    )


def test_the_column_of_labels_is_said_with_those_that_it_might_be(root, bring, caplog):
    caplog.set_level("INFO")
    sources.csv_table(root)
    path = root / "list.csv"
    sources.text(path, path.read_text().replace("view", "diagnosis", 1))
    bring("csv", "list.csv")
    assert (
        "labels are from the column 'label' of list.csv; not from 'diagnosis': see --label-column"
        in caplog.text
    )


@pytest.mark.parametrize(("yes", "no"), [("Y", "N"), ("pos", "neg"), ("\uff11", "\uff10"), ('="1"', "'0")])
def test_short_and_wide_words_are_labels(root, bring, yes, no):
    sources.csv_table(root)
    path = root / "list.csv"
    sources.text(path, path.read_text().replace(",yes,", f",{yes},").replace(",no,", f",{no},"))
    used = bring("csv", "list.csv").figures["used"]
    assert (used["fractured"], used["not_fractured"]) == (12, 12)


@pytest.mark.reliability("import folders: one word for both classes", "F: it is named")
def test_a_word_has_one_meaning(root, bring):
    sources.folders(root)
    with pytest.raises(ValueError, match=r"must name different things. Received on both sides: 'broken'"):
        bring("folders", fractured=("broken", "x"), not_fractured=("Broken ",))


def test_folders_are_named_in_any_form_of_unicode(root, bring):
    sources.folders(root)
    for split in sources.SPLITS:
        (root / split / "intact bone").rename(root / split / "gesu\u0308nd")
    assert bring("folders", not_fractured=("ges\u00fcnd",)).figures["used"]["not_fractured"] == 12


@pytest.mark.parametrize(
    "names", [("01_train", "02_valid", "03_test"), ("Train_Images", "val-data", "Testset")]
)
@pytest.mark.reliability("import folders: splits with numbers, `data`, `images` or `set`", "kept")
def test_splits_are_known_by_other_names(root, bring, names):
    sources.folders(root)
    for split, name in zip(sources.SPLITS, names, strict=True):
        (root / split).rename(root / name)
    assert bring("folders", not_fractured=("intact bone",)).figures["split"] == "as published"


@pytest.mark.parametrize("kind", ["fracatlas", "folders", "cvat"])
@pytest.mark.reliability("import of what is still packed", "F: says to unpack it")
def test_an_archive_is_to_be_unpacked(root, bring, kind):
    sources.text(root / "export.zip", "PK")
    with pytest.raises(ValueError, match=r"Unpack export\.zip"):
        bring(kind)
    with pytest.raises(ValueError, match=r"needs an unpacked source. Received: .*export\.zip"):
        bring(kind, "export.zip")


def test_a_table_of_labels_that_is_not_there_is_named(root, bring, tmp_path):
    sources.dicom(root)
    with pytest.raises(ValueError, match=r"--labels must name a CSV that is there. Received: .*gone\.csv"):
        bring("dicom", labels=tmp_path / "gone.csv")
