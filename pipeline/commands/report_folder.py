"""Which folder of radiographs a report is of: folders of one name keep reports of their own."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
from pathlib import Path

from pipeline import addresses
from pipeline.config import Config
from pipeline.files import outputs

log = logging.getLogger(__name__)

SOURCE = "source.json"


def of_assessment(config: Config, root: Path) -> Path:
    """Name the report after the folder; another folder of that name keeps its own."""
    first = config.paths.report("assess") / addresses.name(root)
    if not (first.is_dir() and any(first.iterdir())):
        return first
    named = (
        first.with_name(f"{first.name}-{number}") if number > 1 else first for number in itertools.count(1)
    )
    target = next(path for path in named if not path.exists() or source(path) == digest(root))
    if target != first:
        log.info("%s holds the report of another folder: this one goes into %s", first, target)
    return target


def source(report: Path) -> str:
    """Read of which folder a report is; empty for one that does not say."""
    try:
        return str(json.loads((report / SOURCE).read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def is_of_another(report: Path, root: Path) -> bool:
    """Whether a report is known to be of another folder."""
    return source(report) not in ("", digest(root))


def digest(root: Path) -> str:
    """Hash a folder's path: whoever gets the report need not know where it lay."""
    return hashlib.sha256(os.fsencode(addresses.shown(root))).hexdigest()


def write_source(report: Path, root: Path) -> None:
    """Say in a report of which folder it is."""
    outputs.write_json(report / SOURCE, {"folder": addresses.name(root), "sha256": digest(root)})
