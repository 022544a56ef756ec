"""Change one part of training at a time, over several seeds, and lay the figures of `val` side by side.

    python benchmarks/ablations.py queue [NAME ...] [--seeds 7 8 9] [--with KEY=VALUE ...]
    dvc exp run --run-all                          # hours; `dvc queue status` says how far
    python benchmarks/ablations.py table           # Markdown, of all that have ended

The settings of params.yaml are the baseline; a variation is what it changes of them, `--with` changes all:
`--with preprocess.height_px=224 preprocess.width_px=224` tries on small canvases. Only the stages up to
`train` run, so nothing looks at `test`. Each experiment is a run of MLflow, too: `fracture ui` compares them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

VARIATIONS: dict[str, tuple[str, ...]] = {
    "baseline": (),
    "labels-only": ("train.mask_loss_weight=0",),
    "own-maps": ("train.mask_source=maps",),
    "no-boxes": ("train.box_loss_weight=0",),
    "erase": ("train.erase_loss_weight=0.5",),
    "no-flip": ("train.augment.flip=false",),
    "no-rotation": ("train.augment.rotation_deg=0",),
    "no-scale": ("train.augment.zoom=0", "train.augment.shift=0"),
    "no-contrast": ("train.augment.contrast=0", "train.augment.brightness=0"),
    "marker-cutout": ("train.augment.marker_cutout=0.5",),
    "mixup": ("train.augment.mixup=0.2",),
    "multi-scale": ("train.augment.zoom=0.4",),
    "unbalanced": ("train.class_balanced=false",),
    "copies-count": ("train.group_balanced=false",),
    "one-rate": ("train.learning_rate=3e-4", "train.head_learning_rate=3e-4"),
    "unfrozen-at-once": ("train.head_epochs=0",),
    "frozen-to-block-9": ("train.frozen_fraction=0.6",),
    "head-only": ("train.frozen_fraction=1",),
    "smoothing": ("train.label_smoothing=0.1",),
    "dropout": ("train.dropout=0.5",),
    "close-ups": ("train.augment.closeup=0.5",),
    "close-ups-and-style": ("train.augment.closeup=0.5", "train.augment.style=0.5"),
    "style": ("train.augment.style=0.5",),
    "all-of-these": (
        "train.augment.acquisition=0.5",
        "train.augment.style=0.5",
        "train.augment.closeup=0.3",
        "train.augment.aspect=0.3",
    ),
    "aspect": ("train.augment.aspect=0.4",),
    "other-devices": ("train.augment.acquisition=0.5",),
    "other-devices-always": ("train.augment.acquisition=1",),
    "other-devices-and-aspect": ("train.augment.acquisition=0.5", "train.augment.aspect=0.4"),
    "fast-backbone": ("train.learning_rate=3e-4",),
    "regularized": ("train.augment.mixup=0.2", "train.label_smoothing=0.05", "train.dropout=0.5"),
    "no-averaging": ("train.ema_decay=0",),
    "best-epoch": ("train.checkpoint=best",),
    "best-step": ("train.ema_decay=0", "train.checkpoint=best"),
    "sharper": ("train.lse_sharpness=2",),
    "sharp": ("train.lse_sharpness=4",),
    "mean": ("train.pooling=mean",),
    "pcam": ("train.pooling=pcam",),
    "attention": ("train.pooling=attention",),
    "lite2": ("train.backbone=efficientnet-lite2",),
    "256-px": ("preprocess.height_px=256", "preprocess.width_px=256"),
    "512-px": ("preprocess.height_px=512", "preprocess.width_px=512"),
}
_PREFIX = "ablation"
_METRICS = "reports/train/metrics.json"


def main() -> None:
    """Queue experiments, or print the table of those that have ended."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["queue", "table"])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(VARIATIONS)}; all by default"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[7, 8, 9])
    parser.add_argument(
        "--with", nargs="+", default=[], dest="common", metavar="KEY=VALUE", help="settings that all change"
    )
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(VARIATIONS))
    if unknown:
        parser.error(f"NAME must be one of {', '.join(VARIATIONS)}. Received: {', '.join(unknown)}")
    if options.what == "queue":
        for seed in options.seeds:
            for name in options.names or VARIATIONS:
                queue(name, seed, options.common)
    else:
        shown = subprocess.run(["dvc", "exp", "show", "--json"], check=True, capture_output=True, text=True)
        print(table(ended(json.loads(shown.stdout))))


def queue(name: str, seed: int, common: Sequence[str]) -> None:
    """Put one variation with one seed into DVC's queue; its own changes win over those that all share."""
    changes = dict(change.split("=", 1) for change in (f"run.seed={seed}", *common, *VARIATIONS[name]))
    options = [part for key, value in changes.items() for part in ("--set-param", f"{key}={value}")]
    command = ["dvc", "exp", "run", "--queue", "--name", f"{_PREFIX}-{name}-seed{seed}", *options, "train"]
    subprocess.run(command, check=True)


def ended(shown: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Collect the AUROC on `val` of each variation from ``dvc exp show --json``, one value a seed."""
    found: dict[str, list[float]] = defaultdict(list)
    for experiment in _experiments(shown):
        prefix, _, rest = (experiment.get("name") or "").partition("-")
        name, _, seed = rest.rpartition("-seed")
        measured = (experiment.get("data") or {}).get("metrics", {}).get(_METRICS, {}).get("data")
        if prefix == _PREFIX and seed and measured:
            found[name].append(float(measured["val_auroc"]))
    return dict(found)


def _experiments(shown: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every experiment under every revision."""
    for revision in shown:
        for chain in revision.get("experiments") or ():
            yield from chain.get("revs", ())[:1]


def table(found: Mapping[str, list[float]]) -> str:
    """Lay variations side by side in Markdown, the best first, with the gain over the baseline."""
    baseline = statistics.mean(found["baseline"]) if found.get("baseline") else None
    lines = [
        "| variation | changes | seeds | val AUROC | SD over seeds | gain |",
        "|---|---|---|---|---|---|",
    ]
    for name, values in sorted(found.items(), key=lambda item: -statistics.mean(item[1])):
        spread = f"{statistics.stdev(values):.3f}" if len(values) > 1 else ""
        gain = "" if baseline is None else f"{statistics.mean(values) - baseline:+.3f}"
        changes = ", ".join(f"`{change}`" for change in VARIATIONS.get(name, ()))
        mean = f"{statistics.mean(values):.3f}"
        lines.append(f"| {name} | {changes} | {len(values)} | {mean} | {spread} | {gain} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
