import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.validate import label_errors

FRACTURED = np.array([True] * 6 + [False] * 6)
Y_SCORE = np.array([0.9, 0.8, 0.9, 0.7, 0.8, 0.05, 0.1, 0.2, 0.1, 0.3, 0.95, 0.2])


def test_quality_is_the_probability_of_the_label():
    assert label_errors.quality(FRACTURED, Y_SCORE) == pytest.approx(
        np.where(FRACTURED, Y_SCORE, 1 - Y_SCORE)
    )


def test_contradicted_labels_are_listed_the_most_suspicious_first():
    assert label_errors.suspects(FRACTURED, Y_SCORE, 1.0).tolist() == [5, 10]


@pytest.mark.parametrize(("share", "n_listed"), [(0.0, 0), (0.08, 0), (1 / 12, 1), (1.0, 2)])
def test_at_most_the_share_is_listed(share, n_listed):
    assert len(label_errors.suspects(FRACTURED, Y_SCORE, share)) == n_listed


def test_scores_that_agree_with_the_labels_leave_nothing_to_list():
    assert label_errors.suspects(FRACTURED, np.where(FRACTURED, 0.9, 0.1), 1.0).tolist() == []


@pytest.mark.parametrize("n_fractured", [0, 1, 3, 4])
def test_a_class_of_less_than_two_has_no_suspects(n_fractured):
    fractured = np.arange(4) < n_fractured
    assert label_errors.suspects(fractured, np.linspace(0, 1, 4), 1.0).tolist() == []


@settings(max_examples=20)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=30), st.floats(0, 1))
def test_suspects_are_few_and_in_the_order_of_their_quality(rows, share):
    fractured, y_score = (np.array(column) for column in zip(*rows, strict=True))
    found = label_errors.suspects(fractured, y_score, share)
    assert len(set(found.tolist())) == len(found) <= share * len(rows)
    assert (np.diff(label_errors.quality(fractured, y_score)[found]) >= 0).all()
