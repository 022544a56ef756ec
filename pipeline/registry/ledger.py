"""Who was champion when, and why: JSON lines, one for each change, committed in the repository.

MLflow's aliases have no history. A line holds the champion and the version that a rollback leads to, as
they stand after it, so that the last line alone says what the aliases must be. Lines are never changed:
a rollback is a line more. Models are named by the sha256 of their bundle; version numbers are for
readers, since a registry that was lost and filled again numbers anew.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
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
    """Whether the last line is numbered, and names champions, as those before it demand."""
    last, before = entries[-1], champion_stack(entries[:-1])
    if last.number != len(entries) or (last.action == "rollback" and len(before) < 2):
        return False
    after = [*before, last.champion] if last.action == "promote" else before[:-1]
    expected = (after[-1], after[-2] if len(after) > 1 else None, before[-1] if before else None)
    return (last.champion, last.previous, last.replaced) == expected


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
    back, and never to one that was withdrawn.
    """
    stack: list[Model] = []
    for entry in entries:
        if entry.action == "promote":
            stack.append(entry.champion)
        else:
            stack.pop()
    return stack


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
        There is no champion before this one to go back to.
    """
    before = champion_stack(entries)
    after = [*before, promoted] if promoted else before[:-1]
    if not after:
        raise LedgerError(
            f"a rollback needs an earlier champion. Received: a ledger with {len(before)} of them. "
            "Promote another version: `fracture promote`."
        )
    return Entry(
        number=len(entries) + 1,
        at=at,
        action="promote" if promoted else "rollback",
        actor=actor,
        reason=reason,
        champion=after[-1],
        previous=after[-2] if len(after) > 1 else None,
        replaced=before[-1] if before else None,
        commit=commit,
        figures=figures,
    )


def withdrawn(entries: Sequence[Entry], bundle: str) -> str:
    """Return why a model was rolled back and not promoted since; empty where it was not."""
    reason = ""
    for entry in entries:
        if entry.action == "rollback" and entry.replaced and entry.replaced.bundle == bundle:
            reason = entry.reason
        elif entry.action == "promote" and entry.champion.bundle == bundle:
            reason = ""
    return reason


def _damaged(path: Path, number: int, line: str) -> str:
    return (
        f"{path} must hold one change of champion a line, numbered from 1. Received in line {number}: "
        f"{line[:80]!r}. Restore it from git: `git checkout {path}`."
    )
