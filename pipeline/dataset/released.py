"""The released model: where it lies, and what a training that starts from it must know of it.

It lies in ``models/released``, or in the installed package. Nothing here loads a network.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.config import Config
from pipeline.dataset.names import BUNDLE, METRICS, RELEASE
from pipeline.files import outputs

FOLDER = "released"
WEIGHTS = "released"  # the value of `train.weights`
LEARNT_BY_RELEASE = "learnt_by_release"  # key in the metrics of `validate`, and an issue's code
_PACKAGE = Path(__file__).parents[1]
SHIPPED = (_PACKAGE / FOLDER, _PACKAGE.parent / "models" / FOLDER)  # of a wheel, of an editable install
_ADVICE = "Take the release anew from git, or set train.weights: package."


class ReleaseError(ValueError):
    """There is no released model, or several, or not the one that is needed."""


class Release(NamedTuple):
    """A released model.

    Attributes
    ----------
    folder
        Its bundle; the folder's name is the release's.
    sha256
        Of its bundle.
    backbone
        ``train.backbone`` of the run that made it.
    """

    folder: Path
    sha256: str
    backbone: str

    def file(self, name: str) -> Path:
        """Return one of its files, compared with the seal.

        Raises
        ------
        ReleaseError
            It is missing, or not the file that was sealed.
        """
        path = self.folder / name
        if not path.is_file() or outputs.sha256(path) != _json(self.folder / BUNDLE)["files"].get(name):
            raise ReleaseError(
                f"{path} must be the file that {BUNDLE} names. Received: another one, or none. {_ADVICE}"
            )
        return path


def find(models: Path) -> Path | None:
    """Find the folder of the released model; None where there is none.

    Parameters
    ----------
    models
        ``paths.models``, whose own goes before that of the package.

    Raises
    ------
    ReleaseError
        There are several in one place.
    """
    for place in (models / FOLDER, *SHIPPED):
        found = sorted(path.parent for path in place.glob(f"[!.]*/{BUNDLE}"))  # no unfinished one
        if len(found) > 1:
            others = ", ".join(path.name for path in found)
            raise ReleaseError(
                f"{place} must hold one released model. Received: {others}. Remove all but one."
            )
        if found:
            return found[0]
    return None


def started_from(models: Path, weights: str) -> Release | None:
    """Return the release that a training starts from; None where it starts from something else.

    Parameters
    ----------
    models
        As for :func:`find`.
    weights
        ``train.weights``.

    Raises
    ------
    ReleaseError
        There is none, or it does not say what it is.
    """
    if weights != WEIGHTS:
        return None
    folder = find(models)
    if folder is None:
        raise ReleaseError(
            f"train.weights: released needs a released model. Received: none in {models / FOLDER}, and none "
            "in the package. `fracture release` makes one; or set train.weights: package."
        )
    try:
        made_with = _json(folder / RELEASE)["params"]["train"]
        return Release(folder, str(_json(folder / BUNDLE)["sha256"]), str(made_with["backbone"]))
    except (LookupError, TypeError) as error:
        raise ReleaseError(f"{folder} must say how it was made. Received: no {error}. {_ADVICE}") from None


def require_backbone(release: Release, backbone: str) -> None:
    """Refuse a release whose backbone is not that of the settings.

    Raises
    ------
    ReleaseError
        The message names both.
    """
    if release.backbone != backbone:
        raise ReleaseError(
            f"train.weights: released needs train.backbone: {release.backbone}, that of the release "
            f"{release.folder.name}. Received: {backbone!r}. Set it so, or train.weights: package."
        )


def validated(config: Config) -> Release | None:
    """Return the release that a training starts from, once `validate` has asked it what it learnt from.

    DVC cannot depend on a file under one setting only, so that it does not see that a release has changed.

    Raises
    ------
    ReleaseError
        As for :func:`started_from`; or `validate` asked another release, or none.
    """
    release = started_from(config.paths.models, config.train.weights)
    if release is None:
        return None
    if not is_validated(config, release):
        raise ReleaseError(
            "train.weights: released needs a split for which the same release said what it learnt from. "
            f"Received: another one, or none, in {config.paths.report('validate') / METRICS}, and "
            f"{release.sha256[:12]} in {release.folder}. After a change of the release: `dvc repro --force`."
        )
    return release


def is_validated(config: Config, release: Release) -> bool:
    """Whether the figures of `validate` name this release."""
    metrics = config.paths.report("validate") / METRICS
    told = _json(metrics).get(LEARNT_BY_RELEASE, {}) if metrics.is_file() else {}
    return bool(told.get("sha256") == release.sha256)


def _json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ReleaseError(f"{path} must be JSON. Received: {error}. {_ADVICE}") from None
    return told if isinstance(told, dict) else {}
