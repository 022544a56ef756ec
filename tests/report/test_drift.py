import numpy as np
import pytest

from pipeline.drift import distance
from pipeline.report import drift as report
from pipeline.report import pages


def sample(seed, n, brightness=100.0):
    rng = np.random.default_rng(seed)
    return {
        "brightness": rng.normal(brightness, 5, n),
        "mode": np.array(["L", "RGB"])[rng.integers(2, size=n)],
        "fractured": rng.random(n) < 0.5,
        "picture": rng.integers(0, 256, (n, 64), dtype=np.uint8),
    }


def context(reference, current, threshold=0.1, noticed_from=0.31):
    found = distance.compare(reference, current, seed=1, n_permutations=199)
    figures = {
        "drift": distance.summarize(found, alpha=0.01, threshold=threshold),
        "reference": {"name": "<b>", "files": 90, "groups": 80},
        "current": {"files": 40, "groups": 40, "refused": 0},
        "alpha": 0.01,
        "threshold": threshold,
        "noticed_from": noticed_from,
    }
    return report.context(figures, reference, current, [])


@pytest.fixture(scope="module")
def shifted():
    return context(sample(1, 80), sample(2, 40, brightness=120.0))


def test_the_widest_difference_is_named_first(shifted):
    assert [finding["kind"] for finding in shifted["findings"]] == ["bad", "warning"]
    assert shifted["findings"][1]["text"].startswith("Brightness (grey levels): mostly 100")
    assert shifted["properties"][0][0] == "Brightness (grey levels)"
    assert shifted["properties"][0][4] == "0.005"


def test_the_page_is_escaped_and_says_what_was_found(shifted):
    html = pages.render("drift.html", shifted)
    assert "of &lt;b&gt;:" in html
    assert "<strong>drift</strong>" in html
    assert html.count("<svg role") == 1  # brightness alone is a number


def test_no_difference_says_what_would_go_unnoticed():
    (finding,) = context(sample(1, 80), sample(3, 40))["findings"]
    assert finding["kind"] == "good"
    assert "below about 0.31 goes unnoticed" in finding["text"]


def test_too_few_to_show_a_difference_are_no_good_news():
    (finding,) = context(sample(1, 80), sample(3, 2), noticed_from=1.2)["findings"]
    assert finding["kind"] == "warning"
    assert "nothing can be said" in finding["text"]


def test_a_certain_difference_below_the_threshold_is_no_problem():
    found = context(sample(1, 80), sample(2, 40, brightness=120.0), threshold=0.999)["findings"]
    assert (found[0]["kind"], found[0]["text"][:24]) == ("good", "What differs is certain,")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1.0, 2.0, 454.2]), "2"),
        (np.array(["L", "RGB", "L", "L"]), f"L 75{pages._SPACE}%"),
        (np.array([True, False]), f"50{pages._SPACE}%"),
        (np.zeros((2, 64), np.uint8), None),
    ],
)
def test_what_a_property_mostly_is(values, expected):
    assert report.typical(values) == expected


def test_equal_values_can_be_drawn():
    assert report.histogram("Height", np.full(5, 454.0), np.full(3, 454.0)).startswith("<svg")
