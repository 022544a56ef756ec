"""Train variations of the settings in one process, and judge each on `val` in several ways.

    python benchmarks/trials.py train FOLDER [NAME ...] [--seeds 7 8 9] [--with KEY=VALUE ...]
                                      [--copies SHARE TIMES] [--drawn N]
    python benchmarks/trials.py table FOLDER
    python benchmarks/trials.py test FOLDER NAME

The variations are those of `ablations.py`; here they train on the shards that `dvc repro preprocess` left,
so those that change `preprocess` are not among them. Neither DVC nor MLflow takes part, and outputs of one
view, of two, and of the seeds together come from the same networks. A training leaves files in FOLDER at its
end, and is not done again: a killed run goes on. With `--copies 0.05 40` one in twenty groups of `train`
is there forty times, as where files are copies of few radiographs. With `--drawn 10` only the fractures of
ten radiographs of `train` count as drawn, ever the same ten. Only the third form reads `test`: with the
networks that one variation left, when all has been chosen.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import yaml
from ablations import VARIATIONS
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.model_selection import StratifiedKFold

from pipeline import config as settings
from pipeline.files import engine, images, outputs
from pipeline.network import classifier, device, inference, interface, tta
from pipeline.predict import calibration, maps
from pipeline.predict.operating_points import OperatingPoints
from pipeline.preprocess import shards
from pipeline.region_maps import randomization
from pipeline.statistics import metrics
from pipeline.train import self_training, training

HERE = {
    name: changes
    for name, changes in VARIATIONS.items()
    if not any(change.startswith("preprocess.") for change in changes)
}
_VIEWS = {"one": 1, "two": 2}
_PROBED = 24  # fractured radiographs of val whose maps are laid beside those of random networks
_FOLDS, _REPEATS = 5, 10  # of the radiographs on which a calibration is fitted, and tried


def main() -> None:
    """Train what is missing, or print the table of what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["train", "table", "test"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(HERE)}; all by default")
    parser.add_argument("--seeds", nargs="+", type=int, default=[7, 8, 9])
    parser.add_argument("--with", nargs="+", default=[], dest="common", metavar="KEY=VALUE")
    parser.add_argument("--copies", nargs=2, type=float, metavar=("SHARE", "TIMES"), default=(0.0, 1))
    parser.add_argument("--drawn", type=int, metavar="N", help="all by default")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(HERE))
    if unknown:
        parser.error(f"NAME must be one of {', '.join(HERE)}. Received: {', '.join(unknown)}")
    if options.what == "table":
        print(table(options.folder))
        return
    if options.what == "test":
        for name in options.names:
            test(settings.read(), options.folder, name)
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    device.prepare(settings.read().run)
    for seed in options.seeds:
        for name in options.names or HERE:
            ended = options.folder / f"{name}-seed{seed}.npz"
            if not ended.exists():
                config = changed(settings.read(), [f"run.seed={seed}", *options.common, *HERE[name]])
                train(config, ended, *options.copies, n_drawn=options.drawn)
                print(table(options.folder), flush=True)


def changed(config: settings.Config, changes: Iterable[str]) -> settings.Config:
    """Return settings with ``section.key=value`` changed, a later change winning over an earlier one."""
    values = config.model_dump(by_alias=True)
    for change in changes:
        keys, _, value = change.partition("=")
        *sections, last = keys.split(".")
        inner: dict[str, Any] = values
        for section in sections:
            inner = inner[section]
        inner[last] = yaml.safe_load(value)
    return settings.Config.model_validate(values)


def with_copies(rows: pd.DataFrame, share: float, times: int) -> pd.DataFrame:
    """Rows of the index with those of a share of the groups there so many times, in the same groups."""
    groups = np.unique(rows["group"])
    copied = rows["group"].isin(np.random.default_rng(0).permutation(groups)[: round(share * len(groups))])
    weight = rows["sampling_weight"] / np.where(copied, times, 1)
    return rows.assign(sampling_weight=weight).loc[rows.index.repeat(np.where(copied, times, 1))]


def undrawn(config: settings.Config, rows: pd.DataFrame, n_drawn: int) -> dict[str, bytes]:
    """Empty masks that stand in for the drawn fractures of all rows but so many."""
    drawn = np.sort(rows.loc[rows["fractures"] > 0, "path"].unique())
    others = np.random.default_rng(0).permutation(drawn)[n_drawn:]
    canvas = np.zeros((config.preprocess.height_px, config.preprocess.width_px), np.uint8)
    return dict.fromkeys(others.tolist(), images.encode_png(canvas))


def train(
    config: settings.Config, ended: Path, share: float = 0.0, times: float = 1, n_drawn: int | None = None
) -> None:
    """Train one network; leave its weights, and its outputs for `val` once all is done."""
    index = shards.read_index(config.paths.shards)
    of_split = {split: rows for split, rows in index.groupby("split")}
    shown = with_copies(of_split["train"], share, round(times))
    blank = {} if n_drawn is None else undrawn(config, shown, n_drawn)
    shown = shown.assign(fractures=shown["fractures"].mask(shown["path"].isin(list(blank)), 0))
    examples = training.Examples(config.paths.shards, shown, of_split["val"], blank)
    teacher, checkpoint = (ended.with_suffix(suffix) for suffix in (".teacher", ".checkpoint"))
    examples, _ = self_training.with_pseudo_masks(config, examples, teacher)
    model, history = self_training.fit(config, examples, config.train, checkpoint)
    with outputs.staged(ended.with_suffix(".keras")) as private:
        classifier.save(model, private)
    found: dict[str, Any] = {
        "history": np.array(json.dumps(history)),
        "likeness": likeness(config, model, examples.val),
    }
    for views, count in _VIEWS.items():
        predict = tta.with_tta(inference.predictor(model), count)
        output, hits = answers(config, predict, examples.val)
        found |= {f"{views}_logits": output.logits, f"{views}_points": hits}
    with outputs.staged(ended) as private, private.open("wb") as file:
        np.savez(
            file,
            fractured=examples.val["fractured"].to_numpy(bool),
            weight=examples.val["sampling_weight"].to_numpy(float),
            **found,
        )
    checkpoint.unlink()
    teacher.unlink(missing_ok=True)
    keras.backend.clear_session()


def test(config: settings.Config, folder: Path, name: str) -> None:
    """Print the AUROC on `test` of each network of one variation, their spread, and that of them together."""
    index = shards.read_index(config.paths.shards)
    rows = index[index["split"] == "test"]
    fractured = rows["fractured"].to_numpy(bool)
    logits = []
    for path in sorted(folder.glob(f"{name}-seed*.keras")):
        predict = tta.with_tta(inference.predictor(classifier.load(path)), config.predict.tta_views)
        batches = shards.dataset(config.paths.shards, rows, interface.BATCH)
        logits.append(inference.predict_all(predict, batches).logits)
        print(f"{path.stem}: AUROC {auroc(fractured, logits[-1]):.3f}", flush=True)
    found = pd.Series([auroc(fractured, each) for each in logits])
    together = auroc(fractured, np.mean(logits, axis=0))
    print(f"mean {found.mean():.3f}, standard deviation {found.std():.3f}, together {together:.3f}")


def likeness(config: settings.Config, model: keras.Model, val: pd.DataFrame) -> float:
    """``randomization_correlation`` of maps of fractured radiographs of `val`: of one view."""
    rows = val[val["fractured"]].head(_PROBED)
    seen = np.stack(list(shards.canvases(config.paths.shards, rows)))
    own = maps.from_output(
        rows,
        inference.predictor(model)(seen),
        [shards.placement(row) for row in rows.itertuples()],
        canvas_shape=seen.shape[1:],
        points=OperatingPoints(0.5, 0.5),
        calibration=calibration.Calibration(1.0),
    )
    figures, _ = randomization.randomize_layers(model, own, list(seen), n_samples=1, seed=config.run.seed)
    return figures["randomization_correlation"]


def answers(
    config: settings.Config, predict: interface.Predict, rows: pd.DataFrame
) -> tuple[interface.NetworkOutput, NDArray[np.float64]]:
    """Predict rows of the index; give the outputs, and their :func:`points`."""
    batches = shards.dataset(config.paths.shards, rows, interface.BATCH, with_masks=True)
    predicted = [
        (predict(canvases[..., 0]), masks[..., 0])
        for canvases, _, masks in engine.ahead(batches.as_numpy_iterator())
    ]
    hits = [points(output.evidence, masks) for output, masks in predicted]
    return interface.concatenate([output for output, _ in predicted]), np.concatenate(hits)


def points(evidence: NDArray[np.float32], masks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Say whether each radiograph's strongest cell touches a drawn fracture; NaN where none is drawn.

    Parameters
    ----------
    evidence
        (B, M, N).
    masks
        (B, H, W), H and W being multiples of M and N.
    """
    n, rows, columns = evidence.shape
    cells = masks.reshape(n, rows, masks.shape[1] // rows, columns, masks.shape[2] // columns)
    touched = cells.max(axis=(2, 4)).reshape(n, -1)
    peak = evidence.reshape(n, -1).argmax(axis=1)
    return np.where(touched.any(axis=1), touched[np.arange(n), peak] > 0, np.nan)


def table(folder: Path) -> str:
    """Lay variations side by side in Markdown, the best first."""
    found: dict[str, list[Mapping[str, NDArray[Any]]]] = defaultdict(list)
    for path in sorted(folder.glob("*-seed*.npz")):
        with np.load(path) as saved:
            found[path.stem.rpartition("-seed")[0]].append(dict(saved))
    rows = pd.DataFrame({name: figures(runs) for name, runs in found.items()}).T
    return str(rows.sort_values("AUROC", ascending=False).to_markdown())


def figures(runs: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, str]:
    """Means of one variation over its seeds, standard deviations in brackets, groups weighing as one."""
    rows = pd.DataFrame([judged(run, run["two_logits"]) for run in runs])
    together = judged(runs[0], np.mean([run["two_logits"] for run in runs], axis=0))
    one_view = [auroc(run["fractured"], run["one_logits"], run["weight"]) for run in runs]
    pointing = [float(np.nanmean(run["two_points"])) for run in runs]
    return {
        "seeds": str(len(runs)),
        "AUROC": _spread(rows["auroc"]),
        "one view": f"{np.mean(one_view):.3f}",
        "seeds together": f"{together['auroc']:.3f}",
        "log loss": f"{rows['log_loss'].mean():.3f}",
        "together ": f"{together['log_loss']:.3f}",
        "Platt's slope": f"{rows['slope'].mean():.2f}",
        "calibration error": _spread(pd.Series([unseen_ece(run) for run in runs])),
        "specificity at 95 %": _spread(rows["specificity"]),
        "pointing game": _spread(pd.Series(pointing)),
        "like random maps": _spread(pd.Series([float(run["likeness"]) for run in runs])),
    }


def judged(run: Mapping[str, NDArray[Any]], logits: NDArray[Any]) -> dict[str, float]:
    """Figures of one network's outputs; loss and slope after calibration on the same radiographs."""
    fractured, weight = run["fractured"], run["weight"]
    fitted = calibration.fit(logits.astype(np.float64), fractured, weight)
    score = fitted.probability(logits.astype(np.float64))
    likely = np.clip(np.where(fractured, score, 1 - score), 1e-12, 1)
    threshold = np.quantile(logits[fractured], 0.05)
    return {
        "auroc": auroc(fractured, logits, weight),
        "log_loss": float(np.average(-np.log(likely), weights=weight)),
        "slope": fitted.slope,
        "specificity": float(np.average(logits[~fractured] < threshold, weights=weight[~fractured])),
    }


def unseen_ece(run: Mapping[str, NDArray[Any]]) -> float:
    """Calibration error of radiographs that the calibration was not fitted on, averaged over partitions."""
    logits, fractured, weight = run["two_logits"].astype(np.float64), run["fractured"], run["weight"]
    errors = []
    for repeat in range(_REPEATS):
        score = np.empty_like(logits)
        for fitted_on, held_out in StratifiedKFold(_FOLDS, shuffle=True, random_state=repeat).split(
            logits, fractured
        ):
            fitted = calibration.fit(logits[fitted_on], fractured[fitted_on], weight[fitted_on])
            score[held_out] = fitted.probability(logits[held_out])
        errors.append(metrics.ece(fractured, score, weight))
    return float(np.mean(errors))


def auroc(
    fractured: NDArray[np.bool_], logits: NDArray[Any], weight: NDArray[np.float64] | None = None
) -> float:
    """AUROC of logits, which no steepness of the sigmoid can change; in float64 none saturates."""
    return metrics.auroc(fractured, expit(logits.astype(np.float64)), weight)


def _spread(values: pd.Series) -> str:
    return f"{values.mean():.3f}" + (f" ({values.std():.3f})" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
