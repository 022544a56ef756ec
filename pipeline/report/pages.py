"""Report pages: one self-contained HTML file each, equal bytes for equal contexts.

A page needs no script and no other file: style, figures and pictures stand inside it. Its text
says how to read each figure; the comment at the top of each template lists its context.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.evaluate.guaranteed import rounded_down
from pipeline.report import sentences

NO_INTERVAL = "no interval"
MISSING = "\N{EN DASH}"  # what stands for a figure that is not defined
_SPACE = "\N{NO-BREAK SPACE}"
_LONGEST = 40  # characters of a name in a table


def render(template: str, context: Mapping[str, Any]) -> str:
    """Fill a template.

    Parameters
    ----------
    template
        Name of a file of ``pipeline/report/templates``, such as ``"evaluate.html"``.
    context
        The values that the comment at the template's top lists. Text is escaped; in Markdown, where the
        template says `cell`.

    Returns
    -------
    str
        The page; it depends on nothing but the template and the context.

    Raises
    ------
    jinja2.UndefinedError
        The context lacks a value; pass None for a figure that is not defined.
    """
    return _environment().get_template(template).render(context)


def data_uri(data: bytes) -> str:
    """Turn the bytes of a JPEG into an address that an ``src`` can hold.

    Examples
    --------
    >>> data_uri(b"fracture")
    'data:image/jpeg;base64,ZnJhY3R1cmU='
    """
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"


def percent(share: float | None, places: int = 1) -> str:
    """Write a share of 0..1 as a percentage: 0.986 as ``98.6 %``."""
    return _number(None if share is None else 100 * share, f".{places}f", f"{_SPACE}%")


def decimals(value: float | None, places: int = 3) -> str:
    """Write a figure with a fixed number of decimals, three unless told."""
    return _number(value, f".{places}f")


def promised(bound: float | None) -> str:
    """Write what is guaranteed with three decimals, rounded down: never above what holds."""
    return MISSING if bound is None or not math.isfinite(bound) else rounded_down(bound, 3)


def figure(name: str, value: float | None) -> str:
    """Write a figure of ``metrics.json`` with three decimals, by its key: a guarantee is rounded down.

    Examples
    --------
    >>> figure("guaranteed_sensitivity", 0.84661), figure("sensitivity", 0.84661)
    ('0.846', '0.847')
    """
    return promised(value) if "guaranteed_" in name else decimals(value)


def count(value: float | None) -> str:
    """Write a whole number with its thousands apart: ``10,580``."""
    return _number(value, ",.0f")


def counted(number: int, name: str) -> str:
    """Write how many there are of something: ``1 file``, ``1,420 files``."""
    return f"{count(number)} {name}{'' if number == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does: ``a``, ``a and b``, ``a, b and c``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def interval(value: float | None, low: float | None, high: float | None, places: int = 2) -> str:
    """Write a figure with its interval: ``0.91 (0.87 to 0.95)``; without limits, the figure alone."""
    ends = limits(low, high, places)
    return decimals(value, places) + (f" ({ends})" if ends else "")


def limits(low: float | None, high: float | None, places: int = 3) -> str:
    """Write an interval: ``0.87 to 0.95``; nothing where it is not defined.

    Limits that are equal are no interval, and are called so: no resample moved the figure, as where all
    answers are right. That does not make it certain.
    """
    ends = (decimals(low, places), decimals(high, places))
    if MISSING in ends:
        return ""
    return NO_INTERVAL if low == high else " to ".join(ends)


def with_interval(row: Mapping[str, Any], name: str) -> str:
    """Write a figure of a row, or of a mapping, with its interval."""
    return interval(row[name], row[f"{name}_low"], row[f"{name}_high"], 3)


def subgroup(row: Mapping[str, Any]) -> str:
    """Name a subgroup for a table: its attribute and, but for all radiographs, its value."""
    return ": ".join(short(str(row[name])) for name in ("attribute", "value") if row[name])


def short(text: str) -> str:
    """Cut text of more than 40 characters, such as a label that is a whole report."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def above(value: float | None, other: float | None) -> bool | None:
    """Say whether a figure is larger than another one; None where either is not defined."""
    if value is None or other is None or math.isnan(value) or math.isnan(other):
        return None
    return value > other


def cell(text: str) -> str:
    """Write text so that it stays within its cell of a Markdown table, and holds no markup."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
    return " ".join(escaped.split())


def _number(value: float | None, form: str, unit: str = "") -> str:
    """Format a finite figure with a true minus sign, none before zero; anything else is not defined."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:z{form}}".replace("-", "\N{MINUS SIGN}") + unit


@cache
def _environment() -> Environment:
    """Jinja with escaping on but in Markdown, and an error for every value that a context forgot."""
    environment = Environment(
        loader=PackageLoader("pipeline.report"),
        autoescape=lambda name: not str(name).endswith(".md"),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = (percent, decimals, count, counted, interval, limits, subgroup, above, cell)
    said = (sentences.majority, sentences.accuracy, sentences.lead)
    promised = (sentences.guarantee, sentences.guarantee_of_choice)
    environment.filters |= {function.__name__: function for function in (*filters, *said, *promised)}
    environment.globals["groups_count"] = sentences.GROUPS_COUNT
    return environment
