"""What is wrong with a file: an error with a code, and a row of ``issues.csv``."""

from __future__ import annotations

from typing import Literal, NamedTuple

Severity = Literal["quarantined", "warning", "note"]


class ImageFault(ValueError):
    """A file that is no sound radiograph.

    Attributes
    ----------
    reason
        A short code for tables: ``truncated``, ``not_an_image``, ``too_large``, ...
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)  # both, so that it survives the way between processes
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class Issue(NamedTuple):
    """Something found about one file, in the column order of ``reports/validate/issues.csv``."""

    path: str
    issue: str
    severity: Severity
    detail: str
