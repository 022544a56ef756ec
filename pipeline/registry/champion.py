"""The data that the champion learnt from, and how far new data lie from them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pipeline.config import Config
from pipeline.dataset import names, profile
from pipeline.dataset.profile import Profile
from pipeline.drift import distance
from pipeline.files import outputs
from pipeline.predict import sealing
from pipeline.registry.ledger import CHAMPION
from pipeline.registry.versions import BUNDLE, BUNDLE_TAG
from pipeline.track import models
from pipeline.track.models import VersionError
from pipeline.track.store import Store

log = logging.getLogger(__name__)

_PROFILE = "profile.json"  # in the bundle


class Champion(NamedTuple):
    """A version of the registered model, and the profile of its data."""

    version: str
    profile: Profile


def find(store: Store, name: str) -> Champion | None:
    """Return the champion of a registered model; None where there is none.

    Raises
    ------
    VersionError
        Its bundle holds no profile, or cannot be had.
    StoreError
        The store does not answer within ``track.timeout_s``, or refuses.
    """
    _, aliases = models.registered(store, name)
    version = aliases.get(CHAMPION)
    return None if version is None else Champion(version, profile_of(store, name, version))


def log_drift(config: Config, store: Store, run_id: str, described: Path) -> None:
    """Log on a run how far the data that it validated lie from the champion's; nothing without a champion.

    Parameters
    ----------
    described
        The profile of the validated data.
    """
    champion = find(store, config.track.model_name)
    if champion is None:
        return
    properties = distance.compare(
        champion.profile.sample, profile.read(described).sample, seed=config.run.seed
    )
    figures = distance.summarize(properties, alpha=config.drift.alpha, threshold=config.drift.threshold)
    values = {name: difference.distance for name, difference in properties.items()}
    values |= {"score": figures["score"], "detected": float(figures["detected"])}
    store.log(
        run_id,
        {f"drift.{name}": value for name, value in values.items()},
        tags={"drift.against": champion.version},
    )
    log.info("drift against champion %s: %.3f", champion.version, figures["score"])


def profile_of(store: Store, name: str, version: str) -> Profile:
    """Download the profile of a version alone: the classifier is a hundred times as large.

    Raises
    ------
    VersionError
        Its bundle holds no profile, or cannot be had.
    """
    with TemporaryDirectory() as folder:
        try:
            model = models.download(store, name, version, "MLmodel", Path(folder)).parent
            bundle = models.artifact(model, BUNDLE).relative_to(model).as_posix()
            described, list_ = (
                models.download(store, name, version, f"{bundle}/{file}", Path(folder))
                for file in (_PROFILE, names.BUNDLE)
            )
            expected = store.client.get_model_version(name, version).tags.get(BUNDLE_TAG)
            files = json.loads(list_.read_text(encoding="utf-8"))["files"]
            if sealing.name_of(files) != expected or files.get(_PROFILE) != outputs.sha256(described):
                raise VersionError(f"{_PROFILE} or {names.BUNDLE} is not the file that was registered")
            return profile.read(described)
        except (VersionError, OSError, ValueError, KeyError) as error:
            raise VersionError(
                f"version {version} of {name} must hold the profile of its data. Received: {error}. "
                "Register it again, or name a bundle's folder or a profile."
            ) from error
