import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import splits

FILES = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(splits.SPLITS), st.booleans()), min_size=1, max_size=60
)


def files(*rows):
    table = pd.DataFrame(rows, columns=["group", "published_split", "fractured"])
    return table.assign(path=[f"{row}.jpg" for row in range(len(table))])


@given(FILES)
def test_no_group_ever_crosses_splits(rows):
    table = files(*[(f"g{group:02}", split, fractured) for group, split, fractured in rows])
    chosen = splits.regroup(table)
    assert splits.crossing(table.assign(split=table["group"].map(chosen)), "split") == []
    assert set(chosen.index) == set(table["group"])


@given(FILES)
def test_whole_groups_stay_where_they_were_published(rows):
    table = files(*[(f"g{group:02}", split, fractured) for group, split, fractured in rows])
    chosen = splits.regroup(table)
    for group, members in table.groupby("group"):
        if len(set(members["published_split"])) == 1:
            assert chosen[group] == members["published_split"].iloc[0]


@given(FILES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows, random):
    table = files(*[(f"g{group:02}", split, fractured) for group, split, fractured in rows])
    shuffled = table.sample(frac=1, random_state=random.randrange(1000))
    pd.testing.assert_series_equal(splits.regroup(table), splits.regroup(shuffled))


def test_crossing_groups_fill_the_published_proportions():
    # Eight groups, each with files in train (twice), val and test: half, a quarter, a quarter.
    rows = [(f"g{n}", split, True) for n in range(8) for split in ("train", "train", "val", "test")]
    chosen = splits.regroup(files(*rows))
    assert chosen.value_counts().to_dict() == {"train": 4, "val": 2, "test": 2}


def test_keep_lists_the_groups_that_cross():
    table = files(("a", "train", True), ("a", "test", True), ("b", "val", False))
    with pytest.raises(ValueError, match=r"(?s)1 that cross.*regroup.*a: 0\.jpg, 1\.jpg"):
        splits.keep(table)
    assert splits.keep(table[1:]).to_dict() == {"a": "test", "b": "val"}


BOTH = [(f"{split}{fractured}", split, fractured) for split in splits.SPLITS for fractured in (True, False)]


def test_every_split_needs_both_classes():
    table = files(*BOTH).assign(split=lambda table: table["published_split"])
    splits.check(table)
    for row in range(6):
        with pytest.raises(ValueError, match="both classes"):
            splits.check(table.drop(index=row))


def test_a_group_in_two_splits_is_refused():
    table = files(*BOTH, ("trainTrue", "test", True))
    with pytest.raises(ValueError, match="trainTrue in several"):
        splits.check(table.assign(split=table["published_split"]))
