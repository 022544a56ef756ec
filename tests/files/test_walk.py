import os
import socket

import pytest

from pipeline.files import images
from pipeline.files.faults import ImageFault
from pipeline.files.walk import walk


def told(folder):
    """What is told of a folder: (path below it, code)."""
    return [(os.path.relpath(issue.path, folder), issue.issue) for issue in walk(folder)[1]]


@pytest.mark.reliability("folders of notebooks, NAS, macOS and file systems", "passed over, one note each")
@pytest.mark.parametrize("name", [".ipynb_checkpoints", "@eaDir", "__MACOSX", "lost+found", "$RECYCLE.BIN"])
def test_folders_of_systems_are_passed_over_with_a_note(tmp_path, name):
    (tmp_path / name / "below").mkdir(parents=True)
    (tmp_path / name / "below" / "a.jpg").write_bytes(b"a")
    (tmp_path / "b.jpg").write_bytes(b"b")
    assert walk(tmp_path)[0] == [tmp_path / "b.jpg"]
    assert told(tmp_path) == [(name, "passed_over")]


def test_files_of_systems_are_told_once_a_folder(tmp_path):
    for name in ("Thumbs.db", "._a.jpg", ".DS_Store", "~$b.docx", "a.jpg"):
        (tmp_path / name).write_bytes(b"a")
    files, (issue,) = walk(tmp_path)
    assert files == [tmp_path / "a.jpg"]
    assert issue.detail.endswith(".DS_Store, ._a.jpg, Thumbs.db and 1 more")


@pytest.mark.reliability(17)
def test_links_to_nothing_in_a_circle_and_to_folders_are_told_and_not_followed(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "up").symlink_to(tmp_path)
    (tmp_path / "a.jpg").symlink_to("gone.jpg")
    (tmp_path / "b.jpg").symlink_to("b.jpg")
    assert walk(tmp_path)[0] == []
    assert told(tmp_path) == [
        ("a.jpg", "link_skipped"),
        ("b.jpg", "link_skipped"),
        ("below/up", "link_skipped"),
    ]


def test_a_link_to_a_file_is_listed_and_a_linked_folder_is_walked_when_named(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jpg").write_bytes(b"a")
    (tmp_path / "data" / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "linked").symlink_to("data")
    assert walk(tmp_path / "linked") == ([tmp_path / "linked/a.jpg", tmp_path / "linked/b.jpg"], [])


@pytest.mark.reliability("a pipe or a socket among the files", "not opened, told with its reason")
def test_pipes_and_sockets_are_told_and_never_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    os.mkfifo("a.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("b.jpg")
        assert told(tmp_path) == [("a.jpg", "not_a_file"), ("b.jpg", "not_a_file")]
    with pytest.raises(ImageFault, match="no file to read") as caught:
        images.read_bytes(tmp_path / "a.jpg")
    assert caught.value.reason == "not_a_file"


@pytest.mark.reliability("a sub-folder that may not be read", "told as unreadable; the others are read")
def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "c.jpg").write_bytes(b"c")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("a"):  # the superuser of a container may read every folder
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert walk(tmp_path)[0] == [tmp_path / "b/c.jpg"]
    assert told(tmp_path) == [("a", "unreadable")]
