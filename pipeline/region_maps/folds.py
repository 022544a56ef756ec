"""Where the maps of several folds point, scored as one set: every group by the fold that tested it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.dataset.annotations import Annotations
from pipeline.region_maps import coco, froc, scores


def pool(
    radiographs: Sequence[pd.DataFrame],
    marks: Sequence[pd.DataFrame],
    results: Sequence[Mapping[str, Any]],
    annotations: Annotations,
    reference: Mapping[str, Any],
    *,
    n_samples: int,
    seed: int,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Score all maps and regions, with intervals over all groups.

    Parameters
    ----------
    radiographs, marks
        ``radiographs.csv`` and ``marks.csv`` of `region_maps`, of each fold.
    results
        COCO results of all folds; their image ids are those of ``annotations``, which all folds share.
    annotations, reference
        The checked annotations, and the COCO file that holds them.
    n_samples, seed
        Resamples of the groups, and where their random numbers start.

    Returns
    -------
    figures : dict
        ``annotated``; those of :data:`scores.OWN`, :func:`froc.free_response` and
        :func:`coco.average_precision`, each with ``_low`` and ``_high``; those of :data:`scores.BASELINES`;
        ``region_ece``. Empty where nothing is drawn. A score of a region means what its own fold's network
        means by it.
    curve : DataFrame
        Of free response: see :func:`froc.curve`.
    """
    repeat = {"n_samples": n_samples, "seed": seed}
    rows, all_marks = (pd.concat(tables, ignore_index=True) for tables in (radiographs, marks))
    group = rows["group"].to_numpy(str)
    marked, curve = froc.score_marks(
        froc.from_table(all_marks, rows), all_marks["overlap"].to_numpy(float), group, **repeat
    )
    drawn = rows[rows["fractures"] > 0]
    if drawn.empty:
        return {}, curve
    ids = [annotations.image_id(path) for path in rows["path"]]
    return {
        "annotated": len(drawn),
        **scores.means(drawn, scores.OWN, **repeat),
        **{name: float(drawn[name].mean()) for name in scores.BASELINES},
        **marked,
        **coco.average_precision_by_group(reference, results, ids, group, **repeat),
    }, curve
