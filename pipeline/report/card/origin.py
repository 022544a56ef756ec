"""What the model is and how it came about: the first sections of the card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

import pipeline.report.card.checklists as lists
from pipeline.report.card.section import Rows, Section
from pipeline.report.pages import count, counted, decimals

_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Origin:
    """How the model came about.

    Attributes
    ----------
    index
        One row a radiograph in use: ``split``, ``group``, ``fractured``.
    validated, trained, mapped
        ``metrics.json`` of `validate`, of `train` and of `region_maps`.
    preprocess, train, evaluate
        Settings, by name.
    phantoms
        Whether the radiographs were drawn by a program.
    """

    index: pd.DataFrame
    validated: Mapping[str, Any]
    trained: Mapping[str, Any]
    mapped: Mapping[str, Any]
    preprocess: Mapping[str, Any]
    train: Mapping[str, Any]
    evaluate: Mapping[str, Any]
    phantoms: bool


def purpose(origin: Origin) -> Section:
    """Say what the model is for, and what it is not for."""
    text = [
        "A network that gives a radiograph of any body region a probability of a fracture, a decision and a "
        "map of where.",
        "Research software, not a medical device: no decision on a patient may rest on it alone.",
    ]
    if origin.phantoms:
        text.append(
            "It was trained and tested on phantoms, radiographs drawn by a program. Its figures say that the "
            "pipeline works, and nothing of patients."
        )
    return Section(lists.PURPOSE, tuple(text))


def data(origin: Origin) -> Section:
    """Count the radiographs, from the files found to the groups of each split."""
    validated = origin.validated
    head = ("Split", "Radiographs", "Fractured", "Groups", "Groups with a fracture")
    parts = {split: origin.index[origin.index["split"] == split] for split in _SPLITS}
    rows: Rows = [
        (
            split,
            count(len(part)),
            count(part["fractured"].sum()),
            count(part["group"].nunique()),
            count(part.loc[part["fractured"], "group"].nunique()),
        )
        for split, part in parts.items()
    ]
    text = (
        f"Of {counted(validated['files'], 'file')}, {count(validated['kept'])} were kept; "
        f"{count(validated['redundant'])} were exact copies, {count(validated['quarantined'])} were "
        "quarantined, each with its reason in reports/validate/issues.csv. A file is decoded whole or not "
        "used; nothing is filled in.",
        "Copies of a radiograph, and radiographs of one patient or study where their names are given, form a "
        "group. A group lies in one split; "
        f"{counted(validated['groups_crossing_published_splits'], 'group')} "
        "crossed the splits as they were found. val chose the epoch, the calibration and the thresholds; "
        "test chose nothing.",
        "Fractured means: filed in a folder of that name by whoever made the collection.",
    )
    return Section(lists.DATA, text, head, rows)


def making(origin: Origin) -> Section:
    """Describe preprocessing, network and training, with every setting."""
    trained, train, canvas = origin.trained, origin.train, origin.preprocess
    augment = train.get("augment", {})
    settings = {
        **{f"preprocess.{name}": value for name, value in canvas.items()},
        **{f"train.{name}": value for name, value in train.items() if name != "augment"},
        **{f"train.augment.{name}": value for name, value in augment.items()},
    }
    groups = "All groups" if train["group_balanced"] else "All files, copies too,"
    classes = "and so did both classes" if train["class_balanced"] else "while the classes kept their shares"
    balanced = f"{groups} weighed alike in training, {classes}."
    reason = (
        "the last one, whatever its AUROC on val"
        if train["checkpoint"] == "last"
        else "the one with the highest AUROC on val"
    )
    text = (
        "The only input is the pixels of one radiograph; nothing is read off by hand. It is decoded "
        f"upright, windowed and laid on a canvas of {canvas['height_px']} x {canvas['width_px']} pixels, "
        "its aspect kept.",
        f"A convolutional network ({train['backbone']}, weights at the start: {train['weights']}) with a "
        "feature pyramid draws one map of evidence, and one pooling makes a logit of it: "
        f"{_together(len(trained.get('members', ())))}. {count(trained['parameters_trained'])} of "
        f"{count(trained['parameters'])} weights were trained. {balanced}",
        f"Of {counted(trained['epochs'], 'epoch')}, number {count(trained['kept_epoch'])} was kept, {reason} "
        f"({decimals(trained['val_auroc'])}).",
        "Software: TensorFlow and Keras; requirements.lock holds every version.",
    )
    rows: Rows = [(name, str(value)) for name, value in settings.items()]
    return Section(lists.MAKING, text, ("Setting", "Value"), rows, n_text=2)


def _together(n_members: int) -> str:
    if n_members < 2:
        return "one network, no ensemble"
    return (
        f"{count(n_members)} such networks learnt, each by a seed of its own, and their logits, maps and "
        "boxes are averaged"
    )
