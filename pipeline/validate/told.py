"""What a scan passes over, said on the terminal: a line a kind, with its count and the first examples."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from pipeline.files.faults import Issue, meaning, severity

log = logging.getLogger(__name__)

_N_EXAMPLES = 3


def tell(issues: Iterable[Issue]) -> None:
    """Log each kind of issue once; what is no cause of concern as information, else as a warning."""
    kinds: dict[str, list[Issue]] = {}
    for issue in issues:
        kinds.setdefault(issue.issue, []).append(issue)
    for code, found in sorted(kinds.items()):
        level = logging.INFO if severity(code) == "note" else logging.WARNING
        examples = "; ".join(f"{each.path}: {each.detail}".rstrip(": ") for each in found[:_N_EXAMPLES])
        more = f"; and {len(found) - _N_EXAMPLES} more" if len(found) > _N_EXAMPLES else ""
        log.log(level, "%s, %d: %s. %s%s", code, len(found), meaning(code), examples, more)
