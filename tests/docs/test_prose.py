"""No sentence of a page is over 40 words, and their mean is at most 20."""

from __future__ import annotations

from statistics import mean

import pytest

from tests.docs import pages, sentences

LONGEST, MEAN = 40, 20


def faults(page: str) -> list[str]:
    """Name the sentences that are too long, and the mean where that is."""
    found = sentences.of(pages.text(page))
    counts = [sentences.words(sentence) for sentence in found]
    long = [f"{n} words: {text}" for n, text in zip(counts, found, strict=True) if n > LONGEST]
    average = mean(counts) if counts else 0
    return [*long, *([f"{average:.1f} words a sentence in the mean"] if average > MEAN else [])]


@pytest.mark.parametrize("page", pages.all_pages())
def test_sentences_are_short(page: str) -> None:
    assert faults(page) == []


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
