"""Check every file, find copies and shortcuts, and split by group.

Reads the user's radiographs, labels and annotations; writes the manifest, the annotations found
sound, and ``reports/validate/``: ``metrics.json``, ``issues.csv``, ``attributes.csv``, ``copies.csv``,
``null_scores.csv``, ``profile.json`` and ``report.html``.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.config import Config
from pipeline.dataset import labels, manifest, profile
from pipeline.dataset.annotations import write as write_annotations
from pipeline.files import engine, outputs
from pipeline.files.faults import Issue
from pipeline.registry import champion
from pipeline.report import pages, thumbnails, validation
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
)
from pipeline.validate.copies.files import COLUMNS
from pipeline.validate.scan import Fact

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Validate the user's folder; nothing in it is changed."""
    settings = config.validation
    with runs.stage_run("validate", config) as record:
        before = pinned_splits.read(settings.earlier_manifest)
        found, issues = scan.find(config.data.root, content.limits(settings))
        with tempfile.TemporaryDirectory() as aside, engine.Pool(config.run.workers) as pool:
            found = [item._replace(folder=Path(aside)) for item in found]
            facts = list(pool.process(scan.inspect, found, label="validate"))
            known_labels, label_issues = labels.read(config.data.labels, {fact.path for fact in facts})
            grouped = grouping.group(facts, known_labels, settings, before, pool)
        sound, annotation_issues = annotation_check.check(
            config.data.annotations, annotation_check.known(grouped.files)
        )
        issues += [issue for fact in facts for issue in fact.issues]
        issues += [*label_issues, *grouped.issues, *annotation_issues]
        issues += label_suspects.find(grouped.kept, facts, settings.label_suspects, config.run.seed)
        nulls = leak.nulls(grouped.kept, facts, config.run.seed)
        figures = {**_figures(grouped, facts, config.run.seed), "null": nulls.figures}
        manifest.write(grouped.files.drop(columns="n_bytes"), config.paths.manifest)
        write_annotations(sound, config.paths.annotations)
        followed = attributes.followed(grouped.kept, facts)
        _report(config, grouped, issues, followed, nulls.scores, figures)
        described = config.paths.report("validate") / "profile.json"
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


def _report(
    config: Config,
    grouped: grouping.Grouped,
    issues: list[Issue],
    followed: pd.DataFrame,
    null_scores: pd.DataFrame,
    figures: dict[str, Any],
) -> None:
    folder = config.paths.report("validate")
    table = pd.DataFrame(sorted(set(issues)), columns=list(Issue._fields))
    outputs.write_json(folder / "metrics.json", figures)
    outputs.write_text(folder / "issues.csv", table.to_csv(index=False, lineterminator="\n"))
    text = followed.to_csv(index=False, lineterminator="\n", float_format="%.6g")
    outputs.write_text(folder / "attributes.csv", text)
    text = null_scores.to_csv(index=False, lineterminator="\n", float_format="%.6g")
    outputs.write_text(folder / "null_scores.csv", text)
    text = grouped.copies[list(COLUMNS)].to_csv(index=False, lineterminator="\n")
    outputs.write_text(folder / "copies.csv", text)

    look = thumbnails.reader(config.data.root, config.validation.max_pixels)
    page = validation.context(
        grouped, table, followed, figures, look, min_score=config.validation.copy_agreement
    )
    outputs.write_text(folder / "report.html", pages.render("validate.html", page))
