"""Which model answers: one rule for `predict`, `assess`, `recalibrate`, `drift` and `serve`.

Unless one is named, the champion answers; else the bundle in ``paths.models``, unless it learnt from
phantoms; else the released one; else the bundle of phantoms, which warns of itself. A champion that cannot be
had costs a line, and the next in order answers.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

from pipeline.config import Config
from pipeline.dataset import names, released
from pipeline.predict import origin, sealing
from pipeline.predict.sealing import BundleError
from pipeline.registry import ledger, versions
from pipeline.registry.ledger import CHAMPION, LedgerError
from pipeline.track import models, repository
from pipeline.track import store as stores
from pipeline.track.models import VersionError
from pipeline.track.outage import StoreError
from pipeline.track.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")

CURRENT, RELEASED = "current", "released"
_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<number>\d+))")


class Version(NamedTuple):
    """A version of a registered model, and the sha256 of its bundle."""

    store: Store
    name: str
    number: str
    sha256: str


@dataclass(frozen=True)
class Candidate:
    """A model that may answer: a bundle's folder, or a registered version that is to be fetched."""

    name: str
    folder: Path | None = None
    version: Version | None = None

    def fetch(self, kept: Path) -> Path:
        """Return the folder of its sealed bundle, in ``kept`` where it has to be fetched.

        Raises
        ------
        BundleError, VersionError, StoreError
            A file is missing or not the one that was sealed, or it cannot be had.
        """
        folder = self.folder or models.artifact(self.model(kept), versions.BUNDLE)
        sealing.check(folder)
        return folder

    def model(self, kept: Path) -> Path:
        """Fetch a registered version whole, with its code: what is served.

        Raises
        ------
        VersionError, StoreError
            It is none, or cannot be had.
        """
        if self.version is None:
            raise VersionError(f"a registered version is needed. Received: {self.name}.")
        return versions.fetch(self.version.store, self.version.name, self.version.number, kept)


class Answering(NamedTuple):
    """The model that answers.

    Attributes
    ----------
    name
        ``champion, version 3``, ``current``, ``released fracatlas``, or as the user named it.
    folder
        Of its bundle.
    """

    name: str
    folder: Path

    def record(self) -> dict[str, str]:
        """Name it and what it learnt from, for JSON; see `origin.record`."""
        return origin.record(self.folder, self.name)


@contextmanager
def opened(config: Config, asked: str | None) -> Iterator[Answering]:
    """Open the model that answers; what had to be fetched is gone afterwards.

    Parameters
    ----------
    asked
        ``champion``, ``current``, ``released``, the folder of a bundle, ``models:/NAME@ALIAS`` or
        ``models:/NAME/VERSION``; None for the first that there is, see above.

    Raises
    ------
    BundleError, VersionError, StoreError
        What was asked for cannot be had, or there is no model at all.
    """
    with TemporaryDirectory(prefix="fracture-") as kept:
        yield first(config, asked, lambda each: _opened(each, config, Path(kept)))


def first(config: Config, asked: str | None, use: Callable[[Candidate], T]) -> T:
    """Use the first candidate that can be had, and return what that gives.

    Parameters
    ----------
    use
        Raises a BundleError, VersionError or StoreError where a candidate cannot be had.
    """
    for candidate in _candidates(config, asked):
        try:
            return use(candidate)
        except (BundleError, VersionError, StoreError) as error:
            if asked is not None or candidate.version is None:
                raise
            _pass_over(error)
    raise BundleError(
        f"there must be a model. Received: none in {config.paths.models}, and none released. "
        "Run `dvc repro`, or name the folder of a bundle: --model DIR."
    )


def _opened(candidate: Candidate, config: Config, kept: Path) -> Answering:
    version, current = candidate.version, config.paths.models
    if version is not None and _sha256(current) == version.sha256:
        return Answering(candidate.name, current)  # the same files, and nothing to fetch
    return Answering(candidate.name, candidate.fetch(kept))


def _candidates(config: Config, asked: str | None) -> Iterator[Candidate]:
    """Name what was asked for, or all that may answer, in order."""
    current = config.paths.models
    if asked is None:
        yield from _in_order(config, current)
    elif asked == CHAMPION:
        yield _registered(config, config.track.model_name, CHAMPION)
    elif found := _URI.fullmatch(asked):
        yield _registered(config, found["name"], found["alias"] or found["number"])
    elif asked == CURRENT:
        yield Candidate(CURRENT, current)
    elif asked == RELEASED:
        yield _released(current)
    else:
        yield _folder(asked)


def _in_order(config: Config, current: Path) -> Iterator[Candidate]:
    try:
        yield from _champion(config)
    except (StoreError, VersionError, LedgerError) as error:
        _pass_over(error)
    there = (current / names.BUNDLE).is_file()
    of_phantoms = there and origin.read(current).phantoms
    if there and not of_phantoms:
        yield Candidate(CURRENT, current)
    if found := _released_folder(current):
        yield Candidate(f"{RELEASED} {found.name}", found)
    if of_phantoms:
        yield Candidate(CURRENT, current)


def _champion(config: Config) -> Iterator[Candidate]:
    """Find the champion where there is one; MLflow is imported only where it keeps something."""
    store = stores.existing(config.track, repository.root())
    if store is None:
        if entries := ledger.read(config.paths.ledger):
            raise VersionError(f"version {entries[-1].champion.version} is champion, but no MLflow is here")
        return
    _, aliases = models.registered(store, config.track.model_name)
    if CHAMPION in aliases:
        yield _version(store, config.track.model_name, aliases[CHAMPION], CHAMPION)


def _registered(config: Config, name: str, asked: str) -> Candidate:
    """Find a version by its number or alias.

    Raises
    ------
    VersionError
        There is none.
    """
    store = stores.existing(config.track, repository.root())
    _, aliases = models.registered(store, name) if store else ({}, {})
    number = aliases.get(asked, asked)
    if store is None or not number.isdigit():
        raise VersionError(
            f"there must be a registered version. Received: {asked}, and {name} has "
            f"{aliases or 'no alias'} in MLflow's store. `fracture promote` makes a champion; `--model "
            "current` and `--model released` need no registry."
        )
    return _version(store, name, number, asked)


def _version(store: Store, name: str, number: str, asked: str) -> Candidate:
    tags = store.client.get_model_version(name, number).tags
    title = f"{name}, version {number}" if asked == number else f"{asked}, version {number}"
    return Candidate(title, None, Version(store, name, number, tags.get(versions.BUNDLE_TAG, "")))


def _released(current: Path) -> Candidate:
    found = _released_folder(current)
    if found is None:
        raise BundleError(
            "there must be a released model. Received: none here and none in the package. `fracture release` "
            "makes one of the bundle in paths.models."
        )
    return Candidate(f"{RELEASED} {found.name}", found)


def _released_folder(current: Path) -> Path | None:
    try:
        return released.find(current)
    except released.ReleaseError as error:
        raise BundleError(str(error)) from None


def _folder(asked: str) -> Candidate:
    folder = Path(asked)
    if not folder.is_dir():
        raise BundleError(
            "--model must be champion, current, released, models:/NAME@ALIAS, models:/NAME/VERSION or the "
            f"folder of a bundle. Received: {asked}."
        )
    return Candidate(folder.name if folder.is_absolute() else folder.as_posix(), folder)


def _sha256(folder: Path) -> str:
    """Name the bundle in a folder; empty where none is whole."""
    try:
        return sealing.check(folder)
    except BundleError:
        return ""


def _pass_over(error: Exception) -> None:
    log.warning("the champion cannot answer, another model does: %s", " ".join(str(error).split()))
