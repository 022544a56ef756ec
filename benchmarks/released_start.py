"""Say what `train.weights: released` gains on few radiographs of a part of the body new to the release.

    python benchmarks/released_start.py train FOLDER --network NETWORK [--part leg] [--share 0.1]
                                              [--seeds 7 8 9] [--with KEY=VALUE ...]
    python benchmarks/released_start.py table FOLDER

A share of the radiographs of `train` that show the part is learnt from, whole groups drawn by lot for each
seed, once from ImageNet (`package`) and once from NETWORK (`released`), by the settings of params.yaml and
for `released` by the smaller steps that it brings.
NETWORK stands for a release that knows nothing of the part: what `elsewhere.py` leaves as
`baseline-without-leg-seed7.keras`. It learnt from `train` without the part, and nothing else; the radiographs
of `test` and `val` that show the part and are no kin of what it learnt from are scored. No epoch is chosen by
them: the last one is kept. Shards as for `elsewhere.py`.

Each training leaves WEIGHTS-PART-seedN.csv (logits), and one that has ended is not done again; a killed one
goes on from its last epoch. The table gives the AUROC of groups, and the mean difference over the seeds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from elsewhere import LEFT_OUT, Shows
from scipy.special import expit
from trials import answers, changed

from pipeline import config as settings
from pipeline.files import outputs
from pipeline.network import device, inference, tta
from pipeline.preprocess import shards
from pipeline.statistics import metrics
from pipeline.train import self_training, training
from pipeline.train.start import smaller_steps

STARTS = ("package", "released")


def main() -> None:
    """Train what is missing, or print the table of what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["train", "table"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", type=Path, help="trained without the part")
    parser.add_argument("--part", choices=LEFT_OUT, default="leg")
    parser.add_argument("--share", type=float, default=0.1, help="of the groups of train that show the part")
    parser.add_argument("--seeds", nargs="+", type=int, default=[7, 8, 9])
    parser.add_argument("--with", nargs="+", default=[], dest="common", metavar="KEY=VALUE")
    options = parser.parse_args()
    if options.what == "table":
        print(table(options.folder))
        return
    if options.network is None or not options.network.is_file():
        parser.error(f"--network must name a .keras file. Received: {options.network}")
    options.folder.mkdir(parents=True, exist_ok=True)
    device.prepare(settings.read().run)
    for seed in options.seeds:
        for start, weights in zip(STARTS, ("package", options.network.resolve()), strict=True):
            ended = options.folder / f"{start}-{options.part}-seed{seed}.csv"
            if not ended.exists():
                changes = [f"run.seed={seed}", "train.checkpoint=last", f"train.weights={weights}"]
                config = changed(settings.read(), [*changes, *options.common])
                if start == "released":
                    config = config.model_copy(update={"train": smaller_steps(config.train)})
                train(config, ended, LEFT_OUT[options.part], options.share)
                print(table(options.folder), flush=True)


def train(config: settings.Config, ended: Path, shows: Shows, share: float) -> None:
    """Train one network on a share of the part, and write what it says of `test` and `val`."""
    index = shards.read_index(config.paths.shards)
    of_part = index[shows(index)]
    learnt = drawn(of_part[of_part["split"] == "train"], share, config.run.seed)
    kin = index.loc[~shows(index) & (index["split"] != "test"), "group"]
    scored = of_part[(of_part["split"] != "train") & ~of_part["group"].isin(kin)]
    examples = training.Examples(config.paths.shards, learnt, scored[scored["split"] == "val"])
    print(f"{ended.stem}: {len(learnt)} learnt from, {len(scored)} scored", flush=True)
    checkpoint = ended.with_suffix(".checkpoint")
    model, _ = self_training.fit(config, examples, config.train, checkpoint)
    predict = tta.with_tta(inference.predictor(model), config.predict.tta_views)
    logit = answers(config, predict, scored)[0].logits
    written = scored[["path", "group", "fractured"]].assign(logit=logit, learnt_from=len(learnt))
    outputs.write_text(ended, written.to_csv(index=False, lineterminator="\n"))
    checkpoint.unlink()
    keras.backend.clear_session()


def drawn(rows: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Draw a share of the groups with a fracture, and of those without."""
    fractured = rows.groupby("group")["fractured"].any()
    rng = np.random.default_rng(seed)
    chosen = [
        rng.choice(groups.index, max(1, round(share * len(groups))), replace=False)
        for _, groups in fractured.groupby(fractured)
    ]
    return rows[rows["group"].isin(np.concatenate(chosen))]


def table(folder: Path) -> str:
    """One row for each part and seed, in Markdown, and the mean difference of each part."""
    rows = pd.DataFrame(
        [_figures(path) for path in sorted(folder.glob("*-seed*.csv"))],
        columns=["part", "seed", "learnt from", "scored", "start", "AUROC"],
    )
    keys = ["part", "seed", "learnt from", "scored"]
    wide = rows.pivot_table("AUROC", keys, "start").reindex(columns=list(STARTS))
    wide["difference"] = wide["released"] - wide["package"]
    means = wide.dropna().groupby("part")["difference"].agg(["mean", "std", "count"])
    told = [
        f"{part}: {row['mean']:+.3f} (SD {row['std']:.3f}), {row['count']:.0f} seeds"
        for part, row in means.iterrows()
    ]
    return "\n".join([str(wide.round(3).reset_index().to_markdown(index=False)), "", *told])


def _figures(path: Path) -> tuple[str, int, int, int, str, float]:
    """Read a training's part, seed, numbers and start, and the AUROC of groups, as `group_auroc`."""
    start, part, seed = path.stem.split("-")
    scored = pd.read_csv(path)
    y_true, y_score, _ = metrics.collapse_groups(
        scored["fractured"].to_numpy(bool),
        expit(scored["logit"].to_numpy(float)),
        scored["group"].to_numpy(str),
    )
    n_learnt = int(scored["learnt_from"].iloc[0])
    return part, int(seed.removeprefix("seed")), n_learnt, len(scored), start, metrics.auroc(y_true, y_score)


if __name__ == "__main__":
    main()
