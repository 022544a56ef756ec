"""Time the stage `train` against a plain Keras ``fit`` of the same backbone, in one run.

    python benchmarks/train.py [FOLDER] [--epochs 14] [--side-px 384]

FOLDER holds radiographs in the users' layout. Both learn from its `train` and are judged on its `val`, the
peer from JPEGs, ours from shards that `preprocess` wrote before the clock started. Each has a process of its
own, and they take turns, an epoch each; the first epoch of each, in which graphs are built, does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import bars
import folders
import turns

REPOSITORY = Path(__file__).parents[1]
FRACATLAS = REPOSITORY.parent / "shared/data/fracatlas"
_SPEED_BAR, _AUROC_BAR = 4.0, 0.005


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FRACATLAS)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--side-px", type=int, default=384)
    options = parser.parse_args()
    if not folders.spread(options.folder, 1):
        raise SystemExit(f"FOLDER must hold radiographs in the users' layout. Received: {options.folder}")
    with tempfile.TemporaryDirectory() as name:
        arguments = (options.folder.resolve(), Path(name), options.side_px, options.epochs)
        peer, own = turns.take([(plain, arguments), (ours, arguments)])
    print(f"{peer['radiographs']} radiographs of {options.side_px} px, {options.epochs} epochs\n")
    print(
        "| | radiographs a second | by the processor | val AUROC, best epoch | last |\n|---|---|---|---|---|"
    )
    for label, found in (("plain Keras", peer), ("ours", own)):
        best, last = max(found["val_auroc"]), found["val_auroc"][-1]
        rates = f"{speed(found, 'clock'):.1f} | {speed(found, 'processor'):.1f}"
        print(f"| {label} | {rates} | {best:.3f} | {last:.3f} |")
    by_clock, by_processor = (speed(own, by) / speed(peer, by) for by in ("clock", "processor"))
    lost = max(peer["val_auroc"]) - max(own["val_auroc"])
    print(f"\nspeed x {bars.at_least(by_clock, _SPEED_BAR)}, x {by_processor:.2f} by the processor; ", end="")
    print(f"val AUROC lost {bars.at_most(lost, _AUROC_BAR, '{:.3f}')}")


def plain(turn: turns.Turns, root: Path, work: Path, side_px: int, epochs: int) -> dict[str, Any]:
    """Fit the peer, at our settings' batch size, learning rate and seed, with TensorFlow as it comes."""
    os.environ["TF_CPU_ALLOCATOR_USE_BFC"] = "false"  # the same allocator for both
    import plain_keras

    from pipeline import config

    settings = config.read(REPOSITORY / "params.yaml")
    train = settings.train
    how = (side_px, train.batch_size, epochs, train.learning_rate, settings.run.seed)
    return plain_keras.fit(root, *how, turn)


def ours(turn: turns.Turns, root: Path, work: Path, side_px: int, epochs: int) -> dict[str, Any]:
    """Preprocess, then train as the stage does."""
    from pipeline import config
    from pipeline.network import classifier, device
    from pipeline.train import training

    settings = config.read(REPOSITORY / "params.yaml")
    canvas = settings.preprocess.model_copy(update={"height_px": side_px, "width_px": side_px})
    train = settings.train.model_copy(update={"max_epochs": epochs, "patience": epochs})
    device.prepare(settings.run)
    examples = training.Examples(work / "shards", *shard(root, work / "shards", canvas))
    model = classifier.build(train, (side_px, side_px))
    rows = []

    def on_epoch(epoch: int, row: dict[str, float]) -> None:
        rows.append(row)
        print(json.dumps(row), flush=True)
        turn.pause()

    turn.begin()
    training.fit(model, examples, train, settings.run.seed, work / "training.npz", on_epoch)
    return {"val_auroc": [row["val_auroc"] for row in rows], "radiographs": len(examples.train)}


def shard(root: Path, folder: Path, settings: Any) -> list[Any]:
    """Preprocess `train` and `val`, each file a group of its own; return their rows of the index."""
    from pipeline.dataset import layout
    from pipeline.files import images
    from pipeline.preprocess import preparation, shards

    records = []
    for split in ("train", "val"):
        for name, fractured in layout.CLASS_FOLDERS.items():
            for path in sorted((root / split / name).iterdir()):
                relative = path.relative_to(root).as_posix()
                row = {"path": relative, "split": split, "fractured": fractured, "group": relative}
                height, width = images.read(path).pixels.shape
                row |= {"sampling_weight": 1.0, "height_px": height, "width_px": width}
                records.append(
                    preparation.prepare(preparation.Job(root, row, (), settings, images.MAX_PIXELS))
                )
    index = shards.write(folder, records, settings.shard_records)
    return [index[index["split"] == split].reset_index(drop=True) for split in ("train", "val")]


def speed(found: dict[str, Any], by: str) -> float:
    """Radiographs of `train` a second over all epochs but the first, validation included."""
    return float(found["radiographs"] / statistics.mean(found[by][1:]))


if __name__ == "__main__":
    main()
