"""The model that answers, loaded once, with its name and what it warns of in this place."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from pipeline.config import Config
from pipeline.network import device
from pipeline.predict import bundle, fitted_here
from pipeline.predict.bundle import Bundle
from pipeline.registry import model_choice
from pipeline.registry.ledger import CHAMPION

_SHOWN = 12  # digits of a bundle's sha256 in records; see `origin.record`


class Version(NamedTuple):
    """How a registered version is called in records, and the first digits of its bundle's sha256."""

    name: str
    sha256: str


def load(config: Config, model: str | None = None) -> tuple[Bundle, dict[str, str]]:
    """Load the model that answers, with what it warns of in this place, and its name for records.

    Parameters
    ----------
    model
        Which one; see `model_choice.opened`.
    """
    with model_choice.opened(config, model) as answering:
        device.prepare(config.run)
        loaded, told = bundle.load(answering.folder), answering.record()
        strange = fitted_here.notes(config, answering.folder)
    return replace(loaded, notes=(*loaded.notes, *strange)), told


def followed(model: str | None) -> str | None:
    """Give the name under which a later model may answer; None where one model was asked for.

    Parameters
    ----------
    model
        As for `load`: the champion, which also answers where none is named, or another alias.
    """
    if model is None or model == CHAMPION:
        return CHAMPION
    return model if model.startswith("models:/") and "@" in model else None


def version(config: Config, followed_name: str) -> Version:
    """Ask the registry which version bears an alias now, without loading it.

    Raises
    ------
    VersionError, StoreError
        There is none, or nobody answers.
    """
    candidate = model_choice.first(config, followed_name, lambda found: found)
    found = candidate.version
    return Version(candidate.name, found.sha256[:_SHOWN] if found else "")
