"""A start from a released model: its backbone, pyramid and evidence in place of ImageNet's backbone."""

from __future__ import annotations

import logging
from pathlib import Path

from pipeline.config import Config
from pipeline.dataset import names
from pipeline.dataset.released import Release, require_backbone

log = logging.getLogger(__name__)


def resolved(config: Config, release: Release | None) -> Config:
    """Name the file of weights that training starts from, where that is the network of a release.

    Raises
    ------
    ReleaseError
        Its backbone is another, or the file is not the one that was sealed.
    """
    if release is None:
        return config
    require_backbone(release, config.train.backbone)
    file = release.file(names.CLASSIFIER)
    log.info("train: starts from the released model %s", release.folder.name)
    return config.model_copy(update={"train": config.train.model_copy(update={"weights": str(file)})})


def checkpoints(kept: Path, release: Release | None) -> Path:
    """Name the folder for checkpoints of a recipe, which does not know of the release, after the release."""
    return kept if release is None else kept / release.sha256[:16]


def figures(release: Release | None) -> dict[str, str]:
    """Name the release, for ``metrics.json``; nothing without one."""
    return {} if release is None else {"release": release.folder.name, "release_sha256": release.sha256}
