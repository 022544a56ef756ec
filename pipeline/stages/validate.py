"""Check every file, find copies and shortcuts, and split by group.

Reads the user's radiographs, labels and annotations; writes the manifest, the annotations found
sound, and ``reports/validate/``: ``metrics.json``, ``issues.csv`` and ``report.html``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.assess import baselines
from pipeline.config import Config
from pipeline.data import (
    annotation_check,
    engine,
    grouping,
    images,
    labels,
    manifest,
    outputs,
    scan,
    shortcuts,
    splits,
)
from pipeline.data.annotations import write as write_annotations
from pipeline.data.faults import Issue
from pipeline.data.scan import Fact
from pipeline.show import pages, validation
from pipeline.track import runs

log = logging.getLogger(__name__)

_MEMORY_PX = 32  # side of the thumbnails that memorisation is measured on


def run(config: Config) -> None:
    """Validate the user's folder; nothing in it is changed."""
    settings = config.validation
    with runs.stage_run("validate", config) as record:
        found, issues = scan.find(config.data.root, settings.max_pixels, settings.min_side_px)
        facts = list(engine.process(scan.inspect, found, workers=config.run.workers, label="validate"))
        known_labels, label_issues = labels.read(config.data.labels, {fact.path for fact in facts})
        grouped = grouping.group(facts, known_labels, settings)
        sound, annotation_issues = annotation_check.check(
            config.data.annotations, annotation_check.known(grouped.files)
        )
        issues += [issue for fact in facts for issue in fact.issues]
        issues += [*label_issues, *grouped.issues, *annotation_issues]
        figures = _figures(grouped, facts, config.run.seed)
        manifest.write(grouped.files.drop(columns="n_bytes"), config.paths.manifest)
        record.dataset("radiographs", config.data.root, outputs.sha256(config.paths.manifest), "validate")
        write_annotations(sound, config.paths.annotations)
        _report(config, grouped.files, issues, figures)
        record.metrics(figures)
        log.info(
            "validate: %d files, %d kept, %d groups", figures["files"], figures["kept"], figures["groups"]
        )


def _figures(grouped: grouping.Grouped, facts: Sequence[Fact], seed: int) -> dict[str, Any]:
    """Count what was found, and measure what the published split and the shortcuts are worth."""
    files = grouped.files
    status = files["status"].value_counts()
    kept = files[files["status"] == manifest.KEPT]
    return {
        "files": len(files),
        **{name: int(status.get(name, 0)) for name in manifest.STATUSES},
        "groups": int(kept["group"].nunique()),
        "groups_crossing_published_splits": len(grouped.crossing_published),
        "groups_crossing_splits": len(splits.crossing(kept, "split")),
        "label_conflicts": grouped.label_conflicts,
        "memorisation": {
            "published": _memorisation(files[files["format"] != ""], "published_split", facts),
            "clean": _memorisation(kept, "split", facts),
        },
        "null": _null(kept, facts, seed),
    }


def _memorisation(files: pd.DataFrame, split: str, facts: Sequence[Fact]) -> dict[str, float]:
    """Score the nearest neighbour in train for every radiograph of test."""
    train, test = (files[files[split] == name] for name in ("train", "test"))
    scores = baselines.nearest_neighbour(
        _thumbnails(train, facts),
        train["fractured"].to_numpy(),
        _thumbnails(test, facts),
        test["fractured"].to_numpy(),
    )
    return scores._asdict()


def _thumbnails(files: pd.DataFrame, facts: Sequence[Fact]) -> NDArray[np.uint8]:
    whole = np.stack([facts[row].thumbnail for row in files.index])
    step = scan.THUMBNAIL_PX // _MEMORY_PX
    cells = whole.reshape(len(whole), _MEMORY_PX, step, _MEMORY_PX, step)
    small: NDArray[np.uint8] = np.rint(cells.mean(axis=(2, 4))).astype(np.uint8)
    return small


def _null(kept: pd.DataFrame, facts: Sequence[Fact], seed: int) -> dict[str, dict[str, float]]:
    """AUROC on the clean test split of a classifier that sees no bone."""
    train, test = ((kept["split"] == name).to_numpy() for name in ("train", "test"))
    fractured, weight = kept["fractured"].to_numpy(), kept["sampling_weight"].to_numpy()
    features = {
        "size": shortcuts.size_features(kept),
        "border": np.stack([facts[row].border for row in kept.index]),
        "marker": np.stack([facts[row].markers for row in kept.index]),
    }
    return {
        name: {
            "auroc": baselines.null_auroc(
                values[train], fractured[train], weight[train],
                values[test], fractured[test], weight[test], seed,
            )
        }
        for name, values in features.items()
    }  # fmt: skip


def _report(config: Config, files: pd.DataFrame, issues: list[Issue], figures: dict[str, Any]) -> None:
    folder = config.paths.report("validate")
    table = pd.DataFrame(sorted(set(issues)), columns=list(Issue._fields))
    outputs.write_json(folder / "metrics.json", figures)
    outputs.write_text(folder / "issues.csv", table.to_csv(index=False, lineterminator="\n"))

    def picture(path: str) -> str:
        pixels = images.read(config.data.root / path, config.validation.max_pixels).pixels
        return pages.data_uri(images.encode_jpeg(validation.shrink(pixels)), "image/jpeg")

    page = validation.context(files, table, figures, picture)
    outputs.write_text(folder / "report.html", pages.render("validate.html", page))
