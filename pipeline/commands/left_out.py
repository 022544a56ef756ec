"""What was left out of a folder, and why, in messages beside the results."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

from pipeline.files.faults import Issue
from pipeline.validate import intake

_SHOWN = 20  # files that are named


def log_refused(log: logging.Logger, issues: Iterable[Issue], where: str) -> None:
    """Name the files that were refused with their reasons, and count what is odd about the others.

    Parameters
    ----------
    log
        Of the command.
    issues
        All that is wrong or odd.
    where
        Where all of it is listed, for a reader of the first files alone.
    """
    listed = sorted(set(issues))
    refused = [issue for issue in listed if issue.severity == "quarantined"]
    for issue in refused[:_SHOWN]:
        log.warning("refused %s: %s: %s", intake.printable(issue.path), issue.issue, issue.detail)
    if len(refused) > _SHOWN:
        log.warning("and %d more: %s", len(refused) - _SHOWN, where)
    if counts := count(listed):
        log.info("odd: %s", ", ".join(f"{code} {number}" for code, number in counts.items()))


def count(issues: Iterable[Issue]) -> dict[str, int]:
    """Count warnings and notes by their codes."""
    return dict(sorted(Counter(issue.issue for issue in issues if issue.severity != "quarantined").items()))
