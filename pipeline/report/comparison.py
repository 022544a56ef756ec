"""The comparison of two recorded states, as Markdown or as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.files import outputs
from pipeline.report import markdown as md
from pipeline.report import pages

_TITLE = "Comparison"


class Head(NamedTuple):
    """What A and B are."""

    first: str
    second: str


class Part(NamedTuple):
    """A table with what is to be said of it."""

    title: str
    text: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Pair(NamedTuple):
    """One radiograph with the maps of both; JPEG bytes."""

    path: str
    caption: str
    first: bytes
    second: bytes


def html(head: Head, parts: Sequence[Part], pairs: Sequence[Pair]) -> str:
    """Write one self-contained page."""
    pictures = [
        {
            "title": pair.path,
            "caption": pair.caption,
            "first": pages.data_uri(pair.first),
            "second": pages.data_uri(pair.second),
        }
        for pair in pairs
    ]
    context = {"first": head.first, "second": head.second, "parts": parts, "pairs": pictures}
    return pages.render("compare.html", context)


def markdown(head: Head, parts: Sequence[Part], pairs: Sequence[Pair], out: Path | None) -> str:
    """Write Markdown, and the maps into a folder beside ``out``, ``NAME_maps``; nothing there is deleted."""
    text = [f"# {_TITLE}\n", f"- A: {md.cell(head.first)}\n- B: {md.cell(head.second)}\n"]
    for part in parts:
        text += [f"## {part.title}\n", f"{part.text}\n"]
        text += [md.table(part.head, part.rows)] if part.rows else []
    if out is not None and pairs:
        text += ["## Maps of the same radiographs\n", _pictures(pairs, out)]
    text += ["Research software, not a medical device.\n"]
    return "\n".join(text)


def figure(figures: Mapping[str, float], name: str) -> str:
    """Write a figure with its interval, counts as counts."""
    value = figures.get(name)
    if value is not None and float(value).is_integer() and f"{name}_low" not in figures:
        return pages.count(value)
    low, high = figures.get(f"{name}_low"), figures.get(f"{name}_high")
    return pages.figure(name, value) if low is None else pages.interval(value, low, high, 3)


def change(first: float | None, second: float | None) -> str:
    """Write the second less the first, with its sign."""
    if first is None or second is None:
        return pages.MISSING
    return signed(second - first)


def signed(value: float) -> str:
    """Write a difference with its sign, to three decimals; a whole number as such."""
    text = f"{value:+,.0f}" if float(value).is_integer() and value else f"{value:+.3f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _pictures(pairs: Sequence[Pair], out: Path) -> str:
    folder = out.with_name(f"{out.stem}_maps")
    rows = []
    for number, pair in enumerate(pairs, start=1):
        names = [f"{number:02d}-a.jpg", f"{number:02d}-b.jpg"]
        for name, jpeg in zip(names, (pair.first, pair.second), strict=True):
            outputs.write_bytes(folder / name, jpeg)
        links = (f"![{label}]({folder.name}/{name})" for label, name in zip("AB", names, strict=True))
        rows.append((f"{pair.path}: {pair.caption}", *links))
    return md.table(("Radiograph", "A", "B"), rows)
