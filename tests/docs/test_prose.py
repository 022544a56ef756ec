"""No sentence of a page is over 40 words, and their mean is at most 20."""

from __future__ import annotations

from statistics import mean

import pytest

from tests.docs import pages, sentences

LONGEST, MEAN = 40, 20
# Pages that were written before this rule. The list only shrinks: a page that complies is taken off it.
NOT_YET: frozenset[str] = frozenset(
    {
        "README.md",
        "docs/decisions/0002-tracking-is-no-dependency.md",
        "docs/decisions/0005-copies-by-geometry.md",
        "docs/decisions/0006-a-group-lies-where-its-anchor-was-published.md",
        "docs/decisions/0007-the-bundle-carries-a-profile-of-its-data.md",
        "docs/decisions/0008-a-change-of-champion-begins-in-the-registry.md",
        "docs/decisions/0009-ci-proposes-and-a-person-promotes.md",
        "docs/decisions/0010-what-a-reader-of-mlflow-sees-first.md",
        "docs/decisions/0011-regions-are-cut-relative-to-their-peak.md",
        "docs/decisions/0012-the-body-part-is-fitted-after-training.md",
        "docs/decisions/0013-half-precision-on-a-gpu.md",
        "docs/decisions/0014-gradients-are-taken-in-graphs-as-written.md",
        "docs/decisions/0015-the-gradient-of-a-large-depthwise-kernel-is-a-convolution.md",
        "docs/decisions/0016-maps-of-a-first-network-can-teach-a-second.md",
        "docs/decisions/0017-cheap-forests-score-out-of-bag.md",
        "docs/decisions/0018-rooms-bear-the-stages-names.md",
        "docs/decisions/0019-aurocs-are-compared-by-delong.md",
        "docs/decisions/0022-regions-that-say-nothing-are-not-shown.md",
        "docs/decisions/0023-a-head-of-the-network-draws-boxes.md",
        "docs/earlier_results.md",
        "docs/explanation/figures.md",
        "docs/explanation/not-a-radiograph.md",
        "docs/explanation/scope.md",
        "docs/how-to/label-errors.md",
        "docs/how-to/recalibrate.md",
        "docs/how-to/try-a-change.md",
        "docs/reference/mlflow.md",
        "docs/reference/models.md",
        "docs/results.md",
        "docs/security.md",
    }
)


def faults(page: str) -> list[str]:
    """Name the sentences that are too long, and the mean where that is."""
    found = sentences.of(pages.text(page))
    counts = [sentences.words(sentence) for sentence in found]
    long = [f"{n} words: {text}" for n, text in zip(counts, found, strict=True) if n > LONGEST]
    average = mean(counts) if counts else 0
    return [*long, *([f"{average:.1f} words a sentence in the mean"] if average > MEAN else [])]


@pytest.mark.parametrize("page", pages.all_pages())
def test_sentences_are_short(page: str) -> None:
    assert pages.still_due(page, NOT_YET, faults(page)) == []


def test_no_listed_page_is_gone() -> None:
    assert [page for page in NOT_YET if not pages.exists(page)] == []


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("One two. Three four five.", [2, 3]),
        ("One two\nthree: four; five", [5]),
        ("- one\n- two three\n\n  four", [1, 2, 1]),
        ("# Head of five words\n\n| a | b |\n|---|---|\n| c d. E | f |\n\n```\nx y z\n```\n\nOne.", [1]),
        ("As Abedeen et al. 2023 wrote, e.g. 0.5 of it.", [10]),
        ("Run `dvc repro. Now` twice. `make test` is next.", [5, 4]),
        ("See [the page](x.md). *Then* go.", [3, 2]),
        ("(In brackets.) Out - of them.", [2, 3]),
        ("A ![picture of it](x.png) b.", [2]),
    ],
)
def test_words_are_counted_as_a_reader_does(markdown: str, expected: list[int]) -> None:
    assert [sentences.words(sentence) for sentence in sentences.of(markdown)] == expected
