"""A start from a released model: its backbone, pyramid and evidence in place of ImageNet's backbone."""

from __future__ import annotations

import logging
from pathlib import Path

from pipeline.config import Config, Train
from pipeline.dataset import names
from pipeline.dataset.released import Release, require_backbone

log = logging.getLogger(__name__)

_BACKBONE_SHARE = 0.3  # of its rate: it has learnt from radiographs, not from photographs alone


def resolved(config: Config, release: Release | None) -> Config:
    """Name the file of weights that training starts from, where that is a release, and take smaller steps.

    Raises
    ------
    ReleaseError
        Its backbone is another, or the file is not the one that was sealed.
    """
    if release is None:
        return config
    require_backbone(release, config.train.backbone)
    file = release.file(names.CLASSIFIER)
    train = smaller_steps(config.train.model_copy(update={"weights": str(file)}))
    log.info(
        "train: starts from the released model %s, by rates of %.1g (backbone) and %.1g (all else)",
        release.folder.name,
        train.learning_rate,
        train.head_learning_rate,
    )
    return config.model_copy(update={"train": train})


def smaller_steps(train: Train) -> Train:
    """Return the steps for layers that have all learnt, where the settings are for a head of random weights.

    All but the backbone takes the backbone's rate, and that a share of it; no epoch is for the head alone.
    ``benchmarks/released_start.py`` measures it.
    """
    return train.model_copy(
        update={
            "head_epochs": 0,
            "head_learning_rate": train.learning_rate,
            "learning_rate": _BACKBONE_SHARE * train.learning_rate,
        }
    )


def checkpoints(kept: Path, release: Release | None) -> Path:
    """Name the folder for checkpoints of a recipe, which does not know of the release, after the release."""
    return kept if release is None else kept / release.sha256[:16]


def figures(release: Release | None) -> dict[str, str]:
    """Name the release, for ``metrics.json``; nothing without one."""
    return {} if release is None else {"release": release.folder.name, "release_sha256": release.sha256}
