import hashlib

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config
from pipeline.validate import pinned_splits, splits
from tests.imports import REPOSITORY

SETTINGS = config.read(REPOSITORY / "params.yaml").validation
GROUPS = st.integers(0, 12).map("g{:02}".format)
FILE = st.tuples(GROUPS, st.sampled_from(splits.SPLITS), st.booleans())
FILES = st.lists(FILE, min_size=1, max_size=60)
MORE = st.lists(FILE, max_size=30)
BOTH = [(f"{split}{fractured}", split, fractured) for split in splits.SPLITS for fractured in (True, False)]


def files(*rows):
    table = pd.DataFrame(rows, columns=["group", "published_split", "fractured"])
    return table.assign(
        path=[f"{row}.jpg" for row in range(len(table))],
        sha256=[
            hashlib.sha256(f"{row} {group}".encode()).hexdigest() for row, (group, *_) in enumerate(rows)
        ],
    )


def manifest_of(table, **settings):
    """What `validate` would write down of a table."""
    chosen = splits.choose(table, SETTINGS.model_copy(update=settings))
    return (
        table.join(chosen, on="group").set_index("sha256").reindex(columns=["split", "fold"], fill_value="")
    )


@given(FILES)
def test_no_group_ever_crosses_splits(rows):
    table = files(*rows)
    chosen = splits.regroup(table)
    assert splits.crossing(table.assign(split=table["group"].map(chosen)), "split") == []
    assert list(chosen.index) == sorted(set(table["group"]))


@given(FILES)
def test_a_group_lies_where_one_of_its_files_was_published(rows):
    table = files(*rows)
    chosen = splits.regroup(table)
    for group, members in table.groupby("group"):
        assert chosen[group] in set(members["published_split"])


@given(FILES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows, random):
    table = files(*rows)
    shuffled = table.sample(frac=1, random_state=random.randrange(1000))
    pd.testing.assert_series_equal(splits.regroup(table), splits.regroup(shuffled))


@given(FILES, MORE)
def test_new_groups_move_no_group(rows, more):
    table = files(*rows, *[(f"new {group}", split, fractured) for group, split, fractured in more])
    old = splits.regroup(table[: len(rows)])
    assert splits.regroup(table)[old.index].equals(old)


@given(FILES, MORE)
def test_with_a_pinned_manifest_new_copies_move_no_group(rows, more):
    table = files(*rows, *more)
    pinned = manifest_of(table[: len(rows)])
    chosen = splits.choose(table, SETTINGS, pinned)
    now = table["group"].map(chosen["split"])[: len(rows)]
    assert now.tolist() == pinned["split"].tolist()


@given(FILES, MORE, st.lists(st.tuples(GROUPS, GROUPS), max_size=4))
def test_merged_groups_move_towards_train_and_nowhere_else(rows, more, merges):
    table = files(*rows, *more)
    pinned = manifest_of(table[: len(rows)])
    for first, second in merges:
        table["group"] = table["group"].replace(first, second)
    chosen = splits.choose(table, SETTINGS, pinned)
    for group, members in table[: len(rows)].groupby("group"):
        given_before = pinned.loc[members["sha256"], "split"]
        assert chosen.loc[group, "split"] == min(given_before, key=splits.SPLITS.index)


def test_crossing_groups_share_out_as_their_files_do():
    # Each group has two files of its own in train, one in val, one in test.
    rows = [(f"g{n}", split, True) for n in range(1000) for split in ("train", "train", "val", "test")]
    share = splits.regroup(files(*rows)).value_counts(normalize=True)
    assert share.to_dict() == pytest.approx({"train": 0.5, "val": 0.25, "test": 0.25}, abs=0.05)


def test_the_same_bytes_in_two_splits_do_not_always_lie_in_the_same_one():
    rows = [(f"g{n}", split, True) for n in range(200) for split in ("train", "test")]
    same_bytes = files(*rows).assign(sha256=lambda table: table["group"])
    assert splits.regroup(same_bytes).value_counts()["test"] == pytest.approx(100, abs=30)


@pytest.mark.reliability(22)
def test_keep_lists_the_groups_that_cross():
    table = files(("a", "train", True), ("a", "test", True), ("b", "val", False))
    with pytest.raises(ValueError, match=r"(?s)1 that cross.*regroup.*a: 0\.jpg, 1\.jpg"):
        splits.keep(table)
    assert splits.keep(table[1:]).to_dict() == {"a": "test", "b": "val"}


def test_keep_ignores_the_pinned_manifest():
    table = files(*BOTH)
    pinned = pd.DataFrame({"split": "train", "fold": ""}, index=table["sha256"])
    chosen = splits.choose(table, SETTINGS.model_copy(update={"split": "keep"}), pinned)
    assert chosen["split"].to_dict() == {group: split for group, split, _ in BOTH}


def test_kfold_tests_on_the_chosen_fold_and_tunes_on_the_next():
    table = files(*[(f"g{n}", "train", n % 2 == 0) for n in range(8)])
    settings = SETTINGS.model_copy(update={"split": "kfold", "folds": 4, "fold": 3})
    chosen = splits.choose(table, settings)
    roles = chosen.groupby("fold")["split"].agg(set).to_dict()
    assert roles == {"0": {"val"}, "1": {"train"}, "2": {"train"}, "3": {"test"}}


@pytest.mark.reliability(26)
def test_every_split_needs_both_classes():
    table = files(*BOTH).assign(split=lambda table: table["published_split"])
    splits.check(table)
    for row in range(6):
        with pytest.raises(ValueError, match=r"both classes.*Add independent.*kfold"):
            splits.check(table.drop(index=row))


def test_a_group_in_two_splits_is_refused():
    table = files(*BOTH, ("trainTrue", "test", True))
    with pytest.raises(ValueError, match="trainTrue in several"):
        splits.check(table.assign(split=table["published_split"]))


def test_the_manifest_that_was_written_can_be_pinned(tmp_path):
    table = files(*BOTH)
    written = table.join(splits.choose(table, SETTINGS), on="group")
    written.to_csv(tmp_path / "pinned.csv", index=False)
    pinned = pinned_splits.read(tmp_path / "pinned.csv")
    pd.testing.assert_frame_equal(pinned, manifest_of(table))
