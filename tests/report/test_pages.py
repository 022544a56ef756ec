import base64
import math
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError

from pipeline.evaluate import curves, evaluation
from pipeline.files import outputs
from pipeline.predict.operating_points import OperatingPoints
from pipeline.region_maps import attributions, deletion, methods, subgroups
from pipeline.report import charts, map_charts, pages


def with_interval(**figures: float) -> dict[str, float]:
    """Each figure with an interval around it."""
    return {
        f"{name}{end}": value + step
        for name, value in figures.items()
        for end, step in (("", 0.0), ("_low", -0.1), ("_high", 0.1))
    }


FAITHFULNESS = {
    "map_threshold": 0.3,
    "sensitive_threshold": 0.1,
    "peak_share": 0.5,
    "min_area_share": 0.001,
    "min_score": 0.07,
    "max_area_share": 0.5,
    "alone_radiographs": 128,
    "alone_without_region": 2,
    **with_interval(alone_auroc=0.83, blurred_auroc=0.58, geometry_auroc=0.66, alone_kept=0.7),
    **with_interval(alone_blurred_gap=0.25, alone_geometry_gap=0.17),
    **with_interval(
        shown_regions_fractured=1.4,
        shown_regions_unfractured=0.3,
        no_region_stands_out=0.23,
        deletion_auc=0.41,
        insertion_auc=0.78,
        random_deletion_auc=0.63,
        erase_drop=0.21,
        erase_drop_control=0.04,
        randomization_correlation=0.12,
    ),
}
LOCALIZATION = {
    "annotated": 61,
    **with_interval(pointing_game=0.62, pointing_game_tolerant=0.7, energy_in_box=0.31),
    **with_interval(shown_overlapping=0.44, shown_on_fracture=0.81),
    **{f"pointing_game_{name}": 0.08 for name in ("random", "center", "brightest")},
    "max_box_acc": {"iou_0.1": 0.61, "iou_0.5": 0.12},
    "pixel_average_precision": 0.34,
    **{
        f"froc_sensitivity_{allowed}{end}": 0.5
        for allowed in ("0.5", "1", "2")
        for end in ("", "_low", "_high")
    },
    **with_interval(coco_ap=0.1, coco_ap_50=0.2, coco_ap_30=0.3),
    "region_ece": 0.1,
}
METHOD = dict.fromkeys(methods.COLUMNS, 0.2)
TABLES = {
    "subgroups": pd.DataFrame(
        [["(all)", "", 61, 60, *[0.5] * 9], ["body_part", "<b>", 4, 4, *[math.nan] * 9]],
        columns=subgroups.COLUMNS,
    ),
    "methods": pd.DataFrame([METHOD | {"method": name} for name in (methods.OWN, *attributions.METHODS)]),
    "froc": pd.DataFrame({"threshold": [1.0, 0.5], "false_marks": [0, 1.0], "sensitivity": [0, 0.5]}),
    "deletion": pd.DataFrame({name: [0.1, 0.9] for name in ("share", *deletion.CURVES)}),
    "randomization": pd.DataFrame({"layers": [0, 1], "layer": ["", "a"], "correlation": [1.0, 0.1]}),
}
PICTURE = {
    "src": "data:image/png;base64,AA==",
    "beside": "data:image/png;base64,BB==",
    "alt": "a",
    "title": "test/fractured/<b>.png",
    "caption": "c",
}
SCOPE = {"threshold": 0.3123, "val_out_of_scope": 0.02, "test_out_of_scope": 0.03}
SCOPE |= {"phantoms": 48, "phantoms_out_of_scope": 0.97}
NONE = {"name": None, "auroc": None}


def scores() -> dict:
    y_true = np.arange(40) % 2 == 0
    y_score = np.where(y_true, 0.7, 0.3) + 0.25 * np.sin(np.arange(40))
    split = (y_true, y_score, np.arange(40) // 2, OperatingPoints(0.3, 0.7))
    repeat = {"n_samples": 50, "n_bins": 10, "seed": 1}
    figures = evaluation.evaluate(*split, **repeat)
    return {
        "scores": figures,
        "charts": charts.classifier_charts(figures, curves.tabulate(*split, **repeat)),
    }


@pytest.fixture(scope="module")
def contexts() -> dict[str, dict]:
    scored = scores()
    maps = {
        "maps": FAITHFULNESS | LOCALIZATION,
        "tables": TABLES,
        "charts": map_charts.draw(FAITHFULNESS | LOCALIZATION, TABLES),
        "pictures": {
            kind: [PICTURE] if kind == "misses" else []
            for kind in ("confident_errors", "misses", "false_alarms", "hits")
        },
    }
    counts = {"radiographs": 1200, "negatives": 1, "cropped": 300, "cropped_share": 0.125, "annotated": 6}
    trained = {"kept_epoch": 2, "epochs": 3, "train_loss": 0.4, "val_loss": 0.5, "val_auroc": 0.9}
    trained |= {"parameters": 4000, "parameters_trained": 1000}
    pair = {"before": PICTURE["src"], "after": PICTURE["src"], "title": PICTURE["title"], "caption": "c"}
    above = {"null_gap_auroc": scored["scores"]["auroc"] - 0.6}
    figures = {"test": scored["scores"] | above, "val": scored["scores"]}
    figures |= {"calibration": {"method": "platt", "slope": 0.5, "intercept": -0.1}, "scope": SCOPE}
    inside = {"scope": {"out_of_scope": 0.25, "radiographs_in_scope": 40}, "test_in_scope": scored["scores"]}
    inside |= {"without_patient": 8, "seen_before": 0, "fitted_on": 0}
    return {
        "preprocess.html": {
            "figures": counts | {"train": 800, "val": 150, "test": 250},
            "settings": {"height_px": 384, "width_px": 320},
            "examples": [pair],
        },
        "train.html": {
            "figures": trained,
            "settings": {"backbone": "<b>", "checkpoint": "best"},
            "augment": {"flip": True},
            "loss": "<svg></svg>",
            "auroc": "<svg></svg>",
        },
        "evaluate.html": {
            "figures": figures | {"best_null": {"name": "<b>", "auroc": 0.6}},
            "charts": scored["charts"] | {"robustness": None},
            "exams": [],
            "subgroups": [],
            "robustness": [],
        },
        "region_maps.html": maps,
        "assess.html": maps
        | scored
        | {"charts": scored["charts"] | maps["charts"], "null": NONE, "name": "<b>"}
        | {
            "figures": inside
            | {"model": {"name": "<b>", "sha256": "abc", "learnt_from": "9 radiographs of <i>"}},
            "notes": [{"code": "knows_phantoms_only", "detail": "<b>.png"}],
            "thresholds_hold": False,
        },
    }


PAGES = ["preprocess.html", "train.html", "evaluate.html", "region_maps.html", "assess.html"]


@pytest.mark.parametrize("page", PAGES)
def test_text_is_escaped(contexts, page):
    html = pages.render(page, contexts[page])
    assert "&lt;b&gt;" in html
    assert "<b>.png" not in html


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_no_other_file_and_no_script(contexts, page):
    html = pages.render(page, contexts[page])
    addresses = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert all(
        re.match(r"data:|#|\.\./\w+/report\.html$|model_card\.html$", address) for address in addresses
    )
    assert "<script" not in html
    assert "@import" not in html
    assert "url(http" not in html


POINTS_BY_HAND = [  # of 20 fractured and 20 others: all called and 9 not, then 10 called and none
    "High sensitivity 0.300 100.0% 45.0% 64.5% 100.0%",
    "High specificity 0.700 50.0% 100.0% 100.0% 66.7%",
    "Needs review 0.525",
    "40 radiographs, 20 of them fractured, in 20 groups.",
]
MAPS_BY_HAND = [
    "On 61 annotated radiographs.",
    "Energy in box 0.31 (0.21 to 0.41)",
    "Deletion: area under the probability 0.41 (0.31 to 0.51) 0.63 (0.53 to 0.73)",
    "Erasing the region: fall of the probability 0.21 (0.11 to 0.31) 0.04 (\N{MINUS SIGN}0.06 to 0.14)",
    "From a peak of 0.30 on it is drawn solid, from 0.10 on dotted;",
]
SAID = {
    "preprocess.html": [
        "1,200 radiographs were brought to one canvas of 384 \N{MULTIPLICATION SIGN} 320 pixels. "
        "1 photographic negative was set right, and 300 lost a border.",
        "Border without anatomy cropped 300 25.0% Fracture annotations drawn along 6 0.5%",
        "On average 12.5% of a radiograph\N{RIGHT SINGLE QUOTATION MARK}s area was cropped.",
        "train 800 val 150 test 250",
    ],
    "train.html": [
        "Of 3 epochs, epoch 2 was kept: it tells the radiographs of val apart best, with an AUROC of 0.900.",
        "Loss on train 0.400 Loss on val 0.500 AUROC on val 0.900",
        "1,000 of 4,000 parameters were trained (25.0%)",
        "backbone <b> checkpoint best",
        "flip true",
    ],
    "evaluate.html": [
        *POINTS_BY_HAND,
        "the best shortcut baseline (<b>) reaches 0.60.",
        "Calibration (platt: slope 0.50, intercept \N{MINUS SIGN}0.10)",
    ],
    "region_maps.html": [*MAPS_BY_HAND, "lies on the fracture in 0.62 (0.52 to 0.72) of the annotated"],
    "assess.html": [
        *POINTS_BY_HAND,
        *MAPS_BY_HAND,
        "On the 40 radiographs of <b>, the model reaches",
        "<b> (bundle abc), which learnt from 9 radiographs of <i>.",
        "25.0% of these radiographs lie further",
        "<b>.png (knows_phantoms_only)",
        "Nothing shows that the thresholds hold here",
        "No label tells the patient or exam of 8 of these 40 radiographs: each counts as a patient",
    ],
}


@pytest.mark.parametrize(("page", "said"), SAID.items(), ids=SAID.keys())
def test_a_page_says_what_was_found_and_not_when(contexts, page, said):
    markup = re.sub(r"</(t[hd]|d[td])>", " ", pages.render(page, contexts[page]))
    words = unescape(re.sub(r"<[^>]+>", "", markup)).replace(f"{pages._SPACE}%", "%")
    told = " ".join(words.split())
    assert [sentence for sentence in said if sentence not in told] == []
    assert not re.search(r"\b20\d\d-\d\d|\b\d\d:\d\d\b", told)


def test_what_was_seen_before_stands_on_the_page_of_assess(contexts):
    context = contexts["assess.html"]
    assert "Nothing was chosen on them" in pages.render("assess.html", context)
    for unseen, said in (
        ({"test_unseen": context["scores"]}, "not seen before"),
        ({}, "shows nothing of other ones"),
    ):
        figures = context["figures"] | {"seen_before": 7} | unseen
        html = pages.render("assess.html", context | {"figures": figures})
        assert "The model learnt from <strong>7</strong> of them" in html
        assert "Nothing was chosen" not in html
        assert said in html
    for fitted, said in ((7, "fitted to <strong>7</strong> of them"), (None, "is not known here")):
        html = pages.render("assess.html", context | {"figures": context["figures"] | {"fitted_on": fitted}})
        assert said in html
        assert "Nothing was chosen" not in html


def test_a_forgotten_value_is_an_error(contexts):
    with pytest.raises(UndefinedError, match="figures"):
        pages.render("evaluate.html", {"charts": contexts["evaluate.html"]["charts"]})


@pytest.mark.parametrize(
    ("null_auroc", "verdict"), [(0.2, "✓ Good."), (1.0, "✕ Problem."), (None, "△ Warning.")]
)
def test_the_null_baseline_decides_the_verdict(contexts, null_auroc, verdict):
    context = contexts["evaluate.html"]
    gap = with_interval(null_gap_auroc=context["figures"]["test"]["auroc"] - (null_auroc or 0))
    test = context["figures"]["test"] | gap
    figures = context["figures"] | {"best_null": {"name": "size", "auroc": null_auroc}, "test": test}
    html = pages.render("evaluate.html", context | {"figures": figures})
    assert re.findall(r'class="callout \w+"><b>([^<]*)</b>', html) == [verdict]
    lead = f"a lead of <strong>{pages.interval(*gap.values())}</strong>"
    assert (lead in html) == (null_auroc is not None)


def test_errors_stand_before_hits(contexts):
    html = pages.render("region_maps.html", contexts["region_maps.html"])
    places = [
        html.index(f"<h3>{title}</h3>") for title in ("Confident and wrong", "Misses", "False alarms", "Hits")
    ]
    assert places == sorted(places)


def test_a_small_subgroup_has_a_row_without_figures(contexts):
    html = pages.render("region_maps.html", contexts["region_maps.html"])
    row = html[html.index("body_part: &lt;b&gt;") :]
    assert row[: row.index("</tr>")].count(pages.MISSING) == 4


def test_every_chart_of_the_maps_stands_on_the_page(contexts):
    html = pages.render("region_maps.html", contexts["region_maps.html"])
    assert all(svg in html for svg in contexts["region_maps.html"]["charts"].values())


def test_each_overlay_stands_beside_its_reference(contexts):
    html = pages.render("region_maps.html", contexts["region_maps.html"])
    assert html.index(PICTURE["src"]) < html.index(PICTURE["beside"])


def test_maps_without_annotations_say_so(contexts):
    empty = {name: table.iloc[:0] for name, table in TABLES.items()}
    drawn = map_charts.draw(FAITHFULNESS, empty)
    context = contexts["region_maps.html"] | {"maps": FAITHFULNESS, "tables": empty, "charts": drawn}
    html = pages.render("region_maps.html", context)
    assert "no radiograph is annotated" in html
    assert "Pointing game" not in html


def test_a_map_that_explains_nothing_is_called_a_problem(contexts):
    unfaithful = FAITHFULNESS | {"deletion_auc": 0.7, "erase_drop": 0.0}
    html = pages.render("region_maps.html", contexts["region_maps.html"] | {"maps": unfaithful})
    assert "the map does not explain the decision" in html


def test_maps_of_few_radiographs_point_at_nothing_for_certain(contexts):
    sure = LOCALIZATION | with_interval(pointing_game=1.0)
    for annotated, said in ((5, "more often than the centre"), (4, "Fewer than five radiographs")):
        maps = FAITHFULNESS | sure | {"annotated": annotated}
        html = pages.render("region_maps.html", contexts["region_maps.html"] | {"maps": maps})
        assert said in html


def test_a_test_without_an_interval_has_no_say(contexts):
    maps = FAITHFULNESS | dict.fromkeys(("deletion_auc_low", "deletion_auc_high"), 0.41)
    html = pages.render("region_maps.html", contexts["region_maps.html"] | {"maps": maps})
    assert "nothing can be said" in html
    assert "lowers the probability more" not in html


def test_scores_that_val_did_not_fit_are_called_no_probability(contexts):
    maps = FAITHFULNESS | LOCALIZATION
    for lowest, said in ((0.07, True), (0.0, False)):
        context = contexts["region_maps.html"] | {"maps": maps | {"min_score": lowest}}
        assert ("the probability that" in pages.render("region_maps.html", context)) is said


@pytest.mark.parametrize("undefined", [None, math.nan])
def test_a_test_that_could_not_be_run_has_no_say(contexts, undefined):
    maps = FAITHFULNESS | {"erase_drop": undefined, "erase_drop_control": undefined}
    html = pages.render("region_maps.html", contexts["region_maps.html"] | {"maps": maps})
    assert "The two tests disagree" not in html
    assert "lowers the probability more" in html


@pytest.mark.parametrize(
    ("value", "other", "expected"), [(2, 1, True), (1, 1, False), (None, 1, None), (1, math.nan, None)]
)
def test_above_is_undefined_without_a_figure(value, other, expected):
    assert pages.above(value, other) is expected


def test_a_page_is_written_with_unix_line_ends(tmp_path, contexts):
    outputs.write_text(tmp_path / "report.html", pages.render("train.html", contexts["train.html"]))
    data = (tmp_path / "report.html").read_bytes()
    assert data.startswith(b"<!DOCTYPE html>")
    assert b"\r" not in data


def test_data_uri_round_trip():
    data = bytes(range(256))
    head, _, body = pages.data_uri(data).partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(body) == data


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (pages.percent(0.986), "98.6\N{NO-BREAK SPACE}%"),
        (pages.decimals(0.91249), "0.912"),
        (pages.decimals(-0.5, 1), "\N{MINUS SIGN}0.5"),
        (pages.count(10580), "10,580"),
        (pages.interval(0.91, 0.868, 0.95), "0.91 (0.87 to 0.95)"),
        (pages.interval(0.91, None, None), "0.91"),
        (pages.interval(1.0, 1.0, 1.0), "1.00 (no interval)"),
        (pages.interval(0.12, 0.1196, 0.1204), "0.12 (0.12 to 0.12)"),
        (pages.decimals(-0.0004), "0.000"),
        (pages.subgroup({"attribute": "(all)", "value": ""}), "(all)"),
        (pages.subgroup({"attribute": "text", "value": "x" * 3000}), f"text: {'x' * 39}…"),
        (pages.percent(None), pages.MISSING),
        (pages.decimals(math.nan), pages.MISSING),
        (pages.count(math.inf), pages.MISSING),
    ],
)
def test_figures_are_written_for_reading(written, expected):
    assert written == expected


@pytest.mark.parametrize(
    ("words", "sentence"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_words_are_joined_as_a_sentence_does(words, sentence):
    assert pages.listed(words) == sentence


@pytest.mark.parametrize(("number", "written"), [(0, "0 files"), (1, "1 file"), (1420, "1,420 files")])
def test_things_are_counted(number, written):
    assert pages.counted(number, "file") == written
