"""Compare new radiographs with those that a model learnt from.

Files are decoded and their copies found as ``validate`` does it, so that a radiograph sent ten times counts
once. Labels are not needed; of a folder in the layout they are compared too. With ``--out``, writes
``drift.json`` and ``report.html``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.commands import destination, terminal
from pipeline.config import Config
from pipeline.dataset import names, profile
from pipeline.dataset.profile import Profile
from pipeline.drift import distance, served
from pipeline.files import engine, images, outputs
from pipeline.files.faults import Issue
from pipeline.files.limits import Limits
from pipeline.files.printable import printable
from pipeline.predict import origin
from pipeline.registry import model_choice
from pipeline.registry.model_choice import Candidate
from pipeline.report import drift as report
from pipeline.report import pages
from pipeline.validate import grouping, intake, listing, scan, told

log = logging.getLogger(__name__)

CHAMPION = "champion"
DRIFT = 3  # exit code

_OUTPUTS = ("drift.json", "report.html")
_STRANGEST = 8


class Inspection(NamedTuple):
    """New radiographs: their profile, the files that it describes in its order, the number refused, why."""

    profile: Profile
    described: Sequence[Path] = ()
    refused: int = 0
    issues: Sequence[Issue] = ()


def run(
    config: Config,
    paths: Sequence[Path],
    described: Path | None,
    against: str | None,
    out: Path | None,
    *,
    as_json: bool,
    model: str | None = None,
) -> int:
    """Compare, write the report, and return the exit code: 3 for drift, else 0.

    Parameters
    ----------
    paths, described
        Files and folders of radiographs; or, without those, a profile of them, or a server's records.
    against
        ``champion``, a bundle's folder, or a profile; None for what a model learnt from.
    model
        Which one; see `model_choice.opened`.

    Raises
    ------
    ValueError
        There is nothing to compare, or ``out`` holds something else.
    """
    inputs = [*paths] if described is None else [described]
    folder = None if out is None else destination.check(out, _OUTPUTS, inputs)
    if against is None:
        name, reference, answering = model_choice.first(config, model, lambda each: _of_model(config, each))
        log.info("drift: the model is %s", origin.title(answering))
    else:
        (name, reference), answering = _reference(config, against), {}
    inspection = inspect(config, paths) if described is None else Inspection(_profile(described))
    differences = distance.compare(reference.sample, inspection.profile.sample, seed=config.run.seed)
    figures: dict[str, Any] = {
        "drift": distance.summarize(differences, alpha=config.drift.alpha, threshold=config.drift.threshold),
        "reference": {"name": name, **_counts(reference), **({"model": answering} if answering else {})},
        "current": {**_counts(inspection.profile), "refused": inspection.refused},
        "alpha": config.drift.alpha,
        "noticed_from": distance.noticed_from(
            reference.described, inspection.profile.described, config.drift.alpha
        ),
        "threshold": config.drift.threshold,
    }
    if described is None:
        figures["refused"] = _refused(inspection.issues)
        figures["notes"] = told.count(inspection.issues)
    if folder is not None:
        pictures = _strangest(reference, inspection, config.validation.max_pixels)
        page = report.context(figures, reference.sample, inspection.profile.sample, pictures)
        with outputs.staged(folder) as private:
            private.mkdir()
            outputs.write_json(private / "drift.json", figures)
            outputs.write_text(private / "report.html", pages.render("drift.html", page))
    _show(figures, as_json=as_json)
    told.tell_refused(inspection.issues, "drift --json")
    return DRIFT if figures["drift"]["detected"] else 0


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


def _refused(issues: Sequence[Issue]) -> list[dict[str, str]]:
    """Say which files were refused, and why."""
    refused = sorted({issue for issue in issues if issue.severity == "quarantined"})
    return [
        {"path": printable(issue.path), "reason": issue.issue, "detail": printable(issue.detail)}
        for issue in refused
    ]


def _reference(config: Config, against: str) -> tuple[str, Profile]:
    """Read what is compared with, and say what it is."""
    if against == CHAMPION:
        from pipeline.registry import champion, succession  # MLflow comes with it

        registered = champion.find(succession.of(config).store, config.track.model_name)
        if registered is None:
            raise ValueError(
                "a champion must be registered, with a profile of its data. Received: none. Promote a model, "
                f"or name a bundle's folder or a profile: --against {config.paths.models}."
            )
        return f"champion, version {registered.version}", registered.profile
    path = Path(against) / names.PROFILE if Path(against).is_dir() else Path(against)
    if not path.is_file():
        raise ValueError(
            "--against must be `champion`, a bundle's folder or a profile. "
            f"Received: {against}, and there is no {path}."
        )
    return Path(against).name, profile.read(path)


def _of_model(config: Config, candidate: Candidate) -> tuple[str, Profile, dict[str, str]]:
    """Read the profile of a model's data; of a registered version, that file alone is fetched."""
    if candidate.version is None:
        folder = candidate.fetch(config.paths.models)
        return candidate.name, profile.read(folder / names.PROFILE), origin.record(folder, candidate.name)
    from pipeline.registry import champion

    store, name, number, sha256 = candidate.version
    described = champion.profile_of(store, name, number)
    learnt = f"{described.files:,} radiographs, those of test among them"
    return candidate.name, described, {"name": candidate.name, "sha256": sha256[:12], "learnt_from": learnt}


def _profile(path: Path) -> Profile:
    """Read a profile, or a server's records."""
    if not path.exists():
        raise ValueError(
            "a profile must be reports/validate/profile.json of a run, or what `fracture serve --seen` "
            f"fills. Received: {path}, which is missing."
        )
    return served.read(path) if path.is_dir() or path.suffix == served.SUFFIX else profile.read(path)


def _counts(described: Profile) -> dict[str, Any]:
    labels = described.sample.get("fractured")
    share = {} if labels is None else {"fractured_share": float(labels.mean())}
    return {"files": described.files, "groups": described.groups, **share}


def _strangest(reference: Profile, inspection: Inspection, max_pixels: int) -> list[dict[str, Any]]:
    """Show the new radiographs that are least like any of the reference."""
    if not inspection.described:
        return []
    away = distance.strangeness(reference.sample["picture"], inspection.profile.sample["picture"])
    chosen = [inspection.described[row] for row in np.argsort(-away, kind="stable")[:_STRANGEST]]
    pictures = []
    for path in chosen:
        with contextlib.suppress(images.ImageFault):  # gone since it was described
            pictures.append(report.picture(printable(path.name), images.read(path, max_pixels).pixels))
    return pictures


def _show(figures: Mapping[str, Any], *, as_json: bool) -> None:
    """Print all figures, or a line a property and the verdict."""
    summary = figures["drift"]
    if as_json:
        sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    else:
        rows = [
            (name, *(pages.decimals(each[key]) for key in ("distance", "p_value", "psi")))
            for name, each in summary["properties"].items()
        ]
        verdict = "drift" if summary["detected"] else "no drift"
        if not summary["score"] and figures["noticed_from"] >= 1:
            verdict = "too few to tell"
        rows.append(("score", pages.decimals(summary["score"]), "", verdict))
        terminal.show(("Property", "Distance", "p", "PSI"), rows)
    log.info(
        "drift: %d groups against %d of %s, %d files refused",
        figures["current"]["groups"],
        figures["reference"]["groups"],
        figures["reference"]["name"],
        figures["current"]["refused"],
    )
    if not summary["detected"]:
        _tell_power(figures["current"]["groups"], figures["noticed_from"])


def _tell_power(groups: int, noticed_from: float) -> None:
    """Say what "no drift" means: of a few radiographs, nothing."""
    if noticed_from >= 1:
        log.warning("drift: %d are too few: no distance would be noticed. Name more radiographs.", groups)
    else:
        log.info("drift: with %d, a distance below about %.2f goes unnoticed", groups, noticed_from)
