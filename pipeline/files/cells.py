"""Cells of tables that people open in spreadsheets, where a text that begins like a formula would be run.

docs/decisions/0020 says which tables these are.
"""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def text(value: str) -> str:
    """Put an apostrophe before what would be a formula; a number stays."""
    return f"'{value}" if value.startswith(_FORMULA) and not _is_number(value) else value


def path(value: str) -> str:
    """Put ``./`` before what would be a formula: it still leads to the same file."""
    return f"./{value}" if value.startswith(_FORMULA) else value


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return value == value.strip()
