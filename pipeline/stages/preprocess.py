"""Bring every kept radiograph onto the canvas and write it into shards.

Reads the manifest, the checked annotations and the radiographs; writes the shards with the way
back into each radiograph's own pixels, the preprocessing settings for the model bundle, and
``reports/preprocess/issues.csv``: the photographic negatives that were set right.
"""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from pipeline.config import Config
from pipeline.dataset import annotations as reference
from pipeline.dataset import issues, layout, manifest, names
from pipeline.files import engine, images, outputs, resize
from pipeline.predict import bundle
from pipeline.preprocess import polarity, preparation, shards
from pipeline.report import pages
from pipeline.track import runs

log = logging.getLogger(__name__)

_EXAMPLES = 8
_CROPPED = 0.01  # share of the area from which on a radiograph counts as cropped


def run(config: Config) -> None:
    """Preprocess and record what was changed."""
    with runs.stage_run("preprocess", config) as record:
        known = reference.read(config.paths.annotations)
        kept = manifest.rows(manifest.read(config.paths.manifest), layout.SPLITS)
        jobs = [
            preparation.Job(config.data.root, row, tuple(known.for_path(row["path"])), config.preprocess)
            for row in kept.to_dict("records")
        ]
        prepared = engine.process(preparation.prepare, jobs, workers=config.run.workers, label="preprocess")
        with outputs.staged(config.paths.shards) as folder:
            index = shards.write(folder, prepared, config.preprocess.shard_records)
        bundle.write_settings(config.paths.models / names.PREPROCESS, config.preprocess)

        figures = summarize(index)
        context = {
            "figures": figures,
            "settings": config.preprocess.model_dump(),
            "examples": _examples(config, index),
        }
        report = config.paths.report("preprocess")
        outputs.write_text(report / "report.html", pages.render("preprocess.html", context))
        outputs.write_json(report / names.METRICS, figures)
        issues.write(polarity.issues(index["path"], index["inverted"]), report / names.ISSUES)
        record.metrics(figures)
        log.info(
            "preprocess: %d radiographs, %d negatives set right, see %s",
            len(index),
            figures["negatives"],
            report / names.ISSUES,
        )


def summarize(index: pd.DataFrame) -> dict[str, Any]:
    """Count what preprocessing changed."""
    cropped = cropped_share(index)
    return {
        "radiographs": len(index),
        "negatives": int(index["inverted"].sum()),
        "cropped": int((cropped > _CROPPED).sum()),
        "cropped_share": float(cropped.mean()),
        "annotated": int((index["fractures"] > 0).sum()),
        **{split: int((index["split"] == split).sum()) for split in layout.SPLITS},
    }


def cropped_share(index: pd.DataFrame) -> pd.Series:
    """Share of each radiograph's area that was cropped, 0..1."""
    kept = index["crop_height"] * index["crop_width"] / (index["height_px"] * index["width_px"])
    return 1 - kept.astype(float)


def _examples(config: Config, index: pd.DataFrame) -> list[dict[str, str]]:
    """Radiographs before and after: negatives first, then the most cropped."""
    order = index.assign(cropped=cropped_share(index))
    chosen = order.sort_values(["inverted", "cropped", "path"], ascending=[False, False, True])[:_EXAMPLES]
    after = shards.canvases(config.paths.shards, chosen)
    examples = []
    for row, seen in zip(chosen.itertuples(), after, strict=True):
        before = images.read(config.data.root / row.path).pixels
        negative = "negative set right; " if row.inverted else ""
        examples.append(
            {
                "before": pages.data_uri(
                    images.encode_jpeg(resize.within(before, 384, exactly=True)), "image/jpeg"
                ),
                "after": pages.data_uri(images.encode_jpeg(seen), "image/jpeg"),
                "title": row.path,
                "caption": f"{negative}{row.cropped:.0%} of the area cropped",
            }
        )
    return examples
