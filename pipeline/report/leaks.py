"""What the leak and the shortcuts mean, in sentences: figures in, findings for the validate page out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.report.pages import count, decimals, interval, percent, short

Finding = dict[str, str]  # kind (good, warning, bad) and text

SHORTCUTS = {
    "size": (
        "Height, width, bytes, format and mode of the file",
        "the radiographs of the two labels come from different sources, or were saved in different ways",
    ),
    "border": (
        "The four border strips",
        "the frame differs: collimation, padding, or the black corners of turned copies",
    ),
    "marker": (
        "Bright compact things (letters, lead plates, metal)",
        "the two labels were marked differently, or one of them carries the metal",
    ),
    "histogram": (
        "The grey levels without their places",
        "exposure, processing or the mix of body regions differs between the labels",
    ),
}
STRONG, SOME = 0.75, 0.6  # AUROC of features that hold no bone
SURE, LIKELY = 0.01, 0.05  # adjusted p values: said in a sentence, and listed
_LARGE = 0.15  # difference of two shares of fractured groups
LEAKS = 0.05  # AUROC that is lost with the copies
_MAX_ATTRIBUTES = 4  # attributes in a sentence
_VALUES = 2  # of an attribute, and
_ROWS = 20  # in all, in the page's table; all stand in attributes.csv
_TINY = 1e-6  # p values below are not told apart
_LEARNABLE = "A network can learn this instead of fractures: trust only what it scores beyond it."


def findings(figures: Mapping[str, Any], attributes: pd.DataFrame) -> list[Finding]:
    """Say what the probe, the shortcut baselines and the attributes mean for whoever trains on the data.

    Parameters
    ----------
    figures
        ``probe`` and ``null``, as in ``metrics.json``.
    attributes
        As in ``attributes.csv``, the surest first.
    """
    return [_on_probe(figures["probe"]), *_on_shortcuts(figures["null"]), *_on_attributes(attributes)]


def shortcut_rows(shortcuts: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """Tabulate the shortcut baselines: name, AUROC with interval, AUROC on test, verdict, what it sees."""
    return [
        [
            name,
            interval(
                shortcuts[name]["cv_auroc"], shortcuts[name]["cv_auroc_low"], shortcuts[name]["cv_auroc_high"]
            ),
            decimals(shortcuts[name]["auroc"], 2),
            verdict(shortcuts[name]["cv_auroc"]),
            features,
        ]
        for name, (features, _) in SHORTCUTS.items()
    ]


def attribute_rows(attributes: pd.DataFrame) -> list[list[str]]:
    """Tabulate the attributes that the label follows: name and value, two shares, groups, p value."""
    _, likely = _associated(attributes)
    return [
        [
            f"{short(row.attribute)}: {short(row.value)}",
            percent(row.fractured_share, 0),
            percent(row.fractured_share - row.difference, 0),
            count(row.groups),
            f"{row.p_adjusted:.1g}" if row.p_adjusted >= _TINY else "< 1e-6",
        ]
        for row in likely.groupby("attribute").head(_VALUES).head(_ROWS).itertuples()
    ]


def verdict(auroc: float) -> str:
    """Name how much features that hold no bone tell of the label."""
    if auroc >= STRONG:
        return "strong: the source of the file tells the label"
    return "some: compare the classifier with it" if auroc >= SOME else "near chance"


def _on_probe(probe: Mapping[str, Mapping[str, float]]) -> Finding:
    published, clean = (probe[name] for name in ("published", "clean"))
    was, remains = (
        interval(rows["auroc"], rows["auroc_low"], rows["auroc_high"]) for rows in (published, clean)
    )
    model = "A linear model that sees only the edges of a small thumbnail"
    if published["auroc"] - clean["auroc"] <= LEAKS:
        text = (
            f"{model} scores AUROC {was} on the published split and {remains} here: copies are worth little."
        )
        return {"kind": "good", "text": text}
    text = (
        f"{model} scores AUROC {was} on the published split and {remains} here. The difference is memory of "
        "copies, and a network's figure on the published split holds such memory, too."
    )
    return {"kind": "warning", "text": text}


def _on_shortcuts(shortcuts: Mapping[str, Mapping[str, float]]) -> list[Finding]:
    """One warning for each that tells the label well, one for all that tell something, or a relief."""
    warnings, some = [], []
    for name, rows in sorted(shortcuts.items(), key=lambda item: -item[1]["cv_auroc"]):
        features, meaning = SHORTCUTS[name]
        auroc = interval(rows["cv_auroc"], rows["cv_auroc_low"], rows["cv_auroc_high"])
        if rows["cv_auroc"] >= STRONG:
            text = f"{features} alone tell the label with AUROC {auroc}: {meaning}. {_LEARNABLE}"
            warnings.append({"kind": "warning", "text": text})
        elif rows["cv_auroc_low"] > SOME:
            some.append(f"{name} {auroc}")
    if some:
        text = (
            f"Something of the label shows without a look at the bone. AUROC: {', '.join(some)}. {_LEARNABLE}"
        )
        warnings.append({"kind": "warning", "text": text})
    return warnings or [
        {"kind": "good", "text": "Size, border, markers and grey levels tell little of the label."}
    ]


def _on_attributes(attributes: pd.DataFrame) -> list[Finding]:
    """Name the attributes that the label follows most surely, each by its surest value."""
    warnings = []
    same, likely = _associated(attributes)
    if same:
        text = (
            f"The label stands under another name in {', '.join(same)}: a value there tells it of every file."
        )
        warnings.append({"kind": "warning", "text": text})
    sure = likely[(likely["p_adjusted"] < SURE) & (likely["difference"].abs() > _LARGE)]
    surest = sure.drop_duplicates("attribute").head(_MAX_ATTRIBUTES)
    if len(surest):
        listed = "; ".join(map(_on_attribute, surest.itertuples()))
        text = (
            f"The label follows what is no fracture. {listed}. A network can learn to tell these apart: "
            "score it within such groups, too."
        )
        warnings.append({"kind": "warning", "text": text})
    return warnings


def _on_attribute(row: Any) -> str:
    rest = row.fractured_share - row.difference
    return (
        f"{short(row.attribute)} {short(row.value)}: {percent(row.fractured_share, 0)} of "
        f"{count(row.groups)} groups fractured, of all others {percent(rest, 0)}"
    )


def _associated(attributes: pd.DataFrame) -> tuple[list[str], pd.DataFrame]:
    """Attributes that are the label itself, and what it follows beyond chance among the others."""
    likely = attributes[attributes["p_adjusted"] < LIKELY]
    same = list(likely.loc[likely["difference"].abs() == 1, "attribute"].unique())
    return same, likely[~likely["attribute"].isin(same)]
