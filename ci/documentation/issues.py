"""The reference of issues: the codes of `pipeline.files.faults`, by severity."""

from __future__ import annotations

from pathlib import Path

from pipeline.files.faults import MEANINGS, Severity

_HEADS: dict[Severity, str] = {
    "quarantined": "The file, or the drawing, is left out.",
    "warning": "The file is used, and worth a look.",
    "note": "The file is used; something was put right, or is said for information.",
}


def page(_: Path) -> str:
    """Make one table a severity."""
    parts = []
    for severity, codes in MEANINGS.items():
        rows = "\n".join(f"| `{code}` | {meaning} |" for code, meaning in sorted(codes.items()))
        parts.append(f"## {severity}\n\n{_HEADS[severity]}\n\n| code | meaning |\n|---|---|\n{rows}\n")
    return "\n".join(parts)
