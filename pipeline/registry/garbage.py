"""What nobody needs any more: tables in, lists out; see docs/how-to/storage.md for the rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from pipeline.registry import ledger
from pipeline.registry.ledger import Entry

WEEK_S = 7 * 24 * 3600.0  # what is younger may be in use: somebody may be deciding about a version


class Version(NamedTuple):
    """A registered version.

    ``bundle`` and ``md5`` are its bundle's sha256, and the hash by which DVC knows it; ``aliased`` whether an
    alias names it; ``fitted`` whether it was fitted to a place.
    """

    number: str
    bundle: str
    md5: str
    created_s: float
    aliased: bool
    fitted: bool
    run_id: str = ""


class Run(NamedTuple):
    """A run in MLflow: ``key`` is its stage's recipe, empty for other runs."""

    run_id: str
    name: str
    key: str
    status: str
    deleted: bool
    needed: bool


def champions(entries: Sequence[Entry], keep: int | None) -> set[str]:
    """Return the bundles that stay.

    Parameters
    ----------
    keep
        How many champions a rollback must still be able to go back. None keeps all that ever were champion,
        also withdrawn ones: somebody may ask what they answered.
    """
    if keep is None:
        return {entry.champion.bundle for entry in entries}
    return {model.bundle for model in ledger.champion_stack(entries)[-(keep + 1) :]}


def commits(entries: Sequence[Entry], bundles: Collection[str]) -> set[str]:
    """Return the commits on which these bundles became champion."""
    promoted = (entry for entry in entries if entry.action == "promote" and entry.champion.bundle in bundles)
    return {entry.commit for entry in promoted if entry.commit}


def versions(
    found: Sequence[Version], bundles: Collection[str], used: Collection[str], now_s: float
) -> list[Version]:
    """Return the versions that go.

    Parameters
    ----------
    bundles
        From :func:`champions`.
    used
        The md5 of all files that a kept revision's ``dvc.lock`` names.
    """

    def stays(one: Version) -> bool:
        is_named = one.aliased or one.bundle in bundles or one.md5 in used
        return is_named or one.fitted or now_s - one.created_s < WEEK_S

    return [one for one in found if not stays(one)]


def runs(found: Sequence[Run]) -> dict[Run, str]:
    """Return the runs that go, and why: they were deleted, or they failed and another attempt finished."""
    finished = {run.key for run in found if run.key and run.status == "FINISHED" and not run.deleted}
    reasons: dict[Run, str] = {}
    for run in found:
        if run.needed:
            continue
        if run.deleted:
            reasons[run] = "deleted in MLflow"
        elif run.status in ("FAILED", "KILLED") and run.key in finished:
            reasons[run] = f"{run.status.lower()}, and another attempt finished"
    return reasons


def models(found: dict[str, float], named: Collection[str], now_s: float) -> list[str]:
    """Return the logged models, given with the time when they were made, that no version names."""
    return [name for name, made_s in found.items() if name not in named and now_s - made_s >= WEEK_S]
