"""Which files of a folder are read, and what is said of the others."""

import logging
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.files.faults import Issue
from pipeline.validate import intake, listing, scan
from tests.validate.test_scan import FOLDERS, LIMITS, RADIOGRAPH, images

ODD = Path(__file__).parents[3] / "shared/data/odd/hidden-folders"


@pytest.fixture
def root(tmp_path, monkeypatch):
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    for folder in FOLDERS:
        (tmp_path / "data" / folder).mkdir(parents=True)
        images.write(tmp_path / "data" / folder / "a.png", RADIOGRAPH)
    return tmp_path / "data"


@pytest.fixture
def archive(tmp_path):
    (tmp_path / "archive").mkdir()
    images.write(tmp_path / "archive/b.png", RADIOGRAPH)
    return tmp_path / "archive"


def reasons(root, trusted=()):
    items, _ = listing.find(root, LIMITS, trusted)
    return {fact.path: fact.reason for fact in map(scan.inspect, items)}


def link(path, target):
    path.symlink_to(target)
    return path


@pytest.mark.reliability("files that DVC made links into its cache (cache.type symlink)", "read")
@pytest.mark.parametrize("config", ["", "[cache]\n    dir = ../far away\n"])
def test_links_into_dvcs_cache_are_read(config, root, tmp_path):
    cache = tmp_path / ("far away" if config else ".dvc/cache")
    (tmp_path / ".dvc/config").write_text(config)
    (cache / "files/md5/ab").mkdir(parents=True)
    shutil.copy(root / "val/fractured/a.png", cache / "files/md5/ab/cd")
    link(root / "train/fractured/b.png", cache / "files/md5/ab/cd")
    assert reasons(root)["train/fractured/b.png"] == ""


@pytest.mark.reliability("a folder that `dvc add` tracks with cache.type symlink", "every file is read")
def test_what_dvc_tracks_with_symlinks_is_read(root, tmp_path):
    for command in ("init --no-scm -q -f", "config cache.type symlink", "add -q data"):
        subprocess.run(["dvc", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    assert (root / "train/fractured/a.png").is_symlink()
    assert set(reasons(root).values()) == {""}


@pytest.mark.reliability("links into a folder that data.trusted_links names", "read; all other links are not")
def test_links_that_the_user_vouches_for_are_read_and_others_told(root, archive, caplog):
    link(root / "train/fractured/b.png", archive / "b.png")
    assert reasons(root)["train/fractured/b.png"] == "outside_root"
    assert "outside_root, 1: A link out of the data folder" in caplog.text
    assert "train/fractured/b.png" in caplog.text
    assert reasons(root, [archive])["train/fractured/b.png"] == ""


def test_a_link_through_a_trusted_folder_must_end_in_one(root, archive, tmp_path):
    images.write(tmp_path / "secret.png", RADIOGRAPH)
    link(root / "train/fractured/b.png", link(archive / "c.png", tmp_path / "secret.png"))
    assert reasons(root, [archive])["train/fractured/b.png"] == "outside_root"


@pytest.mark.reliability("a linked class folder, or a linked split", "read where the target is trusted")
@pytest.mark.parametrize("folder", ["val/fractured", "val"])
def test_a_linked_folder_is_read_where_it_is_trusted(folder, root, archive):
    shutil.move(root / folder, archive / "moved")
    link(root / folder, archive / "moved")
    assert reasons(root)["val/fractured/a.png"] == "outside_root"
    assert reasons(root, [archive])["val/fractured/a.png"] == ""


@pytest.mark.reliability(
    "a linked folder within a class folder", "read where its target is trusted, else told"
)
def test_a_linked_folder_below_a_class_is_read_where_it_is_trusted_and_told_else(root, archive, caplog):
    (archive / "2023/scans").mkdir(parents=True)
    shutil.move(archive / "b.png", archive / "2023/scans/b.png")
    (root / "train/fractured/of years").mkdir()
    link(root / "train/fractured/of years/first", archive / "2023")
    assert reasons(root).keys() == {f"{folder}/a.png" for folder in FOLDERS}
    assert "of years/first: a link to a folder that data.trusted_links does not name" in caplog.text
    assert reasons(root, [archive])["train/fractured/of years/first/scans/b.png"] == ""
    assert "of years/first" in caplog.text.partition("link_followed, 1: ")[2]


@pytest.mark.reliability("linked folders that lead round in circles through a trusted one", "each read once")
def test_linked_folders_in_circles_end_and_nothing_is_read_twice(root, archive):
    (archive / "deep").mkdir()
    for name, target in {
        "self": archive,
        "home": root / "train",
        "deep/up": archive,
        "down": archive / "deep",
    }.items():
        link(archive / name, target)
    link(archive / "deep/b.png", "../b.png")
    link(root / "train/fractured/one", archive)
    link(root / "train/fractured/two", archive)
    link(root / "train/fractured/up", root / "train")
    files, issues = listing.find(root, LIMITS, [archive])
    below = {item.name for item in files} - {f"{folder}/a.png" for folder in FOLDERS}
    assert below == {"train/fractured/one/b.png", "train/fractured/one/deep/b.png"}
    assert [issue.issue for issue in issues].count("link_followed") == 1
    assert [issue.issue for issue in issues].count("link_skipped") == 6


def test_a_linked_folder_must_end_in_a_trusted_one(root, archive, tmp_path):
    (tmp_path / "secret").mkdir()
    images.write(tmp_path / "secret/c.png", RADIOGRAPH)
    link(archive / "out", tmp_path / "secret")
    link(root / "train/fractured/one", archive)
    assert reasons(root, [archive]).keys() - {f"{folder}/a.png" for folder in FOLDERS} == {
        "train/fractured/one/b.png"
    }


@pytest.mark.reliability(
    "a linked class folder that leads to itself or above itself", "ends at once, names the folder"
)
@pytest.mark.parametrize("target", [".", "..", "../..", "fractured"])
def test_a_linked_class_folder_in_a_circle_is_refused(target, root):
    shutil.rmtree(root / "val/fractured")
    link(root / "val/fractured", target)
    with pytest.raises(ValueError, match="val/fractured"):
        listing.find(root, LIMITS)


SYSTEMS = [
    ".ipynb_checkpoints/a-checkpoint.png", "@eaDir/a.png/SYNOPHOTO.jpg", "__MACOSX/._a.png", "#recycle/b.png",
    "lost+found/b.png", ".Trash-1000/b.png", ".AppleDouble/a.png", "._a.png", "Thumbs.db", "desktop.ini",
    "b.png.part", "b.png.crdownload", "~$b.png",
]  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.reliability(n, "passed over, with a note")) for n in SYSTEMS]
)
def test_what_systems_leave_is_passed_over_and_counted(name, root, caplog):
    caplog.set_level(logging.INFO)
    path = root / "train/fractured" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write(path.with_suffix(".png"), RADIOGRAPH)
    path.with_suffix(".png").rename(path)
    items, issues = listing.find(root, LIMITS)
    assert len(items) == 6
    assert [issue.issue for issue in issues] == ["passed_over"]
    assert "passed_over, 1: " in caplog.text


@pytest.mark.reliability("texts, tables and archives beside radiographs", "passed over, as `predict` does")
def test_what_is_no_picture_by_its_suffix_is_passed_over_as_in_predict(root):
    for name in ("a.txt", "b/c.XML", "d.csv", "e.zip"):
        path = root / "train/fractured" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("0 0.5 0.5 0.1 0.1\n")
    items, issues = listing.find(root, LIMITS)
    assert {item.path for item in items} == set(intake.listing([root]).files)
    shown = "no pictures by their names: a.txt, b/c.XML, d.csv and 1 more"
    assert issues == [Issue.of("train/fractured", "passed_over", shown)]


def test_of_a_patients_cd_the_images_are_taken(tmp_path):
    image = tmp_path / "cd/DICOM/PT0/IM0"
    image.parent.mkdir(parents=True)
    for path in (image, *(tmp_path / "cd" / name for name in ("DICOMDIR", "AUTORUN.INF", "Viewer.exe"))):
        path.write_bytes(b"a")
    found = intake.listing([tmp_path / "cd"])
    assert found.files == [image]
    assert "no pictures by their names: AUTORUN.INF, DICOMDIR, Viewer.exe" in found.passed_over


@pytest.mark.reliability("a notebook's checkpoints and a NAS's thumbnails (the collected set)", "passed over")
@pytest.mark.skipif(not ODD.is_dir(), reason=f"{ODD} is not here")
def test_the_hidden_folders_that_people_report_are_passed_over(root):
    shutil.copytree(ODD / "fractured", root / "train/fractured", dirs_exist_ok=True)
    items, issues = listing.find(root, LIMITS)
    assert len(items) == 6 + 1
    assert {issue.issue for issue in issues} == {"passed_over"}


NAMES = [("train/fractured", "train/Fractured"), ("train/not fractured", "train/not_fractured"),
    ("val/not fractured", "val/normal"), ("test/not fractured", "test/Not Fractured"), ("val", "validation"),
    ("train", "training"), ("test", "Testing")]  # fmt: skip


@pytest.mark.reliability("a class or split under another name", "refused; says what was found, and the mend")
@pytest.mark.parametrize(("right", "wrong"), NAMES)
def test_a_folder_of_another_name_is_named_with_its_mend(right, wrong, root):
    (root / right).rename(root / wrong)
    with pytest.raises(ValueError, match=f"Found instead: {wrong}") as error:
        listing.find(root, LIMITS)
    assert f"Rename {wrong!r} to {right!r}." in str(error.value)


@pytest.mark.reliability("a class under another name beside the right one", "told on the terminal; not read")
@pytest.mark.parametrize("name", ["train/Fractured", "training"])
def test_a_folder_beside_the_right_one_is_told(name, root, caplog):
    if (root / name).exists():
        pytest.skip("this file system takes small and capital letters for the same")
    (root / name).mkdir()
    _, issues = listing.find(root, LIMITS)
    assert [(issue.path, issue.issue) for issue in issues] == [(name, "unknown_folder")]
    assert "unknown_folder, 1: " in caplog.text
    assert "move its files there" in caplog.text


@pytest.mark.reliability("pictures beside the folders of the classes", "told on the terminal; not read")
def test_pictures_in_no_class_are_told(root, caplog):
    for name in ("train/a.png", "train/b.JPG", "c.dcm", "train/.hidden.png", "labels.csv", "LICENSE"):
        (root / name).touch()
    items, issues = listing.find(root, LIMITS)
    assert {item.path.parent.name for item in items} == {"fractured", "not fractured"}
    details = {issue.path: issue.detail for issue in issues if issue.issue == "unknown_folder"}
    assert details == {
        ".": "pictures in no class's folder: c.dcm; move them into one",
        "train": "pictures in no class's folder: a.png, b.JPG; move them into one",
    }
    assert "unknown_folder, 2: " in caplog.text


def test_radiographs_in_a_folder_below_are_found(root):
    root.rename(root.parent / "whole")
    (root.parent / "data").mkdir()
    (root.parent / "whole").rename(root / "set")
    with pytest.raises(ValueError, match=r"Set data\.root to .*data/set in params\.yaml"):
        listing.find(root, LIMITS)


def test_a_folder_that_is_not_there_is_told_as_such(root):
    with pytest.raises(ValueError, match="Received: no such folder"):
        listing.find_labelled(root / "gone", LIMITS)
    shutil.rmtree(root / "train/fractured")
    for split in ("val", "test"):
        shutil.rmtree(root / split / "fractured")
    with pytest.raises(ValueError, match="Received: no file in 'fractured'"):
        listing.find_labelled(root, LIMITS)


@pytest.mark.reliability("a sub-folder that may not be read", "an issue and a line on the terminal")
def test_an_unreadable_folder_is_an_issue(root, monkeypatch, caplog):
    (root / "train/fractured/closed").mkdir()
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):  # the superuser of a container may read every folder
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    _, (issue,) = listing.find(root, LIMITS)
    assert (issue.path, issue.issue, issue.severity) == (
        "train/fractured/closed",
        "unreadable",
        "quarantined",
    )
    assert "unreadable, 1: " in caplog.text


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["Fractured/a.png", "normal/b.png"],
         "Rename 'Fractured' to 'fractured', 'normal' to 'not fractured'."),
        (["valid/healthy/a.png"], "Found instead: valid. Rename 'valid' to 'val', 'valid/healthy' to "
         "'valid/not fractured'."),
        (["set/fractured/a.png"], "Found instead: set."),
        (["a.zip"], "Found instead: a.zip."),
        ([], "Received: no such folder."),
    ],
)  # fmt: skip
@pytest.mark.reliability("assess: a folder without the class folders", "F: what is there, and the mend")
def test_a_folder_without_classes_is_refused_with_what_it_holds(tmp_path, files, told):
    for name in files:
        (tmp_path / "new" / name).parent.mkdir(parents=True, exist_ok=True)
        images.write(tmp_path / "a.png", RADIOGRAPH)
        shutil.copy(tmp_path / "a.png", tmp_path / "new" / name)
    with pytest.raises(ValueError, match=r"must hold radiographs of both classes") as refused:
        listing.find_labelled(tmp_path / "new", LIMITS)
    assert str(refused.value).endswith(told)


def test_what_is_no_folder_is_refused_where_no_labels_are_asked_for(tmp_path):
    with pytest.raises(ValueError, match=r"gone must be a folder of radiographs"):
        listing.find_unlabelled(tmp_path / "gone", LIMITS)
