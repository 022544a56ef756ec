from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.region_maps import scores, subgroups


def table(n: int) -> pd.DataFrame:
    """Every other radiograph is a hit."""
    columns = dict.fromkeys([*scores.OWN, *scores.BASELINES], (np.arange(n) % 2).astype(float))
    return pd.DataFrame({**columns, "group": np.arange(n).astype(str), "fracture_size": np.arange(n) / 1000})


def score(n: int, **attributes: list[str]) -> pd.DataFrame:
    index = pd.RangeIndex(100, 100 + n)
    return subgroups.subgroups(table(n), pd.DataFrame(attributes, index=index), n_samples=50, seed=0)


def test_each_value_has_a_row_beneath_that_of_all() -> None:
    found = score(20, body_part=["hand", "leg"] * 10)
    assert found["value"].tolist()[:3] == ["", "hand", "leg"]
    assert found["pointing_game"].tolist()[:3] == [0.5, 0, 1]
    assert found["radiographs"].tolist()[:3] == [20, 10, 10]


def test_fracture_sizes_are_thirds() -> None:
    found = score(30)
    sizes = found[found["attribute"] == "fracture_size"]
    assert sizes["radiographs"].tolist() == [10, 10, 10]
    assert sizes["value"].iloc[0] == "0 to 0.9"


def test_cells_of_fewer_than_five_groups_are_empty() -> None:
    found = score(20, hardware=["yes"] * 4 + ["no"] * 16).set_index("value")
    assert found.loc["(rare values)", "radiographs"] == 4
    assert found.loc["(rare values)", list(subgroups.FIGURES)].isna().all()
    assert found.loc["no", "pointing_game_low"] <= found.loc["no", "pointing_game"] == pytest.approx(0.5)
