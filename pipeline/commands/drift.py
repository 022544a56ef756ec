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
from typing import Any

import numpy as np

from pipeline.commands import destination, terminal
from pipeline.config import Config
from pipeline.dataset import names, profile
from pipeline.dataset.profile import Profile
from pipeline.drift import distance, inspection, served
from pipeline.drift.inspection import Inspection
from pipeline.files import images, outputs
from pipeline.files.printable import printable
from pipeline.predict import origin
from pipeline.registry import model_choice
from pipeline.registry.model_choice import Candidate
from pipeline.report import drift as report
from pipeline.report import pages
from pipeline.validate import told

log = logging.getLogger(__name__)

CHAMPION = "champion"
DRIFTED = 3  # exit code

_OUTPUTS = ("drift.json", "report.html")
_STRANGEST = 8


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
    inspected = inspection.inspect(config, paths) if described is None else Inspection(_profile(described))
    differences = distance.compare(reference.sample, inspected.profile.sample, seed=config.run.seed)
    figures: dict[str, Any] = {
        "drift": distance.summarize(differences, alpha=config.drift.alpha, threshold=config.drift.threshold),
        "reference": {"name": name, **_counts(reference), **({"model": answering} if answering else {})},
        "current": {**_counts(inspected.profile), "refused": inspected.refused},
        "alpha": config.drift.alpha,
        "noticed_from": distance.noticed_from(
            reference.described, inspected.profile.described, config.drift.alpha
        ),
        "threshold": config.drift.threshold,
    }
    if described is None:
        figures["refused"] = inspected.refusals
        figures["notes"] = told.count(inspected.issues)
    if folder is not None:
        pictures = _strangest(reference, inspected, config.validation.max_pixels)
        page = report.context(figures, reference.sample, inspected.profile.sample, pictures)
        with outputs.staged(folder) as private:
            private.mkdir()
            outputs.write_json(private / "drift.json", figures)
            outputs.write_text(private / "report.html", pages.render("drift.html", page))
    _show(figures, as_json=as_json)
    told.tell_refused(inspected.issues, "drift --json")
    return DRIFTED if figures["drift"]["detected"] else 0


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


def _strangest(reference: Profile, inspected: Inspection, max_pixels: int) -> list[dict[str, Any]]:
    """Show the new radiographs that are least like any of the reference."""
    if not inspected.described:
        return []
    away = distance.strangeness(reference.sample["picture"], inspected.profile.sample["picture"])
    chosen = [inspected.described[row] for row in np.argsort(-away, kind="stable")[:_STRANGEST]]
    pictures = []
    for path in chosen:
        with contextlib.suppress(images.ImageFault):  # gone since it was described
            pictures.append(report.picture(printable(path.name), images.read(path, max_pixels).pixels))
    return pictures


def _show(figures: Mapping[str, Any], *, as_json: bool) -> None:
    """Print all figures, or a line a property and the verdict."""
    summary = figures["drift"]
    verdict = distance.verdict(summary, figures["noticed_from"])
    if as_json:
        sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    else:
        rows = [
            (name, *(pages.decimals(each[key]) for key in ("distance", "p_value", "psi")))
            for name, each in summary["properties"].items()
        ]
        rows.append(("score", pages.decimals(summary["score"]), "", verdict))
        terminal.show(("Property", "Distance", "p", "PSI"), rows)
    log.info(
        "drift: %d groups against %d of %s, %d files refused",
        figures["current"]["groups"],
        figures["reference"]["groups"],
        figures["reference"]["name"],
        figures["current"]["refused"],
    )
    groups = figures["current"]["groups"]
    if verdict == distance.TOO_FEW:
        log.warning("drift: %d are too few: no distance would be noticed. Name more radiographs.", groups)
    elif verdict == distance.NONE:
        unnoticed = figures["noticed_from"]
        log.info("drift: with %d, a distance below about %.2f goes unnoticed", groups, unnoticed)
