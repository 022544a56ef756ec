"""Who was champion when, and why: the ledger, brought up to what the registry knows."""

from __future__ import annotations

import logging
import sys

from pipeline.commands import terminal
from pipeline.config import Config
from pipeline.registry import ledger, succession
from pipeline.registry.ledger import Entry
from pipeline.track.outage import StoreError

log = logging.getLogger(__name__)

_HEAD = ("", "When (UTC)", "What", "Champion", "Instead of", "Who", "Why")


def run(config: Config, *, as_json: bool) -> None:
    """Show every change of champion, the newest last.

    Where the registry does not answer, or refuses, the file alone is shown.

    Raises
    ------
    LedgerError
        The file is damaged, or contradicts the registry.
    """
    try:
        entries = succession.of(config).sync()
    except StoreError as error:
        log.warning("this is %s alone: %s", config.paths.ledger, error)
        entries = ledger.read(config.paths.ledger)
    if as_json:
        sys.stdout.writelines(f"{ledger.line(entry)}\n" for entry in entries)
    elif entries:
        terminal.show(_HEAD, map(_row, entries))
    else:
        log.info("history: the ledger is empty; `fracture promote` makes the first champion")


def _row(entry: Entry) -> tuple[str, ...]:
    replaced = entry.replaced.version if entry.replaced else ""
    reason = " ".join(entry.reason.split())  # one line of the table
    return str(entry.number), entry.at, entry.action, entry.champion.version, replaced, entry.actor, reason
