"""The page's files as they lie: colours, what they name, and what is not ours."""

from __future__ import annotations

import hashlib
import re
from itertools import product

import pytest

from pipeline.serve.app import PAGE

GROUNDS = ("ground", "panel", "raised")
TEXTS = ("text", "quiet", "accent", "fracture", "review", "clear", "refused", "own")
OURS = [path for path in sorted(PAGE.iterdir()) if path.suffix in (".js", ".html", ".css", ".svg")]


@pytest.fixture(scope="module")
def colours():
    text = (PAGE / "style.css").read_text(encoding="utf-8")
    return dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", text))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""

    def light(colour: str) -> float:
        shares = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_of_black_and_white_is_21():
    assert contrast("000000", "ffffff") == pytest.approx(21)


@pytest.mark.parametrize(("text", "ground"), [*product(TEXTS, GROUNDS), ("on-accent", "accent")])
def test_text_keeps_the_contrast_of_wcag_aa(colours, text, ground):
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("ground", ["ground", "panel"])
def test_lines_around_controls_keep_the_contrast_of_wcag_aa(colours, ground):
    assert contrast(colours["line"], colours[ground]) >= 3


def test_every_colour_is_judged_and_none_is_written_beside_the_list(colours):
    assert set(colours) == {*TEXTS, *GROUNDS, "on-accent", "line"}
    assert len(re.findall(r"#[0-9a-f]{3,8}\b", (PAGE / "style.css").read_text())) == len(colours)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_no_file_names_another_host(path):
    named = set(re.findall(r"https?://[\w./]+", path.read_text(encoding="utf-8")))
    assert named <= {"http://www.w3.org/2000/svg"}


def test_what_is_vendored_is_what_its_page_says():
    said = (PAGE / "vendor/README.md").read_text(encoding="utf-8")
    for path in (PAGE / "vendor").glob("*.js"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in said
        assert f"`{path.name}`" in said
        assert (PAGE / "vendor" / f"{path.name.partition('.')[0]}.LICENSE.txt").is_file()
