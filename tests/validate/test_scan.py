"""What becomes of a file in the folders: a fact in use, one left out with its reason, or no data at all."""

import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.files import images
from pipeline.files.limits import Limits
from pipeline.validate import listing, scan

RNG = np.random.default_rng(3)
RADIOGRAPH = np.clip(RNG.normal(90, 30, (200, 160)) + np.linspace(0, 60, 160), 0, 255).astype(np.uint8)
LIMITS = Limits(max_pixels=10**8, min_side_px=32, not_radiograph=1.0)
FOLDERS = [f"{split}/{name}" for split in ("train", "val", "test") for name in ("fractured", "not fractured")]


@pytest.fixture
def root(tmp_path):
    for folder in FOLDERS:
        (tmp_path / "data" / folder).mkdir(parents=True)
        images.write(tmp_path / "data" / folder / "a.png", RADIOGRAPH)
    return tmp_path / "data"


def facts(root: Path, **limits: float) -> dict[str, scan.Fact]:
    found, _ = listing.find(root, LIMITS._replace(**limits))
    return {fact.path: fact for fact in map(scan.inspect, found)}


def test_every_file_becomes_a_fact(root):
    found = facts(root)
    assert list(found) == sorted(f"{folder}/a.png" for folder in FOLDERS)
    fact = found["val/not fractured/a.png"]
    assert (fact.published_split, fact.fractured, fact.reason) == ("val", False, "")
    assert (fact.format, fact.mode, fact.height_px, fact.width_px) == ("PNG", "L", 200, 160)
    assert fact.thumbnail.shape == (64, 64)
    assert {issue.issue for issue in fact.issues} <= {"photograph"}  # noise, not bone


@pytest.mark.parametrize("name", ["a b.png", "a\nb.png", "a\tb.png", 'a"b.png', "-rf.png", "Knöchel 骨.png"])
@pytest.mark.reliability(18)
def test_any_name_is_read(root, name):
    images.write(root / "train/fractured" / name, RADIOGRAPH)
    assert facts(root)[f"train/fractured/{name}"].reason == ""


@pytest.mark.reliability(19)
def test_a_name_that_is_no_utf8_is_quarantined_with_advice(root):
    folder = os.fsencode(root / "train/fractured")
    try:
        Path(os.fsdecode(folder + b"/a\xff.png")).write_bytes(images.encode_png(RADIOGRAPH))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    fact = facts(root)[r"train/fractured/a\xff.png"]
    assert fact.reason == "name_not_utf8"
    assert "rename" in fact.issues[0].detail


@pytest.mark.reliability(16)
def test_a_link_that_leaves_the_root_is_never_read(root, tmp_path):
    images.write(tmp_path / "secret.png", RADIOGRAPH)
    (root / "train/fractured/link.png").symlink_to(tmp_path / "secret.png")
    fact = facts(root)["train/fractured/link.png"]
    assert (fact.reason, fact.sha256, fact.n_bytes) == ("outside_root", "", 0)


def test_a_link_within_the_root_is_read(root):
    (root / "train/fractured/link.png").symlink_to(root / "val/fractured/a.png")
    assert facts(root)["train/fractured/link.png"].reason == ""


@pytest.mark.parametrize("target", ["gone.png", "link.png", "."])
@pytest.mark.reliability(17)
def test_loops_and_dangling_links_are_passed_over(root, target):
    (root / "train/fractured/link.png").symlink_to(target)
    found, issues = listing.find(root, LIMITS)
    assert len(found) == 6
    assert [issue.issue for issue in issues] == (["link_skipped"])


@pytest.mark.reliability(21)
def test_a_file_that_vanishes_is_quarantined(root):
    found, _ = listing.find(root, LIMITS)
    found[0].path.unlink()
    assert scan.inspect(found[0]).reason == "vanished"


@pytest.mark.reliability(20)
def test_an_unreadable_file_is_quarantined(root, monkeypatch):
    def refuse(path, flags):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    assert {fact.reason for fact in facts(root).values()} == {"unreadable"}


def test_what_shows_nothing_is_quarantined_with_its_hash(root):
    images.write(root / "train/fractured/b.png", np.zeros((200, 160), np.uint8))
    fact = facts(root)["train/fractured/b.png"]
    assert (fact.reason, len(fact.sha256)) == ("blank", 64)


def test_oddities_are_issues_and_stay_in_use(root):
    (root / "train/fractured/b.jpg").write_bytes(images.encode_png(RADIOGRAPH[:100, :100]))
    fact = facts(root)["train/fractured/b.jpg"]
    assert fact.reason == ""
    assert [issue.issue for issue in fact.issues][:2] == ["extension_mismatch", "tiny"]


def test_messages_hold_no_path_of_the_machine(root):
    (root / "train/fractured/b.png").write_bytes(b"")
    (detail,) = (issue.detail for issue in facts(root)["train/fractured/b.png"].issues)
    assert detail == "train/fractured/b.png: the file holds no bytes"


@pytest.mark.reliability(25)
def test_missing_folders_are_named(root):
    (root / "val/fractured/a.png").unlink()
    (root / "val/fractured").rmdir()
    with pytest.raises(ValueError, match=r"without val/fractured\. Create"):
        listing.find(root, LIMITS)


@pytest.mark.reliability(25)
def test_an_empty_class_is_refused(root):
    (root / "val/fractured/a.png").rename(root / "val/fractured/.hidden.png")
    with pytest.raises(ValueError, match="val/fractured must hold radiographs"):
        listing.find(root, LIMITS)


def test_folders_of_no_class_are_warned_of(root):
    (root / "train/unsure").mkdir()
    _, issues = listing.find(root, LIMITS)
    assert [(issue.path, issue.issue) for issue in issues] == [("train/unsure", "unknown_folder")]


def test_litter_of_desktops_is_no_data(root):
    for name in (".DS_Store", "Thumbs.db"):
        (root / "train/fractured" / name).write_bytes(b"x")
    assert len(facts(root)) == 6


def test_what_is_no_radiograph_is_left_out_with_all_its_facts(root):
    page = np.full((300, 300), 255, np.uint8)
    page[40:260:12, 30:270] = np.random.default_rng(0).integers(0, 2, 240) * 255
    images.write(root / "train/fractured/page.png", page)
    fact = facts(root, not_radiograph=0.99)["train/fractured/page.png"]
    (issue,) = (issue for issue in fact.issues if issue.severity == "quarantined")
    assert fact.reason == issue.issue == "drawing"
    assert (fact.height_px, fact.thumbnail.shape, fact.not_radiograph > 0.99) == (300, (64, 64), True)
    kept = facts(root, not_radiograph=1.0)["train/fractured/page.png"]
    assert (kept.reason, kept.issues[-1].severity) == ("", "warning")


def test_what_is_not_decoded_has_no_score(root):
    (root / "train/fractured/b.png").write_bytes(b"no image")
    assert np.isnan(facts(root)["train/fractured/b.png"].not_radiograph)
