"""Files whose names do not tell: pictures without a picture's suffix, and what is none among pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from pipeline.files import images
from pipeline.importing import record
from tests.importing import sources

NAMES = ("IM0001", "1.2.840.113619.2.5", "scan.img")


def bytes_of(form: str, tmp_path) -> bytes:
    if form == "DICOM":
        sources.write_dicom(tmp_path / "one", 1, "P")
        return (tmp_path / "one").read_bytes()
    file = io.BytesIO()
    Image.fromarray(np.full((40, 30), 9, np.uint8)).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "DICOM"])
def test_every_format_is_known_by_its_beginning(tmp_path, form):
    path = tmp_path / "file"
    path.write_bytes(bytes_of(form, tmp_path))
    assert images.begins(path)


@pytest.mark.parametrize("data", [b"", b"BMI of the patients", b"<html>", b"RIFF1234WAVE", b"\0" * 5000])
def test_other_bytes_begin_no_picture(tmp_path, data):
    path = tmp_path / "file"
    path.write_bytes(data)
    assert not images.begins(path)


def test_folders_with_pictures_of_any_name_are_read_and_the_rest_is_named(root, bring):
    for seed, folder in enumerate(("fractured", "normal")):
        sources.draw(root / folder / "a.png", seed)
        for name in NAMES:
            sources.draw(root / folder / "b.png", 10 + seed).rename(root / folder / name)
    sources.text(root / "normal/page", "<html>not found</html>")
    (root / "normal/zero").write_bytes(b"")
    for name in ("notes.txt", "DICOMDIR", "table.csv"):
        sources.text(root / "normal" / name, "beside")
    done = bring("folders")
    assert {path.rsplit("/", 1)[1].split("_", 1)[-1] for path in done.paths} >= {*NAMES}
    assert done.figures["pictures"] == done.figures["used"]["radiographs"] == 8
    assert done.left_out == {("normal/page", record.UNREADABLE), ("normal/zero", record.UNREADABLE)}


@pytest.mark.parametrize("table", ["list.csv", "list"])
def test_a_table_may_name_pictures_without_a_suffix(root, bring, table):
    sources.csv_table(root)
    (root / "pictures/0.png").rename(root / "pictures/IM0001")
    sources.text(root / "pictures/IM0002", "<html>not found</html>")
    text = (root / "list.csv").read_text().replace("pictures/0.png", "pictures/IM0001")
    (root / "list.csv").unlink()
    sources.text(root / table, text.replace("pictures/1.png", "pictures/IM0002"))
    done = bring("csv", table)
    assert done.left_out == {
        ("pictures/1.png", record.NO_LABEL),
        ("pictures/IM0002", record.MISSING),
        ("pictures/IM0002", record.UNREADABLE),
    }
    assert done.figures["used"]["radiographs"] == 23


def test_boxes_may_lie_on_a_picture_without_a_suffix(root, bring):
    sources.voc(root)
    (root / "JPEGImages/0.jpg").rename(root / "JPEGImages/0")
    done = bring("voc")
    assert (done.left_out, done.figures["used"]["regions"]) == (set(), 12)


def test_what_is_no_dicom_file_among_dicom_files_is_named(root, bring, caplog):
    sources.dicom(root)
    sources.draw(root / "normal/scan.jpg", 1)
    sources.text(root / "normal/bad.dcm", "<html>not found</html>")
    (root / "normal/zero.dcm").write_bytes(b"")
    sources.text(root / "normal/readme.txt", "beside")
    sources.text(root / "DICOMDIR", "beside")
    done = bring("dicom")
    assert done.left_out == {
        (f"normal/{name}", record.UNREADABLE) for name in ("scan.jpg", "bad.dcm", "zero.dcm")
    }
    assert (done.figures["pictures"], done.figures["used"]["radiographs"]) == (39, 36)
    assert "normal/scan.jpg: unreadable picture: a picture and no DICOM file: another kind" in caplog.text
    assert "normal/zero.dcm: unreadable picture: empty_file: the file holds no bytes" in caplog.text


def test_a_table_of_labels_among_dicom_files_is_no_picture(root, bring):
    sources.dicom(root)
    rows = [{"StudyInstanceUID": f"1.2.4.{seed}", "fracture": int(yes)} for _, yes, seed in sources.cases(6)]
    sources.table(root / "labels", rows)
    assert bring("dicom", labels=root / "labels").left_out == set()
