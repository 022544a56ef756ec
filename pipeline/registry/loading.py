"""The model that answers, loaded once, with its name and what it warns of in this place."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.config import Config
from pipeline.dataset.names import CARD
from pipeline.predict import bundle, fitted_here
from pipeline.predict.bundle import Bundle
from pipeline.registry import model_choice
from pipeline.registry.ledger import CHAMPION

_SHOWN = 12  # digits of a bundle's sha256 in records; see `origin.record`
_WARM_PX = 64
_AGAIN_S = 300.0  # until a version that could not be loaded is tried once more


class Loaded(NamedTuple):
    """A loaded model, its name for records, and its card in Markdown, empty where the bundle holds none."""

    bundle: Bundle
    told: dict[str, str]
    card: str


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
    loaded = load_with_card(config, model)
    return loaded.bundle, loaded.told


def load_with_card(config: Config, model: str | None = None) -> Loaded:
    """Load the model that answers as `load` does, and its card."""
    with model_choice.opened(config, model) as answering:
        loaded, told = bundle.load(answering.folder, config.run), answering.record()
        strange = fitted_here.notes(config, answering.folder)
        card = _card(answering.folder / CARD)
    return Loaded(replace(loaded, notes=(*loaded.notes, *strange)), told, card)


class Failure:
    """Remembers which version could not be loaded last: it is not tried again for a while."""

    def __init__(self) -> None:
        self._noted: tuple[Version, float] | None = None

    def note(self, version: Version) -> None:
        """Remember a version that failed now."""
        self._noted = version, time.monotonic()

    def forget(self) -> None:
        """Try any version again."""
        self._noted = None

    def is_recent(self, version: Version) -> bool:
        """Whether this version failed lately."""
        noted = self._noted
        return noted is not None and noted[0] == version and time.monotonic() < noted[1] + _AGAIN_S


def warm(loaded: Bundle, told: Mapping[str, str]) -> None:
    """Let a model answer once before it takes over, so that nobody waits for what it does at first.

    Raises
    ------
    ValueError
        It does not answer: files of its bundle do not go together.
    """
    ramp = np.add.outer(np.arange(_WARM_PX), np.arange(_WARM_PX)).astype(np.uint8)
    try:
        loaded.predict([ramp])
    except Exception as error:  # each library that computes has errors of its own
        raise ValueError(
            f"{told['name']} must answer. Received: {error!r}. Files of its bundle do not go together: "
            "take it anew from where it was made."
        ) from error


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


def _card(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
