"""Where the maps point on parts of the annotated radiographs: tables in, one table out.

What would rest on fewer than five groups is not shown: it would say more of chance than of the maps, and
could be traced to a patient.
"""

from __future__ import annotations

import pandas as pd

from pipeline.evaluate.subgroups import MIN_GROUPS, parts
from pipeline.region_maps import scores

FIGURES = ("pointing_game", "energy_in_box")
COLUMNS = [
    *("attribute", "value", "radiographs", "groups"),
    *(f"{name}{end}" for name in FIGURES for end in ("", "_low", "_high")),
    *scores.BASELINES,
]


def subgroups(table: pd.DataFrame, attributes: pd.DataFrame, *, n_samples: int, seed: int) -> pd.DataFrame:
    """Score the annotated radiographs that share an attribute's value.

    Parameters
    ----------
    table
        A row a radiograph, from :func:`pipeline.region_maps.scores.localize`; it may be empty.
    attributes
        The same rows, one column an attribute, as text; empty: unknown. The fracture's size is added.
    n_samples, seed
        Resamples of the groups behind the 95 % intervals, and where their random numbers start.

    Returns
    -------
    DataFrame
        The columns of :data:`COLUMNS`, first one row for all radiographs, then one for each attribute and
        value: :func:`pipeline.evaluate.subgroups.subgroups` says which values there are. The figures of a
        value of fewer than five groups are empty.
    """
    if table.empty:
        return pd.DataFrame(columns=COLUMNS)
    size = table["fracture_size"].map(lambda share: f"{100 * share:.2f}")  # of the radiograph, in percent
    rows = [
        {"attribute": name, "value": value} | _score(table[part], n_samples=n_samples, seed=seed)
        for name, value, part in parts(
            attributes.reset_index(drop=True).assign(fracture_size=size), table["group"].to_numpy()
        )
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _score(part: pd.DataFrame, *, n_samples: int, seed: int) -> dict[str, float]:
    """Count, and give the figures where enough groups stand behind them."""
    counted: dict[str, float] = {"radiographs": len(part), "groups": part["group"].nunique()}
    if counted["groups"] < MIN_GROUPS:
        return counted
    own = scores.means(part, FIGURES, n_samples=n_samples, seed=seed)
    return counted | own | {name: float(part[name].mean()) for name in scores.BASELINES}
