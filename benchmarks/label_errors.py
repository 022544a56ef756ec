"""Flip labels of radiographs, and see how many of those listed as suspects are the flipped ones.

python benchmarks/label_errors.py ../shared/data/fracatlas
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from pipeline.files.limits import Limits
from pipeline.statistics import forests, probe
from pipeline.validate import label_errors, listing, scan

FLIPPED = 0.05
SEEDS = range(5)
LIMITS = Limits(max_pixels=10**8, min_side_px=32, not_radiograph=1.0)


def main(root: Path) -> None:
    """Print precision and recall of the suspects, by how many are looked at."""
    facts = [fact for fact in map(scan.inspect, listing.find(root, LIMITS)[0]) if not fact.reason]
    truth = np.array([fact.fractured for fact in facts])
    features = probe.edge_histograms(np.stack([fact.thumbnail for fact in facts]))
    groups, rows = np.array([fact.sha256 for fact in facts]), []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        flipped = np.zeros(len(truth), bool)
        flipped[rng.choice(len(truth), round(FLIPPED * len(truth)), replace=False)] = True
        labels = truth ^ flipped
        y_score = forests.out_of_bag(features, labels, groups, seed)
        order = np.argsort(label_errors.quality(labels, y_score), kind="stable")
        confident = label_errors.suspects(labels, y_score, 1.0)
        row = {"auroc": roc_auc_score(truth, y_score), "confident": len(confident)}
        row["confident precision"] = flipped[confident].mean()
        row["confident recall"] = flipped[confident].sum() / flipped.sum()
        for k in (14, 28, 71, 142, 284):
            row[f"precision at {k}"] = flipped[order[:k]].mean()
            row[f"recall at {k}"] = flipped[order[:k]].sum() / flipped.sum()
            row[f"confident precision at {k}"] = flipped[confident[:k]].mean()
        rows.append(row)
    print(pd.DataFrame(rows).agg(["mean", "min", "max"]).T.round(3).to_string())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
