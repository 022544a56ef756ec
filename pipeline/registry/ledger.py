"""Who was champion when, and why: JSON lines, one for each change, committed in the repository.

MLflow's aliases have no history. A line holds the champion and the version that a rollback leads to, as
they stand after it, so that the last line alone says what the aliases must be. Lines are never changed:
a rollback is a line more. Models are named by the sha256 of their bundle; version numbers are for
readers, since a registry that was lost and filled again numbers anew.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter

from pipeline.files import outputs

CHAMPION, PREVIOUS = "champion", "previous"  # aliases in the registry

Action = Literal["promote", "rollback"]


class LedgerError(ValueError):
    """The ledger is damaged, or does not agree with the registry."""


_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True)
class Model:
    """A registered model: its bundle's sha256, and its version's number."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    bundle: str
    version: str


@dataclass(frozen=True)
class Entry:
    """One change of champion.

    Attributes
    ----------
    number
        From 1, without gaps.
    at
        UTC, ISO 8601, to the second.
    action, actor, reason
        What was done, by whom, and why.
    champion, previous
        As they stand afterwards; ``previous`` is where a rollback leads, None where it leads nowhere.
    replaced
        The champion before.
    commit
        Of git, when the change was made; empty without git.
    figures
        What the gate saw, by rule; empty for a rollback.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    number: int
    at: str
    action: Action
    actor: str
    reason: str
    champion: Model
    previous: Model | None
    replaced: Model | None
    commit: str
    figures: dict[str, float | None]


_ENTRY = TypeAdapter(Entry)


def read(path: Path) -> list[Entry]:
    """Read all lines, oldest first; none where there is no file yet.

    What an editor adds is passed over: a byte-order mark, carriage returns, empty lines at the end.

    Raises
    ------
    LedgerError
        A line is none of ours, does not follow from those before it, or a number is missing.
    """
    data = path.read_bytes() if path.exists() else b""
    entries: list[Entry] = []
    for number, line in enumerate(data.removeprefix(codecs.BOM_UTF8).rstrip().splitlines(), start=1):
        try:
            entries.append(parse(line.decode("utf-8")))
            if not _follows(entries):
                raise ValueError("it does not follow from the lines before it")
        except ValueError as error:
            raise LedgerError(_damaged(path, number, line.decode("utf-8", "replace"))) from error
    return entries


def write(path: Path, entries: Sequence[Entry]) -> None:
    """Write all lines anew, whole or not at all: an appended line could be torn by a crash."""
    outputs.write_text(path, "".join(f"{line(entry)}\n" for entry in entries))


def line(entry: Entry) -> str:
    """Write an entry as one line of JSON."""
    return json.dumps(asdict(entry), sort_keys=True, allow_nan=False)


def parse(text: str) -> Entry:
    """Read what :func:`line` wrote; a ValueError where it is anything else."""
    return _ENTRY.validate_json(text)


def _follows(entries: Sequence[Entry]) -> bool:
    """Whether the last line is numbered, and names champions, as those before it demand.

    Lines of version 0.2.0 are as good: it led back to whoever was champion before, withdrawn or not.
    """
    last, before = entries[-1], _reigns(entries[:-1])
    promoted = last.champion if last.action == "promote" else None
    whoever = [*before, promoted] if promoted else before[:-1]
    expected = (_first_two(_next_stack(entries[:-1], promoted)), _first_two(whoever))
    replaced = before[-1] if before else None
    is_numbered = last.number == len(entries)
    return is_numbered and last.replaced == replaced and (last.champion, last.previous) in expected


def join(in_file: Sequence[Entry], in_registry: Sequence[Entry]) -> list[Entry]:
    """Join the lines of the file with the registry's own copy of them.

    Either may lack the newest ones: the file after a crash or in an old clone, the registry
    after its database was lost.

    Raises
    ------
    LedgerError
        Both hold a line of one number, and not the same; or neither holds one that is not the newest.
    """
    by_number = {entry.number: entry for entry in in_registry}
    for entry in in_file:
        if by_number.setdefault(entry.number, entry) != entry:
            raise LedgerError(
                "the ledger must agree with the registry, whose own copy of each line is the record. "
                f"Received: another line {entry.number} in the registry. Take the ledger of the main branch "
                "(git checkout), or name another file in paths.ledger."
            )
    numbers = range(1, len(by_number) + 1)
    if missing := sorted(set(numbers) - set(by_number)):
        raise LedgerError(f"the ledger must have no gaps. Received: no line {missing[0]}. Take it from git.")
    return [by_number[number] for number in numbers]


def champion_stack(entries: Sequence[Entry]) -> list[Model]:
    """Return the champions that a rollback could lead to, one after the other; the last is champion.

    A promotion puts a model on top, a rollback takes it away: so two rollbacks lead two champions
    back, and never to one that was withdrawn, however often it was champion.
    """
    reigns = _reigns(entries)
    return _without(reigns, set(_withdrawn(entries)) - {model.bundle for model in reigns[-1:]})


def _next_stack(entries: Sequence[Entry], promoted: Model | None) -> list[Model]:
    """Return what :func:`champion_stack` will be after a promotion; of None, after a rollback."""
    reigns, bundles = _reigns(entries), set(_withdrawn(entries))
    if promoted:
        return _without([*reigns, promoted], bundles - {promoted.bundle})
    return _without(reigns[:-1], bundles | {model.bundle for model in reigns[-1:]})


def _reigns(entries: Sequence[Entry]) -> list[Model]:
    """Return the champions below one another, also those that were withdrawn since; the last is champion."""
    reigns: list[Model] = []
    for entry in entries:
        if entry.action == "promote":
            reigns.append(entry.champion)
            continue
        reigns = reigns[:-1]
        while reigns and reigns[-1] != entry.champion:  # it had been withdrawn, and was passed over
            reigns.pop()
    return reigns


def _without(reigns: Sequence[Model], bundles: Collection[str]) -> list[Model]:
    """Leave out these bundles; no model stands twice in a row then."""
    kept: list[Model] = []
    for model in reigns:
        if model.bundle not in bundles and not (kept and kept[-1].bundle == model.bundle):
            kept.append(model)
    return kept


def _first_two(stack: Sequence[Model]) -> tuple[Model | None, Model | None]:
    """Return the champion, and where a rollback leads; None where there is none."""
    previous, champion = [None, None, *stack][-2:]
    return champion, previous


def following(
    entries: Sequence[Entry],
    promoted: Model | None,
    *,
    at: str,
    actor: str,
    reason: str,
    commit: str,
    figures: dict[str, float | None],
) -> Entry:
    """Make the next line: of a promotion, or of a rollback where nothing is promoted.

    Raises
    ------
    LedgerError
        There is no champion before this one to go back to that was not withdrawn.
    """
    before = champion_stack(entries)
    champion, previous = _first_two(_next_stack(entries, promoted))
    if champion is None:
        raise LedgerError(
            "a rollback needs an earlier champion that was not withdrawn. Received: a ledger without one. "
            "Promote another version: `fracture promote`; a withdrawn one takes --reason."
        )
    return Entry(
        number=len(entries) + 1,
        at=at,
        action="promote" if promoted else "rollback",
        actor=actor,
        reason=reason,
        champion=champion,
        previous=previous,
        replaced=before[-1] if before else None,
        commit=commit,
        figures=figures,
    )


def withdrawn(entries: Sequence[Entry], bundle: str) -> str:
    """Return why a model was rolled back and not promoted since; empty where it was not."""
    return _withdrawn(entries).get(bundle, "")


def _withdrawn(entries: Sequence[Entry]) -> dict[str, str]:
    """Return the bundles that were rolled back and not promoted since, and why."""
    reasons: dict[str, str] = {}
    for entry in entries:
        if entry.action == "promote":
            reasons.pop(entry.champion.bundle, None)
        elif entry.replaced:
            reasons[entry.replaced.bundle] = entry.reason
    return reasons


def _damaged(path: Path, number: int, line: str) -> str:
    return (
        f"{path} must hold one change of champion a line, numbered from 1. Received in line {number}: "
        f"{line[:80]!r}. Restore it from git: `git checkout {path}`."
    )
