"""Check every file, find copies and shortcuts, and split by group.

Reads the user's radiographs, labels and annotations; writes the manifest, the annotations found
sound, and ``reports/validate/``: ``metrics.json``, ``issues.csv``, ``attributes.csv``, ``copies.csv``,
``null_scores.csv``, ``profile.json``, and ``thumbnails/`` of what its page is to show.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.config import Config
from pipeline.dataset import issues as listed
from pipeline.dataset import labels, manifest, names, profile
from pipeline.dataset.annotations import write as write_annotations
from pipeline.files import engine, outputs
from pipeline.registry import champion
from pipeline.track import runs
from pipeline.validate import (
    annotation_check,
    attributes,
    content,
    grouping,
    label_suspects,
    leak,
    pinned_splits,
    scan,
    shown,
)
from pipeline.validate.scan import Fact

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Validate the user's folder; nothing in it is changed."""
    settings = config.validation
    with runs.stage_run("validate", config) as record:
        before = pinned_splits.read(settings.pinned_manifest)
        files, issues = scan.find(config.data.root, content.limits(settings))
        with tempfile.TemporaryDirectory() as aside, engine.Pool(config.run.workers) as pool:
            files = [item._replace(folder=Path(aside)) for item in files]
            facts = list(pool.process(scan.inspect, files, label="validate"))
            user_labels, label_issues = labels.read(config.data.labels, {fact.path for fact in facts})
            grouped = grouping.group(facts, user_labels, settings, before, pool)
        sound, annotation_issues = annotation_check.check(
            config.data.annotations, annotation_check.known(grouped.files)
        )
        issues += [issue for fact in facts for issue in fact.issues]
        issues += [*label_issues, *grouped.issues, *annotation_issues]
        issues += label_suspects.find(grouped.kept, facts, settings.label_suspects, config.run.seed)
        shortcuts = leak.nulls(grouped.kept, facts, config.run.seed)
        figures = {**_figures(grouped, facts, config.run.seed), "null": shortcuts.figures}
        manifest.write(grouped.files.drop(columns="n_bytes"), config.paths.manifest)
        write_annotations(sound, config.paths.annotations)
        associated = attributes.followed(grouped.kept, facts)
        folder = config.paths.report("validate")
        outputs.write_json(folder / names.METRICS, figures)
        listed.write(issues, folder / names.ISSUES)
        _write_tables(folder, grouped.copies, attributes=associated, null_scores=shortcuts.scores)
        _draw_thumbnails(config, grouped)
        described = folder / names.PROFILE
        thumbnails = [facts[row].thumbnail for row in grouped.kept.index]
        profile.write(profile.build(grouped.kept, thumbnails), described)
        record.metrics(figures)
        record.at_end(lambda run: champion.log_drift(config, run.store, run.run_id, described))
        log.info(
            "validate: %d files, %d kept, %d groups", figures["files"], figures["kept"], figures["groups"]
        )


def _figures(grouped: grouping.Grouped, facts: Sequence[Fact], seed: int) -> dict[str, Any]:
    """Count what was found, and measure what the published split and the shortcuts are worth."""
    return {
        **grouping.counts(grouped),
        "memorisation": leak.memorisation(grouped.files, facts),
        "probe": leak.probes(grouped.files, facts, seed),
    }


def _write_tables(folder: Path, copies: pd.DataFrame, **measured: pd.DataFrame) -> None:
    """Write the CSVs: a transform as its two rows in JSON, measured values to six digits."""
    transforms = [json.dumps(transform.tolist()) for transform in copies["transform"]]
    for name, table in ({"copies": copies.assign(transform=transforms)} | measured).items():
        digits = "%.6g" if name in measured else None
        text = table.to_csv(index=False, lineterminator="\n", float_format=digits)
        outputs.write_text(folder / f"{name}.csv", text)


def _draw_thumbnails(config: Config, grouped: grouping.Grouped) -> None:
    """Draw the radiographs that the page shows."""
    chosen = shown.paths(grouped.files, grouped.copies)
    with outputs.staged(config.paths.report("validate") / "thumbnails") as folder:
        shown.draw(chosen, config.data.root, config.validation.max_pixels, folder)
