from html.parser import HTMLParser

import pandas as pd
import pytest

from pipeline.report import pages, validation
from pipeline.statistics.associations import COLUMNS
from tests.report.copies import galleries
from tests.report.test_leaks import figures as leaks

TRAIN, VAL, TEST, CUT = "train/7.jpg", "val/7-a.jpg", "test/7-<b>.jpg", "test/cut.jpg"
NONE_FOLLOWED = pd.DataFrame(columns=COLUMNS)


def files():
    """One radiograph in every published split, all now in train, and a file that cannot be decoded."""
    cut = {"path": CUT, "status": "quarantined", "split": "", "group": ""}
    rows = galleries.files({"path": TRAIN}, {"path": VAL}, {"path": TEST, "fractured": False}, cut)
    return rows.assign(reason=["", "", "", "truncated"], format=["JPEG", "JPEG", "JPEG", ""])


def figures(published=0.96, clean=0.53, crossing=1, conflicts=0):
    memory = {"published": {"accuracy": 0.9, "auroc": published}, "clean": {"accuracy": 0.5, "auroc": clean}}
    counts = {"files": 4, "kept": 3, "redundant": 0, "quarantined": 1, "groups": 1}
    found = {"groups_crossing_published_splits": crossing, "label_conflicts": conflicts}
    return leaks() | counts | found | {"memorisation": memory}


ISSUES = pd.DataFrame(
    [
        (CUT, "truncated", "quarantined", "lacks its end"),
        (VAL, "tiny", "warning", "9 x 9"),
        (TEST, "windowed", "note", ""),
    ],
    columns=["path", "issue", "severity", "detail"],
)


def context(learnt_by_release=None, **changes):
    copies = galleries.links((TRAIN, VAL, 0.9), (VAL, TEST, 0.85))
    learnt = {"learnt_by_release": learnt_by_release} if learnt_by_release else {}
    told = figures(**changes) | learnt
    return validation.context(files(), copies, ISSUES, NONE_FOLLOWED, told, galleries.look, min_score=0.8)


def said(**changes):
    return [(found["kind"], found["text"]) for found in context(**changes)["findings"]]


def test_what_a_model_may_remember_is_told_with_what_it_is_worth():
    kind, text = said()[0]
    assert kind == "warning"
    assert text.startswith(
        "1 of 1 published test files have a copy in train or val: 1 group in more than one"
    )
    assert "memory passes for skill" in text
    assert "right for 90\xa0% of the published test (AUROC 0.96) and for 50\xa0% of that used here" in text


def test_copies_that_are_worth_nothing_are_told_as_such():
    assert "That is worth little" in said(published=0.55)[0][1]


def test_no_crossing_group_is_a_relief():
    assert ("good", "No copy was found on two sides of the published splits.") in said(crossing=0)


def test_contradicting_labels_come_first():
    assert said(conflicts=1)[0] == ("bad", "1 radiograph under both labels; every copy is left out.")


def test_what_is_left_out_is_counted_by_reason():
    assert ("warning", "1 file left out: 1 truncated.") in said()


def test_splits_are_counted_by_class_and_in_all():
    rows = context()["splits"]
    assert rows[0] == ["train, fractured", "1", "2", "1", "1"]
    assert rows[1] == ["train, not fractured", "0", "1", "1", "1"]
    assert rows[-1] == ["all", "4", "3", "1", "2"]


def test_what_joined_is_shown_with_its_share():
    told = {"labels_rows": 5, "labels_joined": 3, "annotations_given": 0, "annotations_used": 0}
    page = validation.context(
        files(), galleries.links(), ISSUES, NONE_FOLLOWED, figures() | told, galleries.look, min_score=0.8
    )
    assert page["joined"] == [["Labels: rows, and files that have one", "5", "3", "75\xa0%"]]
    assert "Labels and annotations that joined" in pages.render("validate.html", page)


def test_issues_come_gravest_first_with_their_meaning():
    rows = context()["issues"]
    assert [row[0] for row in rows] == ["truncated", "tiny", "windowed"]
    assert rows[1] == ["tiny", "1", "warning", "Very few pixels; fine fractures cannot be seen", VAL]


class Page(HTMLParser):
    """What a page's tags say of themselves."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def of(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def page():
    return pages.render("validate.html", context())


def test_every_picture_is_told_and_lies_within_the_page(page):
    pictures = Page(page).of("img")
    assert len(pictures) == 3 + 2 * 3
    assert all(picture["alt"] and picture["src"].startswith("data:image/jpeg") for picture in pictures)


def test_what_cannot_be_decoded_is_drawn_torn(page):
    (torn,) = [drawn for drawn in Page(page).of("svg") if drawn.get("class") == "torn"]
    assert torn["aria-label"] == f"Left out: {CUT}: no picture"


def test_every_table_has_a_caption_and_every_head_a_scope(page):
    read = Page(page)
    assert len(read.of("table")) == len(read.of("caption")) == 3
    assert all(head["scope"] in {"row", "col"} for head in read.of("th"))


def test_a_page_needs_no_script_and_escapes_names(page):
    assert "<script" not in page
    assert "7-&lt;b&gt;.jpg" in page
    assert "7-<b>" not in page


@pytest.mark.parametrize(("n_groups", "folded"), [(3, 0), (5, 1)])
def test_groups_beyond_the_third_are_folded(n_groups, folded):
    group = {"name": "g", "title": "2 files", "text": "", "pictures": [], "n_more": 0}
    html = pages.render("validate.html", context() | {"groups": [group] * n_groups, "pairs": []})
    assert len(Page(html).of("details")) == folded
    assert ("2 more groups" in html) == bool(folded)


def test_what_the_release_learnt_from_is_told_only_where_training_starts_from_one():
    assert not [text for _, text in said() if "released model" in text]
    told = {"release": "one", "certain": 0, "by_hash": 0, "moved": 0, "moved_groups": 0, "val": 0}
    for changes, kind, words in (
        ({}, "good", "learnt from no radiograph of test or val"),
        ({"by_hash": 2, "moved": 5, "moved_groups": 3}, "warning", "In train instead: 3 groups"),
        ({"val": 7}, "warning", "knows 7 radiographs of val"),
    ):
        found = said(learnt_by_release=told | changes)
        assert [each for each, text in found if words in text] == [kind]
