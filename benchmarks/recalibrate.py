"""How well `fracture recalibrate` carries thresholds and calibration from one place to another.

    python -m benchmarks.recalibrate                          # simulated places
    python -m benchmarks.recalibrate HOME.csv AWAY.csv        # logits of two sets, by one network
    python -m benchmarks.recalibrate --logits DIR OUT.csv     # write them, by the bundle in models/

A file holds `logit` and `fractured` (True or False), and `group` where several rows are of one patient. DIR
holds `fractured/` and `not fractured/`, as for `fracture assess`.

The old calibration and thresholds are fitted to HOME, as `evaluate` fits them to val: HOME should be val.
AWAY is halved by group 20 times. From one half come 100 labelled radiographs (and more, until 20 are
fractured, as the command asks), or 200 without labels and the share of fractured ones; the other half tests.

Printed are means over the draws. `gap`: the specificity at the threshold for 95 % sensitivity, less that of
the threshold fitted on the test half itself. `excess`: the expected calibration error, less that of Platt's
fit to the test half itself. Wanted: a gap within 0.05 with labels and 0.10 without, an excess within 0.02.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluate import evaluation
from pipeline.evaluate.recalibration import Site
from pipeline.predict import calibration, recalibration, val_scores
from pipeline.predict.recalibration import Fit, Targets
from pipeline.statistics import metrics
from pipeline.types import AnyArray

TARGETS = Targets(0.95, 0.90)
DRAWS, LABELLED, UNLABELLED, FRACTURED = 20, 100, 200, 20
WAYS = ("unchanged", "100 labels", "until 20 fractured", "200 unlabelled")
Draw = Callable[[np.random.Generator, int], AnyArray]


def read(path: Path) -> Site:
    """Read the logits of a set."""
    rows = pd.read_csv(path, dtype={"group": "str"})
    group = rows["group"] if "group" in rows else rows.index.astype(str)
    return Site(rows["logit"].to_numpy(float), rows["fractured"].to_numpy(bool), np.asarray(group, str))


def take(site: Site, places: AnyArray) -> Site:
    """Select radiographs."""
    return Site(*(values[places] for values in site))


def old_fit(home: Site) -> Fit:
    """Choose as `evaluate` does on val."""
    return Fit(
        *evaluation.choose(
            home.logits, home.y_true, home.weight, method="platt",
            sensitivity=TARGETS.sensitivity, specificity=TARGETS.specificity,
        )
    )  # fmt: skip


def fits(rng: np.random.Generator, home: Site, pool: Site, old: Fit) -> Iterator[tuple[str, Fit]]:
    """Fit by each way to what is drawn from a pool."""
    yield "unchanged", old
    order = np.concatenate(
        [np.flatnonzero(pool.group == one) for one in rng.permutation(np.unique(pool.group))]
    )
    enough = np.cumsum(pool.y_true[order]) >= FRACTURED
    until = max(LABELLED, int(enough.argmax()) + 1 if enough.any() else len(order))
    val = val_scores.describe(home.logits, home.y_true, home.weight)
    for name, n in (("100 labels", LABELLED), ("until 20 fractured", until)):
        drawn = take(pool, order[:n])
        if 0 < drawn.y_true.sum() < len(drawn.y_true):
            yield (
                name,
                recalibration.from_labels(
                    drawn.logits, drawn.y_true, drawn.weight, val, old.calibration, TARGETS
                ),
            )
    drawn, share = take(pool, order[:UNLABELLED]), float(np.average(pool.y_true, weights=pool.weight))
    fit = recalibration.from_scores(drawn.logits, drawn.weight, val, share, old.calibration, TARGETS)
    yield "200 unlabelled", fit


def against_best(test: Site, found: Fit, n_bins: int = 10) -> dict[str, float]:
    """Compare a fit with what is fitted on the test half itself."""
    best = calibration.fit(test.logits, test.y_true, test.weight)
    oracle = np.quantile(test.logits[test.y_true], 1 - TARGETS.sensitivity, method="lower")
    limit = (test.logits[found.calibration.probability(test.logits) >= found.points.high_sensitivity]).min(
        initial=np.inf
    )
    other, hit = test.logits[~test.y_true], test.logits[test.y_true]
    errors = [
        metrics.ece(test.y_true, one.probability(test.logits), n_bins=n_bins)
        for one in (found.calibration, best)
    ]
    return {
        "specificity": float((other < limit).mean()),
        "best": float((other < oracle).mean()),
        "sensitivity": float((hit >= limit).mean()),
        "ece": errors[0],
        "best_ece": errors[1],
    }


def measure(draw: Callable[[np.random.Generator], tuple[Site, Site, Site]]) -> pd.DataFrame:
    """Means over the draws of home, of the half that is fitted to and of the one that tests; a row a way."""
    rows: list[dict[str, Any]] = []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        home, pool, test = draw(rng)
        rows += [
            {"way": name} | against_best(test, fit) for name, fit in fits(rng, home, pool, old_fit(home))
        ]
    table = pd.DataFrame(rows)
    table = table.assign(gap=table["specificity"] - table["best"], excess=table["ece"] - table["best_ece"])
    means = table.groupby("way")[["sensitivity", "specificity", "best", "gap", "ece", "excess"]].mean()
    return means.assign(gap_sd=table.groupby("way")["gap"].std()).reindex(WAYS)


def halved(home: Site, away: Site, rng: np.random.Generator) -> tuple[Site, Site, Site]:
    """Halve a set by group."""
    names = rng.permutation(np.unique(away.group))
    first = np.isin(away.group, names[: len(names) // 2])
    return home, take(away, np.flatnonzero(first)), take(away, np.flatnonzero(~first))


def simulate(draws: tuple[Draw, Draw, Draw, Draw], rng: np.random.Generator) -> tuple[Site, Site, Site]:
    """Draw 393 radiographs at home and 400 in each half away."""
    return place(rng, *draws[:2], 393), place(rng, *draws[2:], 400), place(rng, *draws[2:], 400)


def normals(*parts: tuple[float, float, float]) -> Draw:
    """Draw from a mixture of normals: share, mean and standard deviation of each."""
    share, mean, spread = (np.array(column) for column in zip(*parts, strict=True))

    def draw(rng: np.random.Generator, n: int) -> AnyArray:
        which = rng.choice(len(share), n, p=share)
        return rng.normal(mean[which], spread[which])

    return draw


def moved(draw: Draw, shift: float, stretch: float) -> Draw:
    """Move and stretch what is drawn."""
    return lambda rng, n: shift + stretch * draw(rng, n)


NORMAL = (normals((1, 2, 1.2)), normals((1, -1.5, 1.2)))
TAILED = (normals((0.75, 3, 1.1), (0.25, -0.3, 1)), normals((0.8, -2.5, 0.9), (0.2, -0.2, 1)))
BLURRED = (normals((0.6, 3, 1.1), (0.4, 0.5, 1)), normals((0.6, -1.5, 0.9), (0.4, 0.8, 1)))
MOVES = {"same": (0, 1), "shift +2": (2, 1), "shift -2, stretch 0.7": (-2, 0.7), "stretch 1.4": (0, 1.4)}


def simulated() -> Iterator[tuple[str, Draw, Draw, Draw, Draw]]:
    """Pairs of places: name, fractured and other at home, fractured and other away."""
    for name, home in (("normal", NORMAL), ("tailed", TAILED)):
        for how, by in MOVES.items():
            yield f"{name}, {how}", *home, *(moved(one, *by) for one in home)  # type: ignore[misc]
    yield "normal to tailed", *NORMAL, *TAILED
    yield "tailed to normal", *TAILED, *NORMAL
    yield "tailed to blurred", *TAILED, *BLURRED


def place(rng: np.random.Generator, fractured: Draw, other: Draw, n: int, share: float = 0.18) -> Site:
    """Draw a place of n radiographs."""
    y_true = rng.random(n) < share
    logits = np.where(y_true, fractured(rng, n), other(rng, n))
    return Site(logits, y_true, np.arange(n).astype(str))


def write_logits(folder: Path, out: Path) -> None:
    """Write the logits of a folder's radiographs, by the current bundle."""
    from pipeline import config
    from pipeline.commands import folder_prediction
    from pipeline.predict import bundle
    from pipeline.validate import external

    settings = config.read()
    checked = external.check(settings, folder.resolve(), None)
    rows, logits, _ = folder_prediction.logits(settings, bundle.load(settings.paths.models), checked)
    rows[["path", "group", "fractured"]].assign(logit=logits.round(6)).to_csv(out, index=False)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, help="HOME.csv AWAY.csv; with --logits DIR OUT.csv")
    parser.add_argument("--logits", action="store_true")
    chosen = parser.parse_args()
    if chosen.logits:
        write_logits(*chosen.files)
    elif chosen.files:
        home, away = map(read, chosen.files)
        sys.stdout.write(f"{measure(partial(halved, home, away)).round(3).to_string()}\n")
    else:
        for name, *draws in simulated():
            sys.stdout.write(f"{name}\n{measure(partial(simulate, draws)).round(3).to_string()}\n")


if __name__ == "__main__":
    main()
