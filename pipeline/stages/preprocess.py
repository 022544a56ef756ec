"""Bring every kept radiograph onto the canvas and write it into shards.

Reads the manifest, the checked annotations and the radiographs; writes the shards with the way
back into each radiograph's own pixels, and the preprocessing settings for the model bundle. Of what it
changed it writes ``issues.csv`` (photographic negatives, and drawn fractures that were cropped),
``attributes.csv`` (whether the label follows the negatives) and ``examples/``, before and after.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.config import Config
from pipeline.dataset import annotations as reference
from pipeline.dataset import issues, layout, manifest, names
from pipeline.files import engine, images, outputs, resize
from pipeline.files.faults import ImageFault
from pipeline.files.limits import Limits
from pipeline.files.printable import first
from pipeline.preprocess import polarity, preparation, shards
from pipeline.statistics import associations
from pipeline.track import runs

log = logging.getLogger(__name__)

_EXAMPLES = 8
_N_NAMED = 5
_LONGEST_PX = 384  # side of an example
_CROPPED = 0.01  # share of the area from which on a radiograph counts as cropped


def run(config: Config) -> None:
    """Preprocess and record what was changed."""
    with runs.stage_run("preprocess", config) as record:
        annotations = reference.read(config.paths.annotations)
        rows = manifest.rows(manifest.read(config.paths.manifest), layout.SPLITS)
        require_both_classes(rows, config.paths.manifest)
        jobs = [
            preparation.Job(
                config.data.root,
                row,
                tuple(annotations.for_path(row["path"])),
                config.preprocess,
                config.validation.max_pixels,
            )
            for row in rows.to_dict("records")
        ]
        prepared = engine.process(preparation.attempt, jobs, workers=config.run.workers, label="preprocess")
        with outputs.staged(config.paths.shards) as folder:
            index = shards.write(folder, _promised(prepared), config.preprocess.shard_records)
        checked = config.validation  # `Limits.of` would read all of it, and the stage run again for the rest
        limits = Limits(checked.max_pixels, checked.min_side_px, checked.not_radiograph)
        settings = config.preprocess.model_dump(mode="json") | {"limits": limits._asdict()}
        outputs.write_exact_json(config.paths.models / names.PREPROCESS, settings)

        figures = summarize(index)
        report = config.paths.report("preprocess")
        with outputs.staged(report / "examples") as folder:
            _draw_examples(config, index, folder)
        outputs.write_json(report / names.METRICS, figures)
        lost = preparation.cut_off(jobs, zip(index["path"], index["fractures"], strict=True))
        issues.write([*polarity.issues(index["path"], index["inverted"]), *lost], report / names.ISSUES)
        text = negatives_and_label(index).to_csv(index=False, lineterminator="\n", float_format="%.6g")
        outputs.write_text(report / names.ATTRIBUTES, text)
        record.metrics(figures)
        log.info(
            "preprocess: %d radiographs, %d negatives set right, see %s",
            len(index),
            figures["negatives"],
            report / names.ISSUES,
        )
        if lost:
            log.warning("preprocess: %s: %s; %d such radiographs", lost[0].path, lost[0].detail, len(lost))


def require_both_classes(rows: pd.DataFrame, path: Path) -> None:
    """Refuse a manifest that `validate` did not write: later stages need both classes in each split.

    Raises
    ------
    ValueError
        A split lacks a class.
    """
    held = {*zip(rows["split"], rows["fractured"], strict=True)}
    lacking = [
        f"{split}/{name}"
        for split in layout.SPLITS
        for name, has in layout.CLASS_FOLDERS.items()
        if (split, has) not in held
    ]
    if lacking:
        raise ValueError(
            f"{path} must keep radiographs of both classes in each split. Received: none of "
            f"{first(lacking, _N_NAMED)}. Run `dvc repro -f validate`."
        )


def _promised(results: Iterable[preparation.Record | ImageFault]) -> Iterator[preparation.Record]:
    """Yield the records that the manifest promises; name all files that have changed since, at the end."""
    lost = []
    for result in results:
        if isinstance(result, ImageFault):
            lost.append(str(result))
        else:
            yield result
    if lost:
        raise ValueError(
            f"radiographs must stay as `validate` read them. Received: {len(lost)} that did not: "
            f"{first(lost, _N_NAMED, '; ')}. Run `dvc repro` again, which checks the files anew."
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


def negatives_and_label(index: pd.DataFrame) -> pd.DataFrame:
    """Test whether the label follows photographic negatives; see `associations`."""
    negative = pd.DataFrame({"negative": index["inverted"].map({True: "yes", False: "no"})})
    fractured, group = index["fractured"].to_numpy(bool), index["group"].to_numpy(str)
    return associations.associations(negative, fractured, group)


def cropped_share(index: pd.DataFrame) -> pd.Series:
    """Share of each radiograph's area that was cropped, 0..1."""
    kept = index["crop_height"] * index["crop_width"] / (index["height_px"] * index["width_px"])
    return 1 - kept.astype(float)


def _draw_examples(config: Config, index: pd.DataFrame, folder: Path) -> None:
    """Write radiographs before and after: negatives first, then the most cropped."""
    folder.mkdir()
    table = index[["path", "inverted"]].assign(cropped=cropped_share(index))
    order = table.sort_values(["inverted", "cropped", "path"], ascending=[False, False, True])[:_EXAMPLES]
    canvases = shards.canvases(config.paths.shards, index.loc[order.index])
    shown = []
    pictures = [(f"{number}-before.jpg", f"{number}-after.jpg") for number in range(len(order))]
    for path, canvas_pixels, (before, after) in zip(order["path"], canvases, pictures, strict=True):
        try:
            radiograph = images.read(config.data.root / path, config.validation.max_pixels).pixels
        except ImageFault as fault:
            log.warning("preprocess: not among the examples: %s", fault)
            continue
        images.write(folder / before, resize.within(radiograph, _LONGEST_PX, exactly=True))
        images.write(folder / after, canvas_pixels)
        shown.append(path)
    order[["before", "after"]] = pictures
    order[order["path"].isin(shown)].to_csv(folder / "index.csv", index=False, lineterminator="\n")
