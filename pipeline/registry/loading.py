"""The model that answers, loaded once, with its name and what it warns of in this place."""

from __future__ import annotations

from dataclasses import replace

from pipeline.config import Config
from pipeline.predict import bundle, fitted_here
from pipeline.predict.bundle import Bundle
from pipeline.registry import model_choice


def load(config: Config, model: str | None = None) -> tuple[Bundle, dict[str, str]]:
    """Load the model that answers, with what it warns of in this place, and its name for records.

    Parameters
    ----------
    model
        Which one; see `model_choice.opened`.
    """
    with model_choice.opened(config, model) as answering:
        loaded, told = bundle.load(answering.folder, config.run), answering.record()
        strange = fitted_here.notes(config, answering.folder)
    return replace(loaded, notes=(*loaded.notes, *strange)), told
