"""Check every file, find copies and shortcuts, and split by group.

Reads the user's radiographs, labels and annotations, and a pinned manifest; writes the manifest, the sound
annotations, and ``reports/validate/``: ``metrics.json``, ``issues.csv``, ``attributes.csv``, ``copies.csv``,
``null_scores.csv``, ``profile.json``, and ``thumbnails/`` of the radiographs on its page.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.config import Config
from pipeline.dataset import issues as listed
from pipeline.dataset import labels, layout, manifest, names, profile, released
from pipeline.dataset.annotations import write as write_annotations
from pipeline.files import engine, outputs
from pipeline.files.limits import Limits
from pipeline.registry import champion
from pipeline.track import runs
from pipeline.validate import (
    annotation_check,
    attributes,
    grouping,
    label_suspects,
    leak,
    learnt_in_test,
    listing,
    page_thumbnails,
    pinned_splits,
    scan,
    test_size,
)
from pipeline.validate.scan import Fact

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Validate the user's folder; nothing in it is changed."""
    settings = config.validation
    release = released.started_from(config.paths.models, config.train.weights)
    with runs.stage_run("validate", config) as record:
        pinned = pinned_splits.read(settings.pinned_manifest)
        if unused := layout.unused(config.data.root, config.paths.phantoms):
            log.warning("%s", unused)
        items, issues = listing.find(config.data.root, Limits.of(settings), config.data.trusted_links)
        # Tables first: they are read at once, while decoding may take an hour.
        known = labels.read(config.data.labels, {item.name for item in items})
        annotation_check.read(config.data.annotations, config.data.fracture_categories)
        with engine.scratch() as spilled, engine.Pool(config.run.workers) as pool:
            items = [item._replace(folder=spilled) for item in items]
            facts = list(pool.process(scan.inspect, items, label="validate"))
            pinned_splits.say(pinned, {fact.sha256 for fact in facts if fact.sha256})
            learnt = None if release is None else learnt_in_test.look_up(facts, release)
            suspected = None if learnt is None else learnt.suspected
            grouped = grouping.group(facts, known.table, settings, pinned, pool, suspected)
        drawn = annotation_check.check(
            config.data.annotations,
            annotation_check.targets(grouped.files),
            config.data.fracture_categories,
            grouped.files["path"],
        )
        issues += [issue for fact in facts for issue in fact.issues]
        issues += [*known.issues, *grouped.issues, *drawn.issues]
        issues += label_suspects.find(grouped.kept, facts, settings.label_suspects, config.run.seed)
        baselines = leak.shortcut_baselines(grouped.kept, facts, config.run.seed)
        figures = {**_figures(grouped, facts, config.run.seed), **known.figures, **drawn.figures}
        figures["null"] = baselines.figures
        figures["test_size"] = test_size.figures(grouped.kept, settings.split)
        if learnt is not None:
            left = learnt_in_test.issues(grouped.kept, grouped.left_test, learnt)
            counted = learnt_in_test.figures(grouped.kept, grouped.left_test, learnt)
            figures[released.LEARNT_BY_RELEASE] = counted
            issues += left
            learnt_in_test.say(counted, left)
        manifest.write(grouped.files.drop(columns="n_bytes"), config.paths.manifest)
        write_annotations(drawn.annotations, config.paths.annotations)
        associations = attributes.label_associations(grouped.kept, facts)
        folder = config.paths.report("validate")
        outputs.write_json(folder / names.METRICS, figures)
        listed.write(issues, folder / names.ISSUES)
        _write_tables(folder, grouped.copies, attributes=associations, null_scores=baselines.scores)
        _draw_thumbnails(config, grouped)
        described = folder / names.PROFILE
        thumbnails = [facts[row].thumbnail for row in grouped.kept.index]
        profile.write(profile.build(grouped.kept, thumbnails), described)
        record.metrics(figures)
        if too_few := test_size.warning(figures["test_size"]):
            log.warning("%s", too_few)
        record.at_end(lambda run: champion.log_drift(config, run.store, run.run_id, described))
        log.info(
            "validate: %d files, %d kept, %d groups", figures["files"], figures["kept"], figures["groups"]
        )


def _figures(grouped: grouping.Grouped, facts: Sequence[Fact], seed: int) -> dict[str, Any]:
    """Count the files, and measure what the published split and the shortcuts are worth."""
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
    """Draw the radiographs of the page."""
    chosen = page_thumbnails.paths(grouped.files, grouped.copies)
    with outputs.staged(config.paths.report("validate") / "thumbnails") as folder:
        page_thumbnails.draw(chosen, config.data.root, config.validation.max_pixels, folder)
