"""Write a measured figure beside its bar, in the words that `run_all` counts."""

from __future__ import annotations


def at_most(value: float, bar: float, form: str = "{:.2f}") -> str:
    """Write a figure that must not exceed its bar; ``form`` also holds its unit."""
    return f"{form.format(value)} ({_said(value <= bar)}: at most {form.format(bar)})"


def at_least(value: float, bar: float, form: str = "{:.2f}") -> str:
    """Write a figure that must reach its bar."""
    return f"{form.format(value)} ({_said(value >= bar)}: at least {form.format(bar)})"


def _said(met: bool) -> str:
    return "met" if met else "MISSED"
