"""Make every page and chart from what the other stages wrote, and from nothing else.

Reads the manifest and the stages' report folders; writes each stage's pages into its folder, and how many
they are. A changed template or stylesheet runs this stage alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from jinja2 import UndefinedError

from pipeline.config import Config
from pipeline.dataset.names import METRICS
from pipeline.files import outputs
from pipeline.report import evaluation, preprocessing, region_maps, training, validation
from pipeline.track import runs

log = logging.getLogger(__name__)

DOCUMENTS: Mapping[str, Callable[[Config], dict[str, str]]] = {
    "validate": validation.documents,
    "preprocess": preprocessing.documents,
    "train": training.documents,
    "evaluate": evaluation.documents,
    "region_maps": region_maps.documents,
}


def run(config: Config) -> None:
    """Make the pages stage by stage, and record them."""
    with runs.stage_run("report", config) as record:
        n_bytes = []
        for stage, documents in DOCUMENTS.items():
            try:
                made = documents(config)
            except (LookupError, UndefinedError) as error:  # a figure, a column or a kind of picture
                raise ValueError(
                    f"the pages of {stage} need what the stages of this version write. Received: results "
                    f"without {error}. Run `dvc repro`; where they are older than the code, `dvc repro -f`."
                ) from error
            files = {config.paths.report(stage) / name: text for name, text in made.items()}
            for path, text in files.items():
                outputs.write_text(path, text)
            record.pages(stage, files)
            n_bytes += [path.stat().st_size for path in files if path.suffix == ".html"]
        figures = {"pages": len(n_bytes), "bytes": sum(n_bytes)}
        outputs.write_json(config.paths.report("report") / METRICS, figures)
        record.metrics(figures)
        log.info("report: %d pages of %d bytes", figures["pages"], figures["bytes"])
