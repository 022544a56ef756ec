import pytest

from pipeline.report.copies import groups
from tests.report.copies.galleries import files, links, look

FIRST, SECOND, THIRD = "train/7.jpg", "val/7-a.jpg", "test/7-b.jpg"


def of(*rows, linked=()):
    return groups.family(files(*rows), links(*linked))


def test_the_shortest_name_is_what_the_others_were_made_of():
    found = of({"path": "a/7-rotated1.jpg"}, {"path": "train/fractured/7.jpg"})
    assert found.reference == "train/fractured/7.jpg"


def test_what_is_true_of_a_file_is_true_of_its_byte_copies():
    rows = [{"path": FIRST, "sha256": "x"}, {"path": SECOND, "sha256": "y"}, {"path": THIRD, "sha256": "y"}]
    found = of(*rows, linked=[(FIRST, SECOND, 0.9)])
    assert found.related[THIRD] == found.related[SECOND]


@pytest.mark.parametrize(
    ("row", "linked", "relation_words"),
    [
        ({}, True, "same position"),
        ({"sha256": "x"}, False, "same bytes"),
        ({}, False, "same patient or study"),
    ],
)
def test_what_a_member_is_to_the_first(row, linked, relation_words):
    rows = [{"path": FIRST, "sha256": "x"}, {"path": SECOND, **row}]
    found = of(*rows, linked=[(SECOND, FIRST, 0.9)] if linked else [])
    assert [groups.relation_words(found, path) for path in (FIRST, SECOND)] == ["the first", relation_words]


def test_where_a_group_was_found():
    rows = [{"path": FIRST}, {"path": SECOND}, {"path": "val/8.jpg", "status": "redundant", "split": ""}]
    assert (
        groups.published_under(files(*rows))
        == "Published in train (1) and val (2), under fractured; now in train."
    )


def test_a_group_under_both_labels_is_left_out():
    rows = [{"path": path, "status": "quarantined", "split": ""} for path in (FIRST, SECOND)]
    rows[1]["fractured"] = False
    text = groups.published_under(files(*rows))
    assert text.endswith("under both labels: fractured (1) and not fractured (1); now left out.")


@pytest.mark.parametrize(
    ("rows", "linked", "text"),
    [
        ([{"sha256": "x"}], [], "the same bytes"),
        ([{}], [(FIRST, SECOND, 0.9)], "same position and size"),
        ([{}], [], "1 of the same patient or study, no copies"),
        (
            [{}, {"sha256": "x"}],
            [(FIRST, SECOND, 0.9)],
            "same position and size; 1 with the same bytes as another",
        ),
    ],
)
def test_what_was_done_to_the_first(rows, linked, text):
    rows = [{"path": path, **row} for path, row in zip((SECOND, THIRD), rows, strict=False)]
    found = of({"path": FIRST, "sha256": "x"}, *rows, linked=linked)
    assert groups.alterations(found) == f"Against the first: {text}."


def test_a_large_group_shows_some_and_counts_the_rest():
    large = [{"path": f"train/{number}.jpg", "sha256": "x"} for number in range(9)]
    small = [{"path": f"val/{number}.jpg", "group": "h"} for number in range(2)]
    alone = {"path": "val/alone.jpg", "group": "i"}
    asked = []
    shown = groups.largest(
        files(*large, *small, alone), links(), lambda path: asked.append(path) or look(path)
    )
    assert [(group["name"], group["title"], group["n_more"]) for group in shown] == [
        ("g", "9 files", 2),
        ("h", "2 files", 0),
    ]
    assert len(asked) == len(set(asked)) == 7 + 2
