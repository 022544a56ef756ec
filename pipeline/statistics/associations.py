"""Which attributes the label is associated with: tables in, one table out.

A group weighs as one: a hundred copies of a radiograph are no hundred observations.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, fisher_exact

MIN_GROUPS = 5  # an attribute's value that fewer groups have is not listed: too few for evidence

COLUMNS = ["attribute", "value", "files", "groups", "fractured_share", "difference", "p_value", "p_adjusted"]


def associations(
    attributes: pd.DataFrame, fractured: NDArray[np.bool_], group: NDArray[np.str_]
) -> pd.DataFrame:
    """Compare the radiographs that share an attribute's value with all others.

    Parameters
    ----------
    attributes
        One row a radiograph, one column an attribute: values as text.
    fractured
        bool, shape (n_radiographs,).
    group
        str, shape (n_radiographs,). A group of both labels counts once for each.

    Returns
    -------
    DataFrame
        One row an attribute and value, the surest first: ``files`` and ``groups`` that have it,
        ``fractured_share`` of those groups, its ``difference`` from that of the others (-1 to 1),
        ``p_value`` of Fisher's exact test on groups, and ``p_adjusted`` for the number of rows: of the rows
        at 0.05 and below, at most one in twenty is to be expected by chance. Of two values that are each
        other's rest, the rarer is listed.

    References
    ----------
    R. A. Fisher, "On the interpretation of chi-squared from contingency tables, and the calculation of P",
    Journal of the Royal Statistical Society 85, 1922. https://doi.org/10.2307/2340521
    Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate: a practical and powerful approach to
    multiple testing", Journal of the Royal Statistical Society B 57, 1995.
    https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
    """
    _, code = np.unique(group, return_inverse=True)
    units, unit = np.unique(2 * code + fractured, return_inverse=True)
    unit_fractured = units % 2 == 1
    rows = [
        row
        for name in attributes
        for row in _of_attribute(name, attributes[name].to_numpy(str), unit, unit_fractured)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    table["p_adjusted"] = false_discovery_control(table["p_value"]) if len(table) else []
    return table.sort_values(["p_value", "attribute", "value"], ignore_index=True)


def _of_attribute(
    name: str, values: NDArray[np.str_], unit: NDArray[np.int64], fractured: NDArray[np.bool_]
) -> list[tuple[str, str, int, int, float, float, float]]:
    """One row for each value that enough groups have, and enough have not."""
    size = np.bincount(unit)
    rows = []
    for level, files in zip(*np.unique(values, return_counts=True), strict=True):
        has = np.bincount(unit, weights=values == level) * 2 >= size  # of a group, at least half
        if MIN_GROUPS <= has.sum() <= len(has) - MIN_GROUPS:
            share, rest = fractured[has].mean(), fractured[~has].mean()
            p_value = _p_value(has, fractured)
            rows.append((name, str(level), int(files), int(has.sum()), share, share - rest, p_value))
    return [min(rows, key=lambda row: row[3])] if len(np.unique(values)) == 2 and rows else rows


def _p_value(has: NDArray[np.bool_], fractured: NDArray[np.bool_]) -> float:
    """Fisher's exact test, two-sided."""
    counts = np.bincount(has * 2 + fractured, minlength=4).reshape(2, 2)
    return float(fisher_exact(counts).pvalue)
