from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.files import engine
from pipeline.validate.copies import files
from pipeline.validate.copies.files import COLUMNS
from pipeline.validate.scan import Fact
from tests import alterations
from tests.validate.copies import cached


@pytest.fixture(scope="module")
def facts(hands) -> list[Fact]:
    """Two families and a radiograph alone; each name stands for the bytes too."""
    pixels = {
        "a": hands[0],
        "a turned": alterations.turned(hands[0], 20),
        "a mirrored": np.ascontiguousarray(hands[0][:, ::-1]),
        "b": hands[1],
        "b negative": 255 - hands[1],
        "c": hands[2],
    }
    return [cached.fact(name, values) for name, values in pixels.items()]


def find(facts: list[Fact]) -> files.Copies:
    return files.find(facts, cached.SETTINGS, engine.HERE)


def families(facts: list[Fact]) -> set[frozenset[str]]:
    numbers = find(facts).numbers
    names = [{fact.path for fact, n in zip(facts, numbers, strict=True) if n == number} for number in numbers]
    return {frozenset(each) for each in names}


def test_families_share_a_number(facts):
    assert families(facts) == {
        frozenset({"a", "a turned", "a mirrored"}),
        frozenset({"b", "b negative"}),
        frozenset({"c"}),
    }


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_files_does_not_matter(facts, seed):
    shuffled = [facts[row] for row in np.random.default_rng(seed).permutation(len(facts))]
    columns = list(COLUMNS)
    assert families(shuffled) == families(facts)
    assert find(shuffled).table[columns].equals(find(facts).table[columns])


def test_byte_copies_share_a_number_and_stand_in_no_table(facts):
    again = replace(facts[5], path="c again")
    found = find([*facts, again])
    assert found.numbers[6] == found.numbers[5]
    assert len(set(found.numbers.tolist())) == 3
    assert not found.table.isin(["c again"]).any(axis=None)


def test_the_table_has_a_row_for_each_pair_that_joins_the_hardest_first(facts):
    table = find(facts).table
    assert [*table.columns] == [*COLUMNS, "transform"]
    assert len(table) == 3
    assert table["score"].is_monotonic_increasing
    assert (table["path"] < table["copy_of"]).all()


def test_the_table_records_how_a_copy_lies(hand):
    copy = 255 - cv2.resize(alterations.turned(hand[::-1], 30), None, fx=0.5, fy=0.5)
    [row] = cached.copies([hand, copy]).table.itertuples()
    assert (row.path, row.copy_of) == ("00000", "00001")
    assert row.rotation_deg == pytest.approx(30, abs=0.3)
    assert row.scale == pytest.approx(0.5, abs=0.005)
    assert row.mirrored
    assert row.inverted


def test_the_transform_is_in_the_pixels_of_the_files(hand):
    crop = cv2.resize(hand[60:560, 50:450], (800, 1000), interpolation=cv2.INTER_CUBIC)
    [transform] = cached.copies([hand, crop]).table["transform"]
    places = np.array([[100.0, 100], [400, 100], [100, 500], [400, 500]])
    expected = (places - [50, 60] + 0.5) * 2 - 0.5
    laid = places @ transform[:, :2].T + transform[:, 2]
    assert np.hypot(*(laid - expected).T).max() < 3  # pixels of the crop: half a pixel of its thumbnail


def test_one_file_is_a_copy_of_nothing(facts):
    found = find(facts[:1])
    assert found.numbers.tolist() == [0]
    assert [*found.table.columns] == [*COLUMNS, "transform"]
    assert found.table.empty
