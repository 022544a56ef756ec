"""The folder that is written: links, copies, names, all or nothing; the source stays as it is."""

import os
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from pipeline.importing import record, writing
from tests.importing import sources


def state(folder):
    """Names, sizes, times and bytes of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path, path.stat().st_mtime_ns, path.stat().st_mode, path.read_bytes()) for path in files]


def test_files_are_hard_links_and_the_source_stays_as_it_is(root, bring):
    sources.yolo(root)
    before = state(root)
    done = bring("yolo")
    assert state(root) == before
    table = pd.read_csv(done.folder / "sources.csv")
    for path, source in zip(table["path"], table["source"], strict=True):
        assert (done.folder / path).samefile(root / source)
    assert (done.figures["linked"], done.figures["copied"]) == (24, 0)


def test_files_are_copied_on_request_and_where_links_fail(root, bring, monkeypatch):
    sources.yolo(root)
    assert bring("yolo", copy=True).figures["copied"] == 24

    def other_disk(*_, **__):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_disk)
    done = bring("yolo")
    assert (done.figures["linked"], done.figures["copied"]) == (0, 24)
    assert all(path.stat().st_nlink == 1 for path in done.folder.rglob("*.jpg"))


def test_a_second_import_gives_equal_bytes(root, bring):
    sources.grazpedwri(root)
    first = [(path, content) for path, *_, content in state(bring("grazpedwri").folder)]
    assert [(path, content) for path, *_, content in state(bring("grazpedwri").folder)] == first


@pytest.mark.reliability(
    "import: two files of one name, names that act or are passed over", "distinct safe names"
)
def test_files_of_one_name_get_distinct_names(root, bring):
    names = ["a/x.png", "b/x.png", "b/X.png", "c/line\nbreak.png", "c/a_x.png", f"c/{'n' * 250}.png"]
    for seed, name in enumerate([*names, os.fsdecode(b"c/caf\xe9.png")]):
        sources.draw(root / "train/broken" / name, seed)
        sources.draw(root / "train/normal" / f"{seed}.png", 50 + seed)
    done = bring("folders")
    assert len({path.rsplit("/", 1)[1].casefold() for path in done.paths}) == 14
    table = pd.read_csv(done.folder / "sources.csv").set_index("source")["path"]
    assert table["train/broken/a/x.png"].endswith("/train_broken_a_x.png")
    assert table["train/broken/c/a_x.png"].endswith("/a_x.png")
    assert not any("\n" in path or len(path) > 230 for path in done.paths)


@pytest.mark.reliability(
    "import: links out of the source, to nothing, within it", "left out; what they lead to is read"
)
def test_links_out_of_the_source_are_left_out(root, bring, tmp_path):
    sources.folders(root)
    outside = sources.draw(tmp_path / "secret.png", 1)
    (root / "train/broken/secret.png").symlink_to(outside)
    (root / "train/broken/nothing.png").symlink_to(tmp_path / "gone")
    (root / "train/broken/within.png").symlink_to(root / "train/broken/0.jpg")
    done = bring("folders", fractured=("broken",), not_fractured=("intact bone",))
    assert done.left_out == {
        ("train/broken/secret.png", record.UNREADABLE),
        ("train/broken/nothing.png", record.UNREADABLE),
    }
    within = next(path for path in done.folder.rglob("within.png"))
    assert not within.is_symlink()
    assert within.samefile(root / "train/broken/0.jpg")


def test_a_folder_with_files_of_the_user_is_refused(root, bring, tmp_path):
    sources.yolo(root)
    done = bring("yolo")
    sources.draw(done.folder / "train/fractured/mine.png", 1)
    with pytest.raises(ValueError, match=r"nothing but an earlier import.*with train/fractured/mine.png"):
        bring("yolo")
    assert (done.folder / "train/fractured/mine.png").exists()
    (done.folder / "train/fractured/mine.png").unlink()
    sources.text(done.folder / "notes.txt", "mine")
    with pytest.raises(ValueError, match=r"--out must be new, empty or an earlier result.*notes.txt"):
        bring("yolo")


@pytest.mark.parametrize("name", writing.TABLES)
def test_a_table_that_was_changed_by_hand_is_not_replaced(root, bring, name):
    sources.yolo(root)
    path = bring("yolo").folder / name
    whole = path.read_text()
    sources.text(path, whole.replace("\n", ",mine\n", 1))
    changed = path.read_text()
    with pytest.raises(
        ValueError, match=rf"an earlier import, as .*, whose {name} was changed since. Name .* or move"
    ):
        bring("yolo")
    assert path.read_text() == changed
    sources.text(path, whole)
    assert bring("yolo").figures["used"]["radiographs"] == 24


def test_a_radiograph_that_was_removed_by_hand_does_not_come_back(root, bring):
    sources.yolo(root)
    done = bring("yolo")
    path = done.folder / (name := done.paths[0])
    path.unlink()
    with pytest.raises(ValueError, match=f"without {name}, which was removed since"):
        bring("yolo")
    assert not path.exists()


@pytest.mark.parametrize("content", [None, "", "torn"])
def test_an_import_without_sums_may_have_been_changed(root, bring, content):
    sources.yolo(root)
    path = bring("yolo").folder / "SHA256SUMS"
    path.unlink()
    if content is not None:
        sources.text(path, content)
    with pytest.raises(ValueError, match=r"may have been changed: SHA256SUMS does not tell. Name another"):
        bring("yolo")


def test_the_sums_are_those_that_sha256sum_checks(root, bring):
    sources.yolo(root)
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=bring("yolo").folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count(": OK") == len(writing.TABLES)


def test_the_source_is_no_place_to_write(root, bring, tmp_path, monkeypatch):
    sources.yolo(root)
    (tmp_path / "ours").symlink_to(root / "out")
    with pytest.raises(ValueError, match="--out must lie outside the source"):
        bring("yolo")


@pytest.mark.reliability(
    "import: the disk is full, or an error in the middle", "F: no folder, an earlier one stays"
)
def test_an_import_that_fails_leaves_nothing(root, bring, tmp_path, monkeypatch):
    sources.yolo(root)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writing, "_labels", full)
        with pytest.raises(OSError, match="no space left"):
            bring("yolo")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    before = state(bring("yolo").folder)
    monkeypatch.setattr(writing, "_labels", full)
    with pytest.raises(OSError, match="no space left"):
        bring("yolo")
    assert state(tmp_path / "ours") == before


@pytest.mark.reliability(
    "import: a file that is gone, or may not be read, when it is to be linked", "left out"
)
def test_a_file_that_vanishes_meanwhile_is_left_out(root, bring, monkeypatch):
    sources.folders(root)
    place = writing.place

    def vanish(*arguments):
        (root / "train/broken/0.jpg").unlink()
        return place(*arguments)

    monkeypatch.setattr(writing, "place", vanish)
    done = bring("folders", fractured=("broken",), not_fractured=("intact bone",))
    assert done.left_out == {("train/broken/0.jpg", record.MISSING)}
    assert len(pd.read_csv(done.folder / "labels.csv")) == done.figures["used"]["radiographs"] == 23


def test_cells_that_a_spreadsheet_would_run_are_text(root, bring):
    sources.csv_table(root)
    path = root / "list.csv"
    sources.text(path, path.read_text().replace("frontal", "=HYPERLINK(1)"))
    assert {*pd.read_csv(bring("csv").folder / "labels.csv")["view"]} == {"'=HYPERLINK(1)"}


def test_an_import_of_a_table_beside_its_own_result_reads_no_result(root, tmp_path, bring, monkeypatch):
    sources.csv_table(root)
    (tmp_path / "ours").symlink_to(Path("source/ours"))
    assert bring("csv", "list.csv").figures["pictures"] == 24
    assert bring("csv", "list.csv").figures["pictures"] == 24
