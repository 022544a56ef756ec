"""What can be missing or wrong: one small check each, none of which may raise for want of a package."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.commands.checks import data, machine, repository, results, settings
from pipeline.commands.checks.check import OK, PROBLEM, WARNING, Check

if TYPE_CHECKING:
    from pipeline.config import Config

log = logging.getLogger(__name__)

__all__ = ["OK", "PROBLEM", "WARNING", "Check", "quick", "run"]


def run() -> list[Check]:
    """Make every check in the working folder, the machine first."""
    alone = (
        machine.python, machine.packages, machine.opencv, machine.tensorflow, machine.disk, machine.memory,
        repository.git, repository.dvc, repository.lock_file, repository.running,
    )  # fmt: skip
    with_settings = (
        data.radiographs, data.files, data.beside, data.place, settings.values, settings.weights,
        results.others, repository.left_over, repository.lock, repository.bundle, repository.store,
    )  # fmt: skip
    return _made(alone, with_settings)


def quick() -> list[Check]:
    """Make the checks that spare `dvc repro` a failure or a hang before its first stage; a second."""
    alone = (repository.dvc, repository.lock_file, repository.running)
    with_settings = (data.radiographs, data.files, data.beside, data.place, settings.values, results.others)
    return _made(alone, with_settings)


def _made(
    alone: tuple[Callable[[], Check], ...], others: tuple[Callable[[Config], Check], ...]
) -> list[Check]:
    made = [_guarded(check) for check in alone]
    found, config = settings.read()
    made.append(found)
    return made + [_guarded(check, config) for check in others if config is not None]


def _guarded(check: Callable[..., Check], *arguments: object) -> Check:
    """Run one check; an exception in it is its result, with advice that fits it."""
    try:
        return check(*arguments)
    except Exception as error:
        log.debug("where the error arose", exc_info=True)
        detail = f"could not be checked: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return Check(check.__name__.replace("_", " "), PROBLEM, detail, _advice(error))


def _advice(error: Exception) -> str:
    if isinstance(error, ImportError):
        return machine.INSTALL
    if isinstance(error, OSError) and error.filename:
        return f"Make {error.filename} readable, or name another one in params.yaml."
    return "Mend what is named here, then ask again; `fracture --verbose doctor` shows where it arose."
