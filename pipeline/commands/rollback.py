"""Make an earlier champion champion again, the last that was not withdrawn: loaded and run first."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.config import Config
from pipeline.predict import site
from pipeline.registry import ledger, succession, versions
from pipeline.registry.ledger import LedgerError
from pipeline.track import models

log = logging.getLogger(__name__)


def run(config: Config, *, reason: str, actor: str | None) -> None:
    """Roll back by one champion; a second call rolls back by one more. None that was withdrawn comes back.

    Parameters
    ----------
    reason
        Why the champion is withdrawn; it cannot be promoted again without another reason.
    actor
        Who withdraws it; None for git's user.

    Raises
    ------
    ValueError
        No earlier champion is left that was not withdrawn, or it cannot be fetched or run. Nothing is changed
        then.
    """
    if not reason.strip():
        raise ValueError("a rollback needs a reason: whoever reads the ledger will ask. Received: none.")
    line = succession.of(config)
    entries = line.sync()
    entry = succession.draft(entries, None, actor=actor, reason=reason)
    version = line.version_of(entry.champion)
    if version is None:
        raise LedgerError(
            f"a rollback needs the earlier champion. Received: version {entry.champion.version}, bundle "
            f"{entry.champion.bundle[:12]}, which this registry lacks. Promote another version."
        )
    with TemporaryDirectory() as folder:
        model = versions.fetch(line.store, line.name, version, Path(folder) / "model")
        versions.score(model, [versions.example()], Path(folder))
        fitted = site.read(models.artifact(model, versions.BUNDLE))
    line.advance(entry, entries)
    withdrawn = entry.replaced.version if entry.replaced else ""
    log.info("rollback: version %s is champion again, %s is withdrawn", version, withdrawn)
    if fitted and (why := ledger.withdrawn([*entries, entry], fitted["base"])):
        log.warning(
            "rollback: version %s, fitted to %s, has the network of a version that was rolled back: %s. "
            "Promote another version, or roll back once more",
            version,
            fitted["site"],
            why,
        )
