"""Results of `evaluate` and their limits: the middle sections of the card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

import pipeline.report.card.checklists as lists
from pipeline.evaluate.net_benefit import useful_range
from pipeline.report import sentences
from pipeline.report.card.section import Rows, Section
from pipeline.report.pages import (
    MISSING,
    count,
    counted,
    decimals,
    interval,
    percent,
    subgroup,
    with_interval,
)
from pipeline.report.robustness import label

_BENEFIT_AT = (0.05, 0.1, 0.2, 0.3, 0.5)
_POINTS = {"high_sensitivity": "High sensitivity", "high_specificity": "High specificity"}
_FIGURES = {
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "brier_score": "Brier score",
    "ece": "Expected calibration error",
    "accuracy": "Accuracy at 0.5",
    "loss": "Loss (mean cross-entropy, nats)",
}
_MAPS = {
    "pointing_game": "The map's peak lies on a drawn fracture (pointing game)",
    "froc_sensitivity_1": "Drawn fractures found at one false mark a radiograph",
    "coco_ap_50": "Average precision of boxes, IoU 0.5",
    "erase_drop": "Erasing what the map shows lowers the probability by",
    "erase_drop_control": "Erasing as much elsewhere lowers it by",
}


def decisions(targets: Mapping[str, Any], figures: Mapping[str, Any]) -> Section:
    """Give the way from a logit to a probability and a decision, and what the decisions reach."""
    chosen, test = figures["calibration"], figures["test"]
    shift = " The intercept takes back any shift from training." if chosen["method"] == "platt" else ""
    text = (
        f"Probability = 1 / (1 + exp(-({decimals(chosen['slope'], 4)} x logit + "
        f"{decimals(chosen['intercept'], 4)}))), fitted on val ({chosen['method']}), each group weighing as "
        f"one.{shift}",
        "Two thresholds, chosen on val for a sensitivity of "
        f"{percent(targets['high_sensitivity'], 0)} and a specificity of "
        f"{percent(targets['high_specificity'], 0)}: below the first, no finding; from the second on, "
        f"fracture; between them, needs review ({percent(test['needs_review'])} of test). The table holds "
        "what they reached on test; PPV and NPV hold at its share of fractures only.",
        *_guarantees(test, figures["val"]),
        _scope(figures["scope"]),
        "The model bundle, whose files models/bundle.json names, holds all that the command fracture predict "
        "needs.",
    )
    head = ("Operating point", "Threshold", "Sensitivity", "Specificity", "PPV", "NPV")
    rates = ("sensitivity", "specificity", "ppv", "npv")
    rows: Rows = [
        (label, decimals(test[name]["threshold"]), *(percent(test[name][rate]) for rate in rates))
        for name, label in _POINTS.items()
    ]
    return Section(lists.DECISIONS, text, head, rows)


def _guarantees(test: Mapping[str, Any], val: Mapping[str, Any]) -> Iterator[str]:
    """Say what holds of both points with so few groups."""
    yield sentences.GROUPS_COUNT
    for rate in ("sensitivity", "specificity"):
        name = f"high_{rate}"
        yield (
            f"{_POINTS[name]}, by test: {sentences.guarantee(test[name], rate)} By val, which chose the "
            f"threshold: {sentences.guarantee_of_choice(val[name], rate)}"
        )


def _scope(scope: Mapping[str, Any]) -> str:
    """Say when no decision is given, and how often."""
    text = (
        "A radiograph that lies further from the training data, in the network's own features, than 98 % of "
        f"val (a score above {decimals(scope['threshold'], 3)}) gets no decision: out of scope. "
        f"So it is with {percent(scope['test_out_of_scope'])} of test"
    )
    if "phantoms_out_of_scope" not in scope:
        return f"{text}. The model learnt from drawn phantoms alone, and says so with every answer."
    return f"{text}, and with {percent(scope['phantoms_out_of_scope'])} of drawings of bones."


def performance(figures: Mapping[str, Any]) -> Section:
    """Set the figures on test beside the best shortcut baseline."""
    test, null = figures["test"], figures["best_null"]
    bare = figures.get("test_without_hardware")
    text = [
        f"On {counted(test['radiographs'], 'radiograph')} of test ({counted(test['groups'], 'group')}); 95 % "
        "intervals by resampling whole groups. Brier score, calibration error and loss: lower is better.",
        sentences.accuracy(test),
    ]
    if null["auroc"] is not None:
        text.append(
            f"Without looking at bone, the best shortcut baseline ({null['name']}) reaches an AUROC of "
            f"{decimals(null['auroc'])}."
        )
    columns = [("By radiograph", test, ""), ("By group", test, "group_")]
    if bare is not None:
        columns.append((f"Without hardware ({count(bare['radiographs'])})", bare, ""))
    rows: Rows = [
        (label, *(with_interval(scores, f"{prefix}{name}") for _, scores, prefix in columns))
        for name, label in _FIGURES.items()
    ]
    always = (decimals(scores[f"{prefix}majority_accuracy"]) for _, scores, prefix in columns)
    rows.append(("Accuracy of always saying the more frequent class", *always))
    return Section(lists.PERFORMANCE, tuple(text), ("Figure", *(title for title, *_ in columns)), rows)


def exams(figures: Mapping[str, Any]) -> Iterator[Section]:
    """Set the answers to whole exams beside those to radiographs, where the labels tell exams apart."""
    if (own := figures.get("test_by_study")) is None:
        return
    test = figures["test"]
    rows: Rows = [
        ("Number", count(test["radiographs"]), count(own["studies"])),
        ("Fractured", count(test["fractured"]), count(own["fractured"])),
        (_FIGURES["auroc"], with_interval(test, "auroc"), with_interval(own, "auroc")),
        *(
            (
                f"{rate.title()}, {point.replace('_', '-')} point",
                decimals(test[point][rate]),
                with_interval(own[point], rate),
            )
            for point in _POINTS
            for rate in ("sensitivity", "specificity")
        ),
        ("Needs review", decimals(test["needs_review"]), with_interval(own, "needs_review")),
        (_FIGURES["ece"], with_interval(test, "ece"), with_interval(own, "ece")),
        ("The same, by chance alone", decimals(test["ece_by_chance"]), decimals(own["ece_by_chance"])),
    ]
    yield Section(lists.EXAMS, (sentences.exams(own),), ("Figure", "By radiograph", "By exam"), rows)


def subgroups(table: pd.DataFrame) -> Iterator[Section]:
    """Tabulate the subgroups, where there are any."""
    if len(table) < 2:
        return
    head = ("Subgroup", "Groups", "AUROC", "Sensitivity (high-sensitivity)", "Specificity (high-specificity)")
    names = ("auroc", "sensitivity_at_high_sensitivity", "specificity_at_high_specificity")
    rows: Rows = [
        (
            subgroup(row),
            count(row["groups"]),
            *(with_interval(row, name) for name in names),
        )
        for row in table.to_dict("records")
    ]
    text = "Empty: fewer than five groups would stand behind the figure. All of it: subgroups.csv."
    yield Section(lists.SUBGROUPS, (text,), head, rows)


def robustness(table: pd.DataFrame) -> Iterator[Section]:
    """Tabulate the perturbations, where any were tried."""
    if table.empty:
        return
    n_radiographs = count(table["radiographs"].iloc[0])
    text = (
        f"{n_radiographs} radiographs of test, one a group and the classes as even as they can be, made "
        "worse before preprocessing. A file that cannot be decoded whole is refused, and never scored.",
    )
    rows: Rows = [
        (
            label(row["disturbance"], row["level"]),
            with_interval(row, "auroc"),
            with_interval(row, "change") if place else MISSING,  # the first is unperturbed
        )
        for place, row in enumerate(table.to_dict("records"))
    ]
    yield Section(lists.ROBUSTNESS, text, ("Perturbation", "AUROC", "Change"), rows)


def benefit(curve: pd.DataFrame) -> Section:
    """Say at which thresholds the model is of use."""
    useful = useful_range(curve)
    verdict = (
        "At no threshold probability is it better than calling all radiographs fractured, or none."
        if useful is None
        else "Better than calling all radiographs fractured, or none, at threshold probabilities "
        f"{sentences.thresholds(useful)}."
    )
    at = curve[curve["threshold"].isin(_BENEFIT_AT)]
    rows: Rows = [
        (
            decimals(row["threshold"], 2),
            with_interval(row, "net_benefit"),
            decimals(row["treat_all"]),
            decimals(row["treat_none"]),
        )
        for row in at.to_dict("records")
    ]
    return Section(
        lists.BENEFIT, (verdict,), ("Threshold probability", "Model", "Call all", "Call none"), rows
    )


def maps(figures: Mapping[str, Any]) -> Section:
    """Give the scores of the region maps, as far as fractures are drawn, and say where the others stand."""
    text = (
        "The network draws its own region map, without a second pass. The stage region_maps scores these "
        "maps, against drawn fractures where there are any, by erasing what they show and by showing nothing "
        "else, and lists the surest errors with their pictures: reports/region_maps/report.html.",
    )
    rows: Rows = [
        (label, interval(figures[name], figures.get(f"{name}_low"), figures.get(f"{name}_high"), 3))
        for name, label in _MAPS.items()
        if name in figures
    ]
    return Section(lists.MAPS, text, ("Figure", "On test"), rows)


def limits(figures: Mapping[str, Any], subgroups: pd.DataFrame) -> Section:
    """Say what the figures cannot show."""
    test = figures["test"]
    kind, lead = sentences.lead(test, figures["best_null"])
    text = [
        "All radiographs come from one collection. The command fracture assess scores the model on another.",
        f"test holds {counted(test['groups'], 'group')}: what rarely occurs among them is hardly tested.",
    ]
    if kind != "good":
        text.append(lead)
    empty = int(subgroups["auroc"].isna().sum())
    if empty:
        text.append(f"Too few groups of a class for an AUROC: {counted(empty, 'subgroup')}.")
    return Section(lists.LIMITS, tuple(text))
