from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config import Validate
from pipeline.dataset import layout
from pipeline.validate import grouping
from pipeline.validate.copies import spill_cache
from pipeline.validate.scan import Fact

SETTINGS = Validate(
    split="regroup",
    folds=3,
    fold=0,
    pinned_manifest=Path("Data/none.manifest.csv"),
    label_conflict="quarantine",
    learnt_in_test="move",
    max_pixels=10**6,
    min_side_px=32,
    not_radiograph=1.0,
    label_suspects=0.0,
    hash_distance=10,
    copy_agreement=0.82,
)
NO_LABELS = pd.DataFrame(index=pd.Index([], name="path"))
COARSE = np.random.default_rng(2).integers(0, 255, (64, 8, 8)).astype(np.uint8)


def fact(path, content, variant=0, **changes):
    """Describe a sound file that shows the numbered content; ``variant`` is the file, not the picture."""
    split, class_folder, _ = path.split("/")
    thumbnail = np.kron(COARSE[content], np.ones((8, 8), np.uint8))
    features = spill_cache.extract(thumbnail)
    values = {
        "sha256": f"{content:02x}{variant:02x}" * 16,
        "format": "JPEG",
        "mode": "L",
        "height_px": 90,
        "width_px": 80,
        "n_bytes": 1000,
        "thumbnail": thumbnail,
        "features": features,
    }
    return Fact(path, split, class_folder == "fractured", **(values | changes))


def folder(*more):
    """Two independent radiographs for every split and class, and more."""
    names = [
        f"{s}/{c}/{n}.jpg"
        for s in ("test", "train", "val")
        for c in ("fractured", "not fractured")
        for n in "ab"
    ]
    facts = [fact(path, content) for content, path in enumerate(names)]
    return sorted([*facts, *more], key=lambda item: item.path)


def by_path(facts, labels=NO_LABELS, **settings):
    grouped = grouping.group(facts, labels, SETTINGS.model_copy(update=settings))
    return grouped, grouped.files.set_index("path")


def test_independent_radiographs_stay_where_they_were_published():
    grouped, files = by_path(folder())
    assert (files["split"] == files["published_split"]).all()
    assert (files["sampling_weight"] == 1).all()
    assert files["group"].nunique() == 12
    assert grouped.issues == []


@pytest.mark.reliability(22)
def test_of_byte_copies_the_first_path_is_kept():
    grouped, files = by_path(folder(fact("train/fractured/z.jpg", 0)))
    assert files.loc["test/fractured/a.jpg", "status"] == "kept"
    copy = files.loc["train/fractured/z.jpg"]
    assert (copy["status"], copy["reason"], copy["split"]) == ("redundant", "byte_copy", "")
    assert grouped.crossing_published == [copy["group"]]
    assert [issue.issue for issue in grouped.issues] == ["byte_copy", "crosses_splits", "crosses_splits"]


@pytest.mark.reliability(23)
def test_a_changed_copy_joins_the_group_and_shares_its_weight():
    _, files = by_path(folder(fact("val/fractured/z.jpg", 0, variant=1)))
    pair = files.loc[["test/fractured/a.jpg", "val/fractured/z.jpg"]]
    assert pair["group"].nunique() == pair["split"].nunique() == 1
    assert pair["sampling_weight"].tolist() == [0.5, 0.5]
    assert pair["group"].iloc[0] == "g-000000000000"


@pytest.mark.reliability(22)
def test_keep_refuses_what_crosses():
    with pytest.raises(ValueError, match=r"val/fractured/z\.jpg"):
        by_path(folder(fact("val/fractured/z.jpg", 0, variant=1)), split="keep")


@pytest.mark.reliability(24)
def test_a_label_conflict_quarantines_every_copy_and_lists_the_others():
    grouped, files = by_path(folder(fact("train/not fractured/z.jpg", 0, variant=1)))
    pair = files.loc[["test/fractured/a.jpg", "train/not fractured/z.jpg"]]
    assert set(pair["reason"]) == {"label_conflict"}
    assert grouped.label_conflicts == 1
    assert grouped.crossing_published == []
    assert [issue.detail for issue in grouped.issues] == [
        "other label: train/not fractured/z.jpg",
        "other label: test/fractured/a.jpg",
    ]


@pytest.mark.reliability(24)
def test_a_label_conflict_can_fail():
    with pytest.raises(ValueError, match=r"(?s)one label.*train/not fractured/z\.jpg"):
        by_path(folder(fact("train/not fractured/z.jpg", 0)), label_conflict="fail")


@pytest.mark.parametrize("key", ["patient_id", "study_id"])
def test_patients_and_studies_join_groups_and_are_no_conflict(key):
    paths = ["train/fractured/a.jpg", "train/not fractured/a.jpg", "val/fractured/a.jpg"]
    labels = pd.DataFrame({key: "p1"}, index=paths).reindex([item.path for item in folder()], fill_value="")
    grouped, files = by_path(folder(), labels)
    assert files.loc[paths, "group"].nunique() == files.loc[paths, "split"].nunique() == 1
    assert files["group"].nunique() == 10
    assert grouped.label_conflicts == 0
    assert files.loc[paths[0], key] == "p1"


def test_kfold_deals_whole_groups_and_writes_down_their_fold():
    facts = folder(
        fact("val/fractured/z.jpg", 0, variant=1),
        Fact("val/fractured/y.jpg", "val", True, reason="truncated"),
    )
    _, files = by_path(facts, split="kfold")
    kept = files[files["status"] == "kept"]
    assert kept.groupby("group")["fold"].nunique().eq(1).all()
    assert {fold: set(split) for fold, split in kept.groupby("fold")["split"]} == {
        "0": {"test"},
        "1": {"val"},
        "2": {"train"},
    }
    assert files.loc["val/fractured/y.jpg", "fold"] == ""


def test_kfold_refuses_more_folds_than_groups():
    with pytest.raises(ValueError, match=r"7 folds for .*'fractured': 6"):
        by_path(folder(), split="kfold", folds=7)


@pytest.mark.parametrize("given", layout.SPLITS)
def test_a_new_copy_takes_the_pinned_split_of_its_file(given):
    copy = fact("val/fractured/z.jpg", 0, variant=1)
    pinned = pd.DataFrame({"split": [given], "fold": [""]}, index=[fact("test/fractured/a.jpg", 0).sha256])
    files = grouping.group(folder(copy), NO_LABELS, SETTINGS, pinned).files.set_index("path")
    assert set(files.loc[["test/fractured/a.jpg", "val/fractured/z.jpg"], "split"]) == {given}


def test_counts_by_status_and_group():
    broken = Fact("train/fractured/y.jpg", "train", True, reason="truncated")
    grouped, _ = by_path(folder(fact("train/fractured/z.jpg", 0), broken))
    assert grouping.counts(grouped) == {
        "files": 14,
        "kept": 12,
        "redundant": 1,
        "quarantined": 1,
        "groups": 12,
        "groups_crossing_published_splits": 1,
        "groups_crossing_splits": 0,
        "label_conflicts": 0,
    }


def test_quarantined_files_take_no_part():
    broken = Fact("train/fractured/z.jpg", "train", True, reason="truncated", sha256="ff" * 32)
    _, files = by_path(folder(broken))
    row = files.loc["train/fractured/z.jpg"]
    assert (row["status"], row["split"], row["group"], row["sampling_weight"]) == ("quarantined", "", "", 0)
    assert pd.isna(row["height_px"])


@pytest.mark.reliability(26)
def test_fewer_groups_than_splits_are_refused():
    copies = [
        fact(f"{split}/{name}/a.jpg", 30 + (name == "fractured"))
        for split in ("test", "train", "val")
        for name in ("fractured", "not fractured")
    ]
    with pytest.raises(ValueError, match="both classes"):
        by_path(copies)


def test_nothing_readable_is_refused():
    broken = Fact("train/fractured/z.jpg", "train", True, reason="truncated")
    with pytest.raises(ValueError, match="none sound"):
        by_path([broken])
