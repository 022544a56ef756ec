"""What is wrong or odd about files, said on the terminal: the first examples, and how many there are."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

from pipeline.files.faults import Issue, meaning, severity
from pipeline.files.printable import first, printable

log = logging.getLogger(__name__)

_N_EXAMPLES = 3
_MOST_REFUSED = 20


def tell(issues: Iterable[Issue]) -> None:
    """Log each kind of issue once; what is no cause of concern as information, else as a warning."""
    kinds: dict[str, list[str]] = {}
    for each in issues:
        kinds.setdefault(each.issue, []).append(f"{each.path}: {each.detail}".rstrip(": "))
    for code, found in sorted(kinds.items()):
        level = logging.INFO if severity(code) == "note" else logging.WARNING
        examples = first(found, _N_EXAMPLES, "; ")
        log.log(level, "%s, %d: %s. %s", code, len(found), meaning(code), examples)


def tell_refused(issues: Iterable[Issue], where: str) -> None:
    """Log the first files that were refused, why, and where all are listed; count what else is odd."""
    listed = sorted(set(issues))
    refused = [issue for issue in listed if issue.severity == "quarantined"]
    for issue in refused[:_MOST_REFUSED]:
        log.warning("refused %s: %s: %s", printable(issue.path), issue.issue, issue.detail)
    if len(refused) > _MOST_REFUSED:
        log.warning("and %d more: %s", len(refused) - _MOST_REFUSED, where)
    if counts := count(listed):
        log.info("odd: %s", ", ".join(f"{code} {number}" for code, number in counts.items()))


def count(issues: Iterable[Issue]) -> dict[str, int]:
    """Count warnings and notes by their codes."""
    return dict(sorted(Counter(issue.issue for issue in issues if issue.severity != "quarantined").items()))
