"""What a bundle learnt from, in a line: ``origin.json``, under its seal, and nothing of the radiographs.

The stage `region_maps` writes it beside the network; `fracture release` adds the data's title.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pipeline.dataset import profile
from pipeline.dataset.names import ORIGIN, PROFILE, SCOPE
from pipeline.files import outputs
from pipeline.predict import scope, sealing
from pipeline.predict.sealing import BundleError

VARIABLE = "FRACTURE_MODEL"  # for a server of MLflow's: how the model that answers is called


class Origin(NamedTuple):
    """What a bundle learnt from.

    Attributes
    ----------
    train, val
        Number of radiographs that the network learnt from, and that all settings were chosen on; 0 where
        that is not recorded.
    phantoms
        Whether all of them are drawn.
    data
        Title of the data; empty where nobody gave one.
    """

    train: int
    val: int
    phantoms: bool
    data: str = ""

    @property
    def line(self) -> str:
        """Say it: ``phantoms``, or how many radiographs, and of what."""
        if self.phantoms:
            return "phantoms"
        number = f"{self.train:,} " if self.train else ""
        return f"{number}radiographs{self.data and f' of {self.data}'}"


def write(folder: Path, origin: Origin) -> None:
    """Write it into the folder of a bundle that is to be sealed."""
    outputs.write_json(folder / ORIGIN, origin._asdict())


def read(folder: Path) -> Origin:
    """Read it; of a bundle from before it was written, from the profile of its data.

    That profile counts the radiographs of ``test``, too.

    Raises
    ------
    BundleError
        A file of the bundle is missing or damaged.
    """
    try:
        if not (folder / ORIGIN).is_file():
            return Origin(_profiled(folder / PROFILE), 0, scope.read(folder / SCOPE).phantoms_only)
        told = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
        return Origin(int(told["train"]), int(told["val"]), bool(told["phantoms"]), str(told["data"]))
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise BundleError(
            f"{folder} must say what it learnt from. Received: {error!r}. Run `dvc repro`."
        ) from error


def _profiled(path: Path) -> int:
    """Count the radiographs of a profile; 0 where it is none, which nothing else of an answer needs."""
    try:
        return profile.read(path).files
    except (OSError, ValueError):
        return 0


def record(folder: Path, name: str) -> dict[str, str]:
    """Name a sealed bundle, for JSON.

    Returns
    -------
    dict
        ``name``; ``sha256``, its first 12 digits; ``learnt_from``, see `Origin.line`.
    """
    sha256, _ = sealing.compared(folder)
    return {"name": name, "sha256": sha256[:12], "learnt_from": read(folder).line}


def title(told: Mapping[str, str]) -> str:
    """Say a record in a line."""
    return f"{told['name']} (bundle {told['sha256']}), learnt from {told['learnt_from']}"
