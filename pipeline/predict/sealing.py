"""The seal of a bundle: ``bundle.json`` holds the sha256 of each file, and one over them all that names it.

Files are compared before anything of them is loaded, so this imports no TensorFlow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.dataset.names import (
    ATTRIBUTION,
    BUNDLE,
    CARD,
    CLASSIFIER,
    FIGURES,
    GRAPH,
    LEARNT,
    OPERATING_POINTS,
    ORIGIN,
    PREPROCESS,
    PROFILE,
    REGION_MAPS,
    RELEASE,
    SCOPE,
    SITE,
)
from pipeline.files import outputs

FILES = (CLASSIFIER, OPERATING_POINTS, REGION_MAPS, PREPROCESS, PROFILE, SCOPE)
RELEASED = (RELEASE, FIGURES, CARD, ATTRIBUTION, LEARNT)
OPTIONAL = (GRAPH, ORIGIN, SITE, *RELEASED)
_ADVICE = "Run `dvc repro`, or `dvc checkout` if the pipeline has run."


class BundleError(ValueError):
    """A file of the bundle is missing, damaged or not the one that was sealed."""


def seal(folder: Path) -> dict[str, Any]:
    """Write ``bundle.json`` and return what it holds."""
    for name in FILES:
        if not (folder / name).is_file():
            raise BundleError(f"{folder / name} is missing. Run `dvc repro`.")
    there = [*FILES, *(name for name in OPTIONAL if (folder / name).is_file())]
    files = {name: outputs.sha256(folder / name) for name in there}
    sealed = {"sha256": name_of(files), "files": files}
    outputs.write_json(folder / BUNDLE, sealed)
    return sealed


def check(folder: Path) -> str:
    """Compare the files of a bundle of this code with ``bundle.json`` and return its sha256."""
    return checked(folder)[0]


def checked(folder: Path) -> tuple[str, list[str]]:
    """Compare as `check` does, and return the sha256 and the names of the files."""
    sha256, files = compared(folder)
    if set(files) - set(OPTIONAL) != set(FILES):
        raise BundleError(f"{folder / BUNDLE} is damaged: it must list {', '.join(FILES)}. {_ADVICE}")
    return sha256, files


def compared(folder: Path, advice: str = _ADVICE) -> tuple[str, list[str]]:
    """Compare the files of a bundle, perhaps of older code, with ``bundle.json``.

    Returns
    -------
    sha256, names
        Of the bundle, and of its files.

    Raises
    ------
    BundleError
        A file is missing, or is not the one that was sealed.
    """
    try:
        values = json.loads((folder / BUNDLE).read_text(encoding="utf-8"))
        sha256, files = str(values["sha256"]), dict(values["files"])
    except FileNotFoundError:
        raise BundleError(f"{folder / BUNDLE} is missing: there is no model yet. {advice}") from None
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise BundleError(f"{folder / BUNDLE} is damaged. Received: {error!r}. {advice}") from error
    if sha256 != name_of(files):
        raise BundleError(f"{folder / BUNDLE} is damaged: its sha256 is not that of its files. {advice}")
    for name, expected in files.items():
        if not (folder / name).is_file() or outputs.sha256(folder / name) != expected:
            raise BundleError(f"{folder / name} is missing or not the file that {BUNDLE} names. {advice}")
    return sha256, list(files)


def name_of(files: Mapping[str, str]) -> str:
    """Return one sha256 over those of all files, which names the bundle."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
