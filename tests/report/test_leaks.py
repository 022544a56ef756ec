import pandas as pd
import pytest

from pipeline.report import leaks
from pipeline.statistics.associations import COLUMNS


def figures(published=0.72, clean=0.72, **nulls):
    probe = {
        name: {"auroc": auroc, "auroc_low": auroc - 0.05, "auroc_high": auroc + 0.05}
        for name, auroc in (("published", published), ("clean", clean))
    }
    null = {
        name: {"auroc": 0.5, "cv_auroc": auroc, "cv_auroc_low": auroc - 0.03, "cv_auroc_high": auroc + 0.03}
        for name, auroc in (dict.fromkeys(leaks.SHORTCUTS, 0.52) | nulls).items()
    }
    return {"probe": probe, "null": null}


def followed(*rows):
    """Rows of attribute, value, share fractured, difference, adjusted p; 50 groups each."""
    table = [(name, value, 50, 50, share, difference, p, p) for name, value, share, difference, p in rows]
    return pd.DataFrame(table, columns=COLUMNS)


def said(attributes=(), **changes):
    return [
        (found["kind"], found["text"]) for found in leaks.findings(figures(**changes), followed(*attributes))
    ]


def test_where_nothing_leaks_both_findings_are_good():
    assert [kind for kind, _ in said()] == ["good", "good"]


def test_a_fallen_probe_is_memory():
    kind, text = said(published=0.92, clean=0.54)[0]
    assert kind == "warning"
    assert "0.92 (0.87 to 0.97) on the published split and 0.54 (0.49 to 0.59) here" in text
    assert "memory of copies" in text


@pytest.mark.parametrize("name", leaks.SHORTCUTS)
def test_a_strong_null_is_told_with_its_meaning(name):
    kind, text = said(**{name: 0.93})[1]
    assert kind == "warning"
    assert "AUROC 0.93 (0.90 to 0.96)" in text
    assert leaks.SHORTCUTS[name][1] in text


def test_weaker_nulls_share_a_sentence_and_those_near_chance_have_none():
    _, text = said(size=0.66, border=0.7, marker=0.62)[1]
    assert "border 0.70 (0.67 to 0.73), size 0.66 (0.63 to 0.69)." in text
    assert "marker" not in text


def test_a_followed_attribute_is_named_with_both_shares():
    rows = [
        ("labels.hardware", "1", 1.0, 0.72, 1e-9),
        ("mode", "L", 0.4, 0.12, 1e-4),
        ("x", "1", 0.9, 0.5, 0.2),
    ]
    *_, (kind, text) = said(rows)
    assert kind == "warning"
    assert "labels.hardware 1: 100\xa0% of 50 groups fractured, of all others 28\xa0%" in text
    assert "mode" not in text  # hardly a difference
    assert "x 1" not in text  # perhaps chance


def test_the_label_under_another_name_is_no_shortcut():
    rows = [("labels.count", "0", 0.0, -1.0, 1e-9), ("labels.count", "2", 1.0, 0.7, 1e-9)]
    *_, (_, text) = said(rows)
    assert text.startswith("The label stands under another name in labels.count")
    assert leaks.attribute_rows(followed(*rows)) == []


def test_the_tables_rows():
    rows = [("size", f"{side} x {side}", 0.5, 0.25, p) for side, p in ((9, 1e-9), (8, 0.002), (7, 0.003))]
    assert leaks.attribute_rows(followed(*rows)) == [
        ["size: 9 x 9", "50\xa0%", "25\xa0%", "50", "< 1e-6"],
        ["size: 8 x 8", "50\xa0%", "25\xa0%", "50", "0.002"],
    ]
    assert leaks.shortcut_rows(figures(size=0.8)["null"])[0] == [
        "size",
        "0.80 (0.77 to 0.83)",
        "0.50",
        "strong: the source of the file tells the label",
        leaks.SHORTCUTS["size"][0],
    ]
