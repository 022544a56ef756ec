import numpy as np
import pandas as pd
import pytest

from pipeline.dataset import body_part


def test_a_part_is_named_where_the_network_is_sure() -> None:
    probability = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]])
    assert body_part.named(probability, ("hand", "leg")) == ["hand", "", "leg"]


def test_a_network_that_names_none_leaves_all_unknown() -> None:
    assert body_part.named(np.zeros((2, 0)), ()) == ["", ""]


def test_only_radiographs_whose_part_is_labelled_count() -> None:
    labels = pd.Series(["hand", "hand", "leg", ""])
    found = body_part.score(labels, ["hand", "leg", "", "leg"])
    assert found == {"radiographs": 3, "named": pytest.approx(2 / 3), "right": 0.5}


def test_none_named_and_none_labelled() -> None:
    assert body_part.score(pd.Series(["hand"]), [""]) == {"radiographs": 1, "named": 0.0}
    assert body_part.score(pd.Series([""]), ["hand"]) == {}
