"""The page of `validate`: tables, pictures and sentences from the manifest and ``reports/validate/``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.config import Config
from pipeline.dataset import manifest, names
from pipeline.dataset.ids import JOINING
from pipeline.dataset.layout import SPLITS
from pipeline.dataset.manifest import QUARANTINED
from pipeline.dataset.released import LEARNT_BY_RELEASE
from pipeline.files.faults import meaning
from pipeline.report import leaks, left_out, pages, results, thumbnails
from pipeline.report.copies import groups, pairs
from pipeline.report.leaks import LEAKS
from pipeline.report.pages import count, counted, listed, percent
from pipeline.report.thumbnails import ThumbnailReader
from pipeline.validate import test_size

_EXAMPLES = 3


def documents(config: Config) -> dict[str, str]:
    """Make the page of what the stage wrote: name to text."""
    folder = config.paths.report("validate")
    attributes = (config.paths.report(stage) / names.ATTRIBUTES for stage in ("validate", "preprocess"))
    page = context(
        manifest.read(config.paths.manifest),
        results.table(folder / "copies.csv"),
        results.table(folder / "issues.csv"),
        pd.concat(map(results.table, attributes)).sort_values("p_value", kind="stable"),
        results.figures(folder, undefined=math.nan),
        thumbnails.reader(folder / "thumbnails"),
        min_score=config.validation.copy_agreement,
    )
    return {"report.html": pages.render("validate.html", page)}


def context(
    files: pd.DataFrame,
    copies: pd.DataFrame,
    issues: pd.DataFrame,
    attributes: pd.DataFrame,
    figures: Mapping[str, Any],
    thumbnail: ThumbnailReader,
    *,
    min_score: float,
) -> dict[str, Any]:
    """Gather what ``validate.html`` needs.

    Parameters
    ----------
    files
        The manifest.
    copies
        How pairs lie on one another; see `pipeline.validate.copies.files.Copies`.
    issues
        ``path``, ``issue``, ``severity``, ``detail``.
    attributes
        What the label follows; see `associations`.
    figures
        As in ``metrics.json``.
    thumbnail
        From a path to small pixels; called only for the pictures on the page.
    min_score
        What confirms a copy; see `validate.copy_agreement`.
    """
    return {
        "figures": figures,
        "findings": _findings(files, attributes, figures),
        "splits": _split_rows(files),
        "joined": _joined_rows(figures),
        "issues": _issue_rows(issues),
        "left_out": left_out.by_reason(files, issues, thumbnail),
        "groups": groups.largest(files, copies, thumbnail),
        "pairs": pairs.hardest(copies, files, thumbnail),
        "min_score": min_score,
        "shortcuts": leaks.shortcut_rows(figures["null"]),
        "attributes": leaks.attribute_rows(attributes),
    }


def _findings(
    files: pd.DataFrame, attributes: pd.DataFrame, figures: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Sentences, the worst first."""
    sentences = [_on_copies(files, figures), *leaks.findings(figures, attributes), *_on_left_out(files)]
    sentences += _on_learnt(figures.get(LEARNT_BY_RELEASE))
    sentences.append({"kind": "good", "text": "In the split used here no group lies in two splits."})
    if too_few := test_size.warning(figures.get("test_size", {})):
        sentences.append({"kind": "warning", "text": too_few[0].upper() + too_few[1:]})
    if conflicts := figures["label_conflicts"]:
        text = f"{counted(conflicts, 'radiograph')} under both labels; every copy is left out."
        sentences.append({"kind": "bad", "text": text})
    order = {"bad": 0, "warning": 1, "good": 2}
    return sorted(sentences, key=lambda finding: order[finding["kind"]])


def _on_copies(files: pd.DataFrame, figures: Mapping[str, Any]) -> dict[str, str]:
    """Say how many published test files a model may have seen, and what that is worth to it."""
    crossing = figures["groups_crossing_published_splits"]
    if not crossing:
        return {"kind": "good", "text": "No copy was found on two sides of the published splits."}
    published, clean = (figures["memorisation"][name] for name in ("published", "clean"))
    n_test = int(((files["published_split"] == "test") & (files["group"] != "")).sum())
    kin = "a copy or a file of the same patient" if any(key in files for key in JOINING) else "a copy"
    is_memory = published["auroc"] - clean["auroc"] > LEAKS
    worth = "There, memory passes for skill" if is_memory else "That is worth little"
    text = (
        f"{count(_tests_with_a_copy_in_train(files))} of {count(n_test)} published test files have {kin} in "
        f"train or val: {counted(crossing, 'group')} in more than one published split. {worth}: copying the "
        f"label of the most similar training file is right for {percent(published['accuracy'], 0)} of the "
        f"published test (AUROC {published['auroc']:.2f}) and for {percent(clean['accuracy'], 0)} of that "
        f"used here (AUROC {clean['auroc']:.2f}, where 0.50 is chance)."
    )
    return {"kind": "warning", "text": text}


def _on_left_out(files: pd.DataFrame) -> list[dict[str, str]]:
    """Say how many files are left out, and why."""
    reasons = files.loc[files["status"] == QUARANTINED, "reason"].value_counts().sort_index()
    if reasons.empty:
        return []
    why = listed([f"{count(n)} {reason.replace('_', ' ')}" for reason, n in reasons.items()])
    return [{"kind": "warning", "text": f"{counted(reasons.sum(), 'file')} left out: {why}."}]


def _on_learnt(told: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Say what the release that training starts from learnt from; nothing where it starts from none."""
    if told is None:
        return []
    name = f"The released model {told['release']}, from which training starts,"
    moved = (
        f"{name} learnt from {counted(told['certain'], 'radiograph')} of test for certain, and from "
        f"{count(told['by_hash'])} by hash. In train instead: {counted(told['moved_groups'], 'group')}."
    )
    val = f"{name} knows {counted(told['val'], 'radiograph')} of val: what is fitted there may flatter."
    sentences = {moved: told["moved_groups"], val: told["val"]}
    found = [{"kind": "warning", "text": text} for text, number in sentences.items() if number]
    return found or [{"kind": "good", "text": f"{name} learnt from no radiograph of test or val."}]


def _tests_with_a_copy_in_train(files: pd.DataFrame) -> int:
    grouped = files[files["group"] != ""]
    elsewhere = set(grouped.loc[grouped["published_split"] != "test", "group"])
    tests = grouped[grouped["published_split"] == "test"]
    return int(tests["group"].isin(elsewhere).sum())


def _split_rows(files: pd.DataFrame) -> list[list[str]]:
    """Count published files, used files, groups, and files moved here: by split and class, and in all."""
    rows = [
        [f"{split}, {name}", *_counts(files[files["fractured"] == fractured], [split])]
        for split in SPLITS
        for fractured, name in ((True, "fractured"), (False, "not fractured"))
    ]
    return [*rows, ["all", *_counts(files, SPLITS)]]


def _joined_rows(figures: Mapping[str, Any]) -> list[list[str]]:
    """Count what of the labels and annotations has found its file; nothing where there are none."""
    rows = []
    if n_rows := figures.get("labels_rows"):
        n_joined = figures["labels_joined"]
        shares = (count(n_rows), count(n_joined), percent(n_joined / figures["files"], 0))
        rows.append(["Labels: rows, and files that have one", *shares])
    if n_given := figures.get("annotations_given"):
        n_used = figures["annotations_used"]
        shares = (count(n_given), count(n_used), percent(n_used / n_given, 0))
        rows.append(["Annotations: given, and used as fractures", *shares])
    return rows


def _counts(of_class: pd.DataFrame, splits: Sequence[str]) -> Iterator[str]:
    kept = of_class[of_class["split"].isin(splits)]
    moved = int((kept["published_split"] != kept["split"]).sum())
    n_published = int(of_class["published_split"].isin(splits).sum())
    return map(count, (n_published, len(kept), kept["group"].nunique(), moved))


def _issue_rows(issues: pd.DataFrame) -> list[list[str]]:
    rows = []
    for (severity, issue), same in issues.groupby(["severity", "issue"]):
        examples = ", ".join(same["path"].head(_EXAMPLES))
        rows.append([str(issue), count(len(same)), str(severity), meaning(str(issue)), examples])
    order = {"quarantined": 0, "warning": 1, "note": 2}
    return sorted(rows, key=lambda row: (order[row[2]], row[0]))
