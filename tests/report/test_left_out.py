import numpy as np
import pandas as pd

from pipeline.report import left_out


def out(*rows):
    """Path, reason and format of quarantined files, fractured where the path says so, and of one in use."""
    table = pd.DataFrame([*rows, ("test/used.png", "", "PNG")], columns=["path", "reason", "format"])
    return table.assign(
        status=["quarantined"] * len(rows) + ["kept"], group="", fractured=~table["path"].str.contains("not")
    )


def told(*rows):
    return pd.DataFrame(rows, columns=["path", "issue", "severity", "detail"])


def look(path):
    return np.full((320, 240), 90, np.uint8)


def test_the_commonest_reason_comes_first():
    files = out(("a.png", "blank", ""), ("b.png", "truncated", ""), ("c.png", "truncated", ""))
    found = left_out.by_reason(files, told(), look)
    reasons = [(each["reason"], each["title"]) for each in found]
    assert reasons == [("truncated", "2 files"), ("blank", "1 file")]
    assert found[0]["meaning"].startswith("The file breaks off before its end")


def test_only_what_was_decoded_has_a_picture_and_each_its_own_detail():
    files = out(("a.png", "drawing", "PNG"), ("b.png", "drawing", ""))
    details = told(
        ("a.png", "drawing", "quarantined", "score 1.000"),
        ("a.png", "tiny", "warning", "9 x 9 pixels"),
        ("b.png", "drawing", "quarantined", "b.png: the rest"),
    )
    ((first, second),) = [each["pictures"] for each in left_out.by_reason(files, details, look)]
    assert first["src"].startswith("data:image/jpeg")
    assert (first["title"], first["alt"], first["caption"]) == ("score 1.000", "Left out: a.png", "a.png")
    assert (second["src"], second["title"]) == (None, "the rest")


def test_copies_under_both_labels_stand_side_by_side_with_their_labels():
    files = out(
        ("fractured/a.png", "label_conflict", "PNG"),
        ("fractured/b.png", "label_conflict", "PNG"),
        ("not/c.png", "label_conflict", "PNG"),
    )
    files["group"] = ["g-1", "g-2", "g-1", ""]
    (conflicts,) = left_out.by_reason(files, told(), look)
    assert [picture["caption"] for picture in conflicts["pictures"]] == [
        "fractured/a.png",
        "not/c.png",
        "fractured/b.png",
    ]
    titles = [picture["title"] for picture in conflicts["pictures"]]
    assert titles == ["labelled fractured", "labelled not fractured", "labelled fractured"]


def test_a_long_detail_is_cut():
    files = out(("a.png", "broken", ""))
    (found,) = left_out.by_reason(files, told(("a.png", "broken", "quarantined", "word " * 90)), look)
    assert len(found["pictures"][0]["title"]) <= 120


def test_nothing_left_out_makes_no_gallery():
    assert left_out.by_reason(out(), told(), look) == []
