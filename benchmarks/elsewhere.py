"""Train without one source, or one part of the body, and try the network on what was left out.

    python benchmarks/elsewhere.py train FOLDER [NAME ...] [--left-out hand leg large] [--seeds 7 8 9]
                                         [--with KEY=VALUE ...]
    python benchmarks/elsewhere.py answer FOLDER [--with predict.tta_views=8]
    python benchmarks/elsewhere.py table FOLDER

Variations are those of `trials.py`, and the shards those that `dvc repro preprocess` left of a data set whose
labels name `hand`, `leg`, `hip` and `shoulder` by 0 or 1, such as `../shared/data/fracatlas_full`. Left out
are all radiographs that show the part, from `train` and `val`; or those of the source whose longer side is
above 500 pixels (`large`). `val` without them is home. What was left out of `train` and `val` is away:
nothing was chosen by it. `test` is not read.

Each training leaves NAME-without-PART-seedN: `.home.csv` and `.away.csv` (logits, for
`python -m benchmarks.recalibrate`; whether the strongest cell lies on a drawn fracture; how far from the
training radiographs) and `.keras`. One that has ended is not done again, so a killed run goes on. `answer`
asks all networks of a folder anew, and replaces their files.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from trials import HERE, answers, auroc, changed

from pipeline import config as settings
from pipeline.evaluate import evaluation
from pipeline.files import outputs
from pipeline.network import classifier, device, inference, tta
from pipeline.predict import scope
from pipeline.preprocess import shards
from pipeline.statistics import metrics
from pipeline.train import self_training, training

LARGE_PX = 500
Shows = Callable[[pd.DataFrame], pd.Series]
LEFT_OUT: dict[str, Shows] = {
    **{
        part: lambda rows, part=part: rows[part].astype(float) == 1
        for part in ("hand", "leg", "hip", "shoulder")
    },
    "large": lambda rows: rows[["height_px", "width_px"]].max(axis=1) > LARGE_PX,
}


def main() -> None:
    """Train what is missing, or print the table of what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["train", "answer", "table"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(HERE)}; baseline by default")
    parser.add_argument("--left-out", nargs="+", choices=LEFT_OUT, default=["hand", "leg", "large"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[7, 8, 9])
    parser.add_argument("--with", nargs="+", default=[], dest="common", metavar="KEY=VALUE")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(HERE))
    if unknown:
        parser.error(f"NAME must be one of {', '.join(HERE)}. Received: {', '.join(unknown)}")
    if options.what == "table":
        print(table(options.folder))
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    device.prepare(settings.read().run)
    if options.what == "answer":
        config = changed(settings.read(), options.common)
        for path in sorted(options.folder.glob("*.keras")):
            stem = path.with_suffix("")
            answer(config, stem, LEFT_OUT[_left_out(stem)])
        return
    for seed in options.seeds:
        for left_out in options.left_out:
            for name in options.names or ["baseline"]:
                stem = options.folder / f"{name}-without-{left_out}-seed{seed}"
                if not _csv(stem, "away").exists():
                    config = changed(settings.read(), [f"run.seed={seed}", *options.common, *HERE[name]])
                    train(config, stem, LEFT_OUT[left_out])


def train(config: settings.Config, stem: Path, shows: Shows) -> None:
    """Train one network without what is left out, and write what it says of home and away."""
    learnt, home, away = parted(config, shows)
    if away.empty:
        raise ValueError(f"{stem.name} must leave something out. Received: shards of which none shows it.")
    checkpoint = stem.with_name(f"{stem.name}.checkpoint")
    examples = training.Examples(config.paths.shards, learnt, home)
    model, _ = self_training.fit(config, examples, config.train, checkpoint)
    with outputs.staged(stem.with_name(f"{stem.name}.keras")) as private:
        classifier.save(model, private)
    answer(config, stem, shows)
    checkpoint.unlink()


def parted(config: settings.Config, shows: Shows) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Rows of the index to learn from, of home and of what is left out."""
    index = shards.read_index(config.paths.shards)
    index = index[index["split"].isin(["train", "val"])]
    is_away = shows(index)
    learnt, home = (index[~is_away & (index["split"] == split)] for split in ("train", "val"))
    return learnt, home, index[is_away]


def answer(config: settings.Config, stem: Path, shows: Shows) -> None:
    """Write what a trained network says of home and away."""
    learnt, home, away = parted(config, shows)
    plain = inference.predictor(classifier.load(stem.with_name(f"{stem.name}.keras")))
    of_train, of_home = (answers(config, plain, rows)[0].features for rows in (learnt, home))
    bank = scope.fit(of_train, np.full(len(learnt), ""), of_home, home["sampling_weight"].to_numpy(float))
    predict = tta.with_tta(plain, config.predict.tta_views)
    for place, rows in (("home", home), ("away", away)):
        output, hits = answers(config, predict, rows)
        written = rows[["path", "group", "fractured", "sampling_weight"]].assign(
            logit=output.logits, hit=hits, distance=bank.score(output.features), farthest=bank.threshold
        )
        outputs.write_text(_csv(stem, place), written.to_csv(index=False, lineterminator="\n"))
    keras.backend.clear_session()


def table(folder: Path) -> str:
    """One row for each variation and each part left out, means over seeds, in Markdown."""
    stems = [
        path.with_name(path.name.removesuffix(".away.csv")) for path in sorted(folder.glob("*.away.csv"))
    ]
    rows = pd.DataFrame(
        {
            "variation": stem.name.partition("-without-")[0],
            "left out": _left_out(stem),
            **figures(*(pd.read_csv(_csv(stem, place)) for place in ("home", "away"))),
        }
        for stem in stems
    )
    by = rows.groupby(["left out", "variation"])
    means = by.mean().round(3).assign(seeds=by.size(), **{"SD, away": by["AUROC, away"].std().round(3)})
    return str(means.reset_index().to_markdown(index=False))


def figures(home: pd.DataFrame, away: pd.DataFrame) -> dict[str, float]:
    """How well one network ranks home and away, each group weighing as one, and what thresholds are worth.

    ``specificity`` is that at home's threshold for a sensitivity of 95 %, ``own`` that at away's own.
    """
    calibration, at = evaluation.choose(
        home["logit"].to_numpy(float),
        home["fractured"].to_numpy(bool),
        home["sampling_weight"].to_numpy(float),
        method="platt",
        sensitivity=0.95,
        specificity=0.90,
    )
    fractured, logit = away["fractured"].to_numpy(bool), away["logit"].to_numpy(float)
    called = calibration.probability(logit) >= at.high_sensitivity
    own = np.quantile(logit[fractured], 0.05, method="lower")
    is_away = np.repeat([False, True], [len(home), len(away)])
    distance = pd.concat([home["distance"], away["distance"]]).to_numpy(float)
    return {
        "AUROC, home": _auroc(home),
        "AUROC, away": _auroc(away),
        "sensitivity": float(called[fractured].mean()),
        "specificity": float((~called[~fractured]).mean()),
        "own": float((logit[~fractured] < own).mean()),
        "calibration error": metrics.ece(fractured, calibration.probability(logit)),
        "pointing game, home": float(home["hit"].mean()),
        "pointing game, away": float(away["hit"].mean()),
        "AUROC of out of scope": auroc(is_away, distance),
        "out of scope": float((away["distance"] > away["farthest"]).mean()),
    }


def _auroc(rows: pd.DataFrame) -> float:
    weight = rows["sampling_weight"].to_numpy(float)
    return auroc(rows["fractured"].to_numpy(bool), rows["logit"].to_numpy(float), weight)


def _left_out(stem: Path) -> str:
    return stem.name.partition("-without-")[2].rpartition("-seed")[0]


def _csv(stem: Path, place: str) -> Path:
    return stem.with_name(f"{stem.name}.{place}.csv")


if __name__ == "__main__":
    main()
