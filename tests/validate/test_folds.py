import hashlib

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config
from pipeline.validate import folds, splits
from tests.imports import REPOSITORY

SETTINGS = config.read(REPOSITORY / "params.yaml").validation.model_copy(update={"split": "kfold"})
ENOUGH = [(f"{kind}{n}", kind == "f") for kind in "fn" for n in range(7)]
# Groups of any size; some, of a patient, hold both classes.
MORE = st.lists(st.tuples(st.integers(0, 40).map("x{}".format), st.booleans()), max_size=80)
FOLDS = st.integers(3, 7)


def files(*rows):
    table = pd.DataFrame(rows, columns=["group", "fractured"])
    hashes = [hashlib.sha256(f"{row} {group}".encode()).hexdigest() for row, (group, _) in enumerate(rows)]
    return table.assign(sha256=hashes, path=hashes, published_split="train")


@given(MORE, FOLDS)
def test_folds_hold_like_numbers_of_groups_of_each_class(more, n_folds):
    table = files(*ENOUGH, *more)
    fold = table["group"].map(folds.assign_folds(table, n_folds))
    for fractured in (True, False):
        n_groups = table[table["fractured"] == fractured].groupby(fold)["group"].nunique()
        assert len(n_groups) == n_folds
        assert n_groups.max() - n_groups.min() <= 1


@given(MORE, FOLDS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(more, n_folds, random):
    table = files(*ENOUGH, *more)
    shuffled = table.sample(frac=1, random_state=random.randrange(1000))
    pd.testing.assert_series_equal(folds.assign_folds(table, n_folds), folds.assign_folds(shuffled, n_folds))


@given(MORE, FOLDS)
def test_over_all_runs_every_group_is_tested_once(more, n_folds):
    table = files(*ENOUGH, *more)
    assigned = folds.assign_folds(table, n_folds)
    runs = pd.concat([folds.roles(assigned, fold, n_folds) for fold in range(n_folds)], axis=1)
    assert (runs == "test").sum(axis=1).eq(1).all()
    assert (runs == "val").sum(axis=1).eq(1).all()


@given(MORE, MORE)
def test_with_a_pinned_manifest_growing_data_move_no_group(more, later):
    table = files(*ENOUGH, *more, *later)
    old = table[: len(ENOUGH) + len(more)]
    pinned = old.join(splits.choose(old, SETTINGS), on="group").set_index("sha256")[["split", "fold"]]
    chosen = splits.choose(table, SETTINGS, pinned)
    assert old["group"].map(chosen["fold"]).tolist() == pinned["fold"].tolist()


def test_new_groups_go_where_groups_of_their_class_lack():
    pinned = pd.Series({"f0": "0", "f1": "0", "f2": "0", "n0": "1", "n1": "1", "n2": "1"})
    table = files(*[(f"{kind}{n}", kind == "f") for kind in "fn" for n in range(5)])
    assigned = folds.assign_folds(table, 3, pinned)
    assert sorted(assigned[["f3", "f4"]]) == [1, 2]
    assert sorted(assigned[["n3", "n4"]]) == [0, 2]


def test_more_folds_than_groups_of_a_class_are_refused():
    table = files(("a", True), ("b", True), ("c", False), ("d", False), ("e", False))
    with pytest.raises(ValueError, match=r"3 folds for \{'fractured': 2, 'not fractured': 3\}.*folds.*add"):
        folds.assign_folds(table, 3)


def test_a_fold_that_is_none_of_the_folds_is_refused():
    table = files(*ENOUGH)
    pinned = pd.DataFrame({"split": "test", "fold": "6"}, index=table["sha256"])
    with pytest.raises(ValueError, match=r"0, 1, 2, 3, 4\. Received: '6'\. Set validate\.folds"):
        splits.choose(table, SETTINGS, pinned)
