"""What one check finds."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARNING, PROBLEM = "ok", "warning", "problem"
REPRO = "dvc repro"  # what mends most of a fresh clone


@dataclass(frozen=True)
class Check:
    """Result of one check; ``mend`` is empty where there is nothing to mend."""

    name: str
    status: str
    detail: str
    mend: str = ""

    @property
    def stands_in_the_way(self) -> bool:
        """Whether it is not in order, and running the pipeline will not mend it."""
        return self.status != OK and self.mend != REPRO
