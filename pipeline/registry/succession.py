"""Champion and ledger moved together: never one without the other, at whatever moment a crash comes.

The ledger's file and the registry's aliases are two stores, and nothing writes both at once. So a
change happens at one moment: when its line is written into a tag of the registered model, in the same
database as the aliases. From then on it holds, and `sync` makes the rest follow: the line into the
file, then the aliases. Every command of ours syncs before it does anything, and a change is the tag and
then a sync: what repairs after a crash is what runs every day.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import Config
from pipeline.registry import ledger, registration
from pipeline.registry.ledger import CHAMPION, PREVIOUS, Entry, LedgerError, Model
from pipeline.track import models, provenance, repository
from pipeline.track.store import Store, connect

log = logging.getLogger(__name__)

_LINE = "ledger."  # a tag of the registered model for each line


@dataclass(frozen=True)
class Succession:
    """The champions of a registered model.

    Attributes
    ----------
    store
        Where the registry is.
    name
        Of the registered model.
    path
        Of the ledger's file.
    """

    store: Store
    name: str
    path: Path

    def sync(self) -> list[Entry]:
        """Bring the file, the registry's copy and the aliases to the newest line, and return all lines.

        Raises
        ------
        LedgerError
            The copies contradict each other, a line is damaged, or the champion is not registered here.
        """
        with self.store.locked():
            return self._sync()

    def advance(self, entry: Entry, entries: Sequence[Entry]) -> None:
        """Make a change of champion.

        Parameters
        ----------
        entry
            The line that records it.
        entries
            The lines on which it was decided.

        Raises
        ------
        LedgerError
            Somebody changed the champion meanwhile; nothing is done.
        """
        with self.store.locked():
            if self._sync() != list(entries):
                raise LedgerError(
                    "the champion must be the one that was decided upon. Received: another change meanwhile. "
                    "Run the command again."
                )
            self._tag(entry)
            self._sync()

    def version_of(self, model: Model) -> str | None:
        """Find a model's version by its bundle; None where it is not registered here."""
        return registration.find_version(self.store, self.name, model.bundle)

    def _sync(self) -> list[Entry]:
        tags, aliases = models.registered(self.store, self.name)
        in_registry = _lines(self.name, tags)
        in_file = ledger.read(self.path)
        entries = ledger.join(in_file, in_registry)
        if not entries:
            if CHAMPION in aliases:
                log.warning(
                    "version %s of %s bears the alias champion, and answers; no line of %s says why: it was "
                    "set by hand. `fracture promote` puts a model before the gate",
                    aliases[CHAMPION],
                    self.name,
                    self.path,
                )
            return []
        targets = self._alias_versions(entries[-1])  # first: a registry that lacks the champion is left alone
        for entry in entries:
            if entry not in in_registry:
                self._tag(entry)
        if entries != in_file:
            ledger.write(self.path, entries)
        for alias, version in targets.items():
            if aliases.get(alias) != version:
                self._point(alias, version)
        return entries

    def _alias_versions(self, last: Entry) -> dict[str, str | None]:
        """Return the version for each alias, the champion's last: until then the old one is served."""
        champion = self.version_of(last.champion)
        if champion is None:
            bundle, checkout = last.champion.bundle[:12], f"git checkout {last.commit[:12] or 'COMMIT'}"
            raise LedgerError(
                f"the ledger's champion must be registered. Received: version {last.champion.version} of "
                f"{self.name} (bundle {bundle}), which this registry lacks. Open the registry that has it "
                f"(MLFLOW_TRACKING_URI), or register it anew: {checkout}, dvc checkout, fracture register."
            )
        return {PREVIOUS: self.version_of(last.previous) if last.previous else None, CHAMPION: champion}

    def _tag(self, entry: Entry) -> None:
        key = f"{_LINE}{entry.number:06d}"
        self.store.client.set_registered_model_tag(self.name, key, ledger.line(entry))

    def _point(self, alias: str, version: str | None) -> None:
        if version is None:
            self.store.client.delete_registered_model_alias(self.name, alias)
        else:
            self.store.client.set_registered_model_alias(self.name, alias, version)
            log.info("%s: %s is version %s", self.name, alias, version)


def lines(store: Store, name: str) -> list[Entry]:
    """Return the registry's own copy of the ledger's lines; nothing is changed.

    Raises
    ------
    LedgerError
        A line is damaged.
    """
    return _lines(name, models.registered(store, name)[0])


def _lines(name: str, tags: Mapping[str, str]) -> list[Entry]:
    return [_parse(name, key, text) for key, text in tags.items() if key.startswith(_LINE)]


def _parse(name: str, key: str, text: str) -> Entry:
    try:
        return ledger.parse(text)
    except ValueError as error:
        raise LedgerError(
            f"the registry's copy of each line must be whole. Received: {text[:80]!r} in {key} of {name}, "
            "which somebody changed. Delete that tag; the line of the ledger's file takes its place."
        ) from error


def draft(
    entries: Sequence[Entry],
    promoted: Model | None,
    *,
    actor: str | None,
    reason: str,
    figures: dict[str, float | None] | None = None,
) -> Entry:
    """Draft the next line of the ledger, with who acts, when, and on which commit.

    Parameters
    ----------
    promoted
        The new champion; None for a rollback.
    actor
        None for git's user.
    figures
        What the gate saw, by rule.

    Raises
    ------
    LedgerError
        There is no champion to go back to.
    """
    return ledger.following(
        entries,
        promoted,
        at=provenance.now(),
        actor=actor or provenance.actor(),
        reason=reason,
        commit=provenance.commit(),
        figures=figures or {},
    )


def of(config: Config) -> Succession:
    """Open the succession of the registered model that the settings name.

    Raises
    ------
    StoreError
        The store does not answer within ``track.timeout_s``, or refuses.
    """
    store = connect(config.track, repository.root())
    return Succession(store, config.track.model_name, config.paths.ledger)
