"""Draw the embedded default: procedural radiographs with known fractures.

Reads only the settings; writes ``paths.phantoms``: ``{train,val,test}/{fractured,not fractured}/``,
``annotations.coco.json``, ``labels.csv`` and ``faults.csv``, the answer key of the planted faults.
"""

from __future__ import annotations

import logging

from pipeline import phantoms
from pipeline.config import Config
from pipeline.files.outputs import staged

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Draw the phantoms; the folder stands whole, or not at all, and takes no other files' place."""
    phantoms.refuse_others(config.paths.phantoms)
    settings = config.phantoms
    log.info("phantoms: drawing %d radiographs", settings.train + settings.val + settings.test)
    with staged(config.paths.phantoms) as folder:
        written = phantoms.write(folder, settings, seed=config.run.seed, workers=config.run.workers)
        phantoms.refuse_others(config.paths.phantoms)  # again: drawing takes time enough to put files there
    log.info("phantoms: %d files in %s", written, config.paths.phantoms)
