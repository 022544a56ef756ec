"""Put the registered model of the working folder before the gate, and make it champion if it passes.

The gate reads the folder's own data and reports, which must be those that ``dvc.lock`` records, and lets
the champion examine the same test radiographs. Writes ``reports/promote/gate.md`` and one line of the
ledger. See :mod:`pipeline.registry.promotion` for the rules.
"""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from pipeline.config import Config
from pipeline.dataset import manifest
from pipeline.files import outputs
from pipeline.registry import candidate, ledger, promotion, site_record, succession
from pipeline.registry.evidence import Champion, Decision, Rule
from pipeline.registry.ledger import Entry, Model
from pipeline.registry.succession import Succession
from pipeline.report import markdown, pages
from pipeline.track.outage import StoreError

log = logging.getLogger(__name__)

REFUSED = 4  # exit code
_VERDICTS = {True: "passed", False: "FAILED", None: "not asked"}


def run(
    config: Config,
    version: str | None,
    *,
    dry_run: bool,
    reason: str,
    actor: str | None,
    as_json: bool,
    fitted: Path | None = None,
    radiographs: Path | None = None,
) -> int:
    """Decide, report, promote, and return the exit code.

    Parameters
    ----------
    version
        What the caller believes the working folder's version to be; None for no matter.
    dry_run
        Decide and report only.
    reason
        Why; it also admits a version again that was rolled back.
    actor
        Who promotes; None for git's user.
    fitted
        Folder of a bundle that was fitted to a place; None for that of the settings.
    radiographs
        Of that place, as `recalibrate` read them.

    Returns
    -------
    int
        0 where the model is champion, or would be; 4 where the gate refuses it.

    Raises
    ------
    ValueError
        There is no such candidate, or the champion cannot be run.
    """
    line = succession.of(config)
    entries = line.sync()
    model = candidate.identify(config.with_models(fitted), line, version)
    if entries and entries[-1].champion.bundle == model.bundle:
        log.info("promote: version %s is champion already", model.version)
        if as_json:
            _print(Decision(model.version, model.version, ()))
        return 0
    admit = bool(reason)
    if fitted is None:
        decision, rows = decide(config, line, entries, model, admit=admit)
    else:
        decision, rows = decide_site(config, fitted, radiographs, line, entries, model, admit=admit)
    report = config.paths.report("promote") / "gate.md"
    outputs.write_text(report, gate_report(decision, rows))
    if not dry_run:
        _note(line, decision, report)
    if decision.promoted and not dry_run:
        figures = {rule.name: _finite(rule.figure) for rule in decision.rules}
        entry = succession.draft(entries, model, actor=actor, reason=reason, figures=figures)
        line.advance(entry, entries)
    if as_json:
        _print(decision)
    _log_outcome(decision, report, dry_run=dry_run)
    return 0 if decision.promoted else REFUSED


def decide(
    config: Config, line: Succession, entries: Sequence[Entry], model: Model, *, admit: bool
) -> tuple[Decision, pd.DataFrame]:
    """Gather the evidence and apply the rules; return the decision and the test radiographs.

    Parameters
    ----------
    admit
        Whether the model may come back after a rollback.
    """
    files = manifest.read(config.paths.manifest)
    rows = candidate.tested(config, files)
    withdrawn = "" if admit else ledger.withdrawn(entries, model.bundle)
    challenger = candidate.describe(config, files, rows, model.version, withdrawn)
    champion = _champion(config.data.root, line, entries, files, rows)
    return promotion.decide(challenger, champion, config.promote), rows


def decide_site(
    config: Config,
    folder: Path,
    radiographs: Path | None,
    line: Succession,
    entries: Sequence[Entry],
    model: Model,
    *,
    admit: bool,
) -> tuple[Decision, pd.DataFrame]:
    """Likewise for a bundle that was fitted to a place, on the place's radiographs.

    Raises
    ------
    ValueError
        It was fitted to none, or there is a champion and the radiographs are not at hand.
    """
    fitted = site_record.read(config, folder)
    if fitted is None:
        raise ValueError(f"--bundle must have been fitted by `fracture recalibrate`. Received: {folder}.")
    if entries:
        site_record.require_radiographs(fitted.rows, radiographs, folder)
    rolled_back = (ledger.withdrawn(entries, bundle) for bundle in (model.bundle, fitted.record["base"]))
    withdrawn = "" if admit else next(filter(None, rolled_back), "")
    files = manifest.read(config.paths.manifest)
    challenger = candidate.describe_site(config, fitted, files, model.version, withdrawn)
    champion = _champion(radiographs or Path(), line, entries, fitted.rows, fitted.rows)
    return promotion.decide(challenger, champion, config.promote), fitted.rows


def _champion(
    root: Path, line: Succession, entries: Sequence[Entry], files: pd.DataFrame, rows: pd.DataFrame
) -> Champion | None:
    return candidate.champion(root, line, entries[-1].champion, files, rows) if entries else None


def gate_report(decision: Decision, rows: pd.DataFrame) -> str:
    """Write the verdict and every rule in Markdown."""
    failed = [rule.name for rule in decision.rules if rule.passed is False]
    verdict = f"is refused: {', '.join(failed)}" if failed else "passes the gate"
    beside = "There is no champion to compare it with."
    if decision.champion:
        beside = f"The champion, version {decision.champion}, examined the same radiographs."
    table = [(r.name, _VERDICTS[r.passed], _figure(r), r.bar, r.sentence) for r in decision.rules]
    asked = f"radiographs of {decision.place}" if decision.place else "test radiographs"
    return (
        f"# Version {decision.candidate} {verdict}\n\n"
        f"Asked on {len(rows)} {asked} in {rows['group'].nunique()} groups. {beside}\n\n"
        + markdown.table(("Rule", "Verdict", "Figure", "Bar", "What it says"), table)
        + "\nResearch software, not a medical device.\n"
    )


def _note(line: Succession, decision: Decision, report: Path) -> None:
    """Leave the verdict with the version, and the report with its run."""
    client = line.store.client
    verdict = "passed" if decision.promoted else "refused"
    client.set_model_version_tag(line.name, decision.candidate, "gate", verdict)
    run_id = client.get_model_version(line.name, decision.candidate).run_id
    if run_id:
        try:
            client.upload(run_id, report)
        except StoreError as error:  # the run may be deleted; the report on disk is the record
            log.warning("%s stays here alone: %s", report, error)


def _log_outcome(decision: Decision, report: Path, *, dry_run: bool) -> None:
    for rule in decision.rules:
        if rule.passed is False:
            log.warning("%s: %s, the bar is %s. %s", rule.name, _figure(rule), rule.bar, rule.sentence)
    outcome = "would be champion" if dry_run else "is champion"
    outcome = outcome if decision.promoted else "is refused"
    log.info("promote: version %s %s; see %s", decision.candidate, outcome, report)


def _figure(rule: Rule) -> str:
    if rule.name == promotion.GUARANTEED:
        return pages.promised(rule.figure)
    return str(rule.figure) if isinstance(rule.figure, int) else pages.decimals(rule.figure)


def _print(decision: Decision) -> None:
    rules = [asdict(rule) | {"figure": _finite(rule.figure)} for rule in decision.rules]
    plain = asdict(decision) | {"promoted": decision.promoted, "rules": rules}
    sys.stdout.write(json.dumps(plain, indent=1) + "\n")


def _finite(figure: float | None) -> float | None:
    return round(figure, 6) if figure is not None and math.isfinite(figure) else None
