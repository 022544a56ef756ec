from __future__ import annotations

import pytest

from pipeline.report import comparison
from pipeline.report.comparison import Head, Pair, Part

HEAD = Head("main: revision 1a2b", "3: version 3 of fracture")
PARTS = [
    Part("Settings", "1 of 2 settings are equal.", ("Setting", "A", "B"), [("train.<b>|x", "1", "2")]),
    Part("evaluate", "All are equal.", ("Figure", "A", "B"), []),
]
PAIRS = [Pair("test/a b.png", "A: fracture, 0.90.", b"first", b"second")]


def test_markdown_holds_every_part_and_puts_maps_beside_it(tmp_path):
    out = tmp_path / "compared.md"
    text = comparison.markdown(HEAD, PARTS, PAIRS, out)
    assert "- B: 3: version 3 of fracture" in text
    assert r"| train.&lt;b>\|x | 1 | 2 |" in text
    assert text.index("## Settings") < text.index("## evaluate") < text.index("## Maps")
    assert "![A](compared_maps/01-a.jpg) | ![B](compared_maps/01-b.jpg)" in text
    assert (tmp_path / "compared_maps/01-b.jpg").read_bytes() == b"second"


def test_without_a_file_there_are_no_maps(tmp_path):
    assert "Maps" not in comparison.markdown(HEAD, PARTS, PAIRS, None)


def test_the_page_is_self_contained_and_escaped():
    page = comparison.html(HEAD, PARTS, PAIRS)
    assert "train.&lt;b&gt;|x" in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert "<script" not in page


def test_a_page_without_shared_maps_says_so():
    assert "No radiograph is shown in both" in comparison.html(HEAD, PARTS, [])


@pytest.mark.parametrize(
    ("figures", "written"),
    [
        ({"auroc": 0.9, "auroc_low": 0.8, "auroc_high": 0.95}, "0.900 (0.800 to 0.950)"),
        ({"auroc": 1.0, "auroc_low": 1.0, "auroc_high": 1.0}, "1.000 (no interval)"),
        ({"auroc": 10580.0}, "10,580"),
        ({}, "\N{EN DASH}"),
    ],
)
def test_a_figure_is_written_with_what_is_known(figures, written):
    assert comparison.figure(figures, "auroc") == written


def test_a_guarantee_is_never_rounded_up():
    figures = {"guaranteed_sensitivity": 0.84661, "sensitivity": 0.84661}  # 28 of 29 groups
    assert comparison.figure(figures, "guaranteed_sensitivity") == "0.846"
    assert comparison.figure(figures, "sensitivity") == "0.847"


@pytest.mark.parametrize(
    ("first", "second", "written"),
    [
        (0.9, 0.8504, "\N{MINUS SIGN}0.050"),
        (0.8, 0.9, "+0.100"),
        (10.0, 12.0, "+2"),
        (0.5, 0.5, "+0.000"),
        (None, 0.5, "\N{EN DASH}"),
    ],
)
def test_a_change_has_its_sign(first, second, written):
    assert comparison.change(first, second) == written
