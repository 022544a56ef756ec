"""Decode new radiographs and find their copies as ``validate`` does, and describe one a group."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pipeline.config import Config
from pipeline.dataset import profile
from pipeline.dataset.profile import Profile
from pipeline.files import engine
from pipeline.files.faults import Issue
from pipeline.files.limits import Limits
from pipeline.files.printable import printable
from pipeline.validate import grouping, intake, listing, scan


class Inspection(NamedTuple):
    """New radiographs: their profile, the files that it describes in its order, the number refused, why."""

    profile: Profile
    described: Sequence[Path] = ()
    refused: int = 0
    issues: Sequence[Issue] = ()

    @property
    def refusals(self) -> list[dict[str, str]]:
        """Which files were refused, and why, for a JSON file."""
        refused = sorted({issue for issue in self.issues if issue.severity == "quarantined"})
        return [
            {"path": printable(issue.path), "reason": issue.issue, "detail": printable(issue.detail)}
            for issue in refused
        ]


def inspect(config: Config, paths: Sequence[Path]) -> Inspection:
    """Decode radiographs, find copies among them, and describe one a group.

    Raises
    ------
    ValueError
        There is no file, or none is sound.
    """
    files, met, labelled = _list_files(config, paths)
    if not files:
        raise ValueError(f"drift needs radiographs. Received: {', '.join(map(str, paths))}, without a file.")
    facts = list(engine.process(scan.inspect, files, workers=config.run.workers, label="drift"))
    nothing = pd.DataFrame(index=pd.Index([fact.path for fact in facts], name="path"))
    tolerant = config.validation.model_copy(update={"label_conflict": "quarantine"})
    joined = grouping.join(facts, nothing, tolerant)
    kept = joined.kept if labelled else joined.kept.drop(columns="fractured")
    described = [files[row].path for row in profile.choose(kept).index]
    refused = int((joined.files["status"] == "quarantined").sum())
    issues = [*met, *(issue for fact in facts for issue in fact.issues), *joined.issues]
    built = profile.build(kept, [facts[row].thumbnail for row in kept.index])
    return Inspection(built, described, refused, issues)


def _list_files(
    config: Config, paths: Sequence[Path]
) -> tuple[list[listing.ListedFile], Sequence[Issue], bool]:
    """List the files and what was met on the way to them, and tell whether their folders label them."""
    limits = Limits.of(config.validation)
    if len(paths) == 1 and listing.has_labels(paths[0]):
        return *listing.find_labelled(paths[0], limits), True
    found = intake.listing(paths)
    root = found.shared
    files = [listing.ListedFile(root, intake.absolute(path), "", False, limits) for path in found.files]
    return files, found.issues, False
