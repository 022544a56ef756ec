"""What readers said on the reading page: how often they agree, and a folder for the next training."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from pipeline.commands import import_source, terminal
from pipeline.config import Config
from pipeline.feedback import agreement, store
from pipeline.feedback.agreement import Agreement
from pipeline.importing.record import Options

log = logging.getLogger(__name__)

_HEAD = ("Week", "Model", "Radiographs", "Readings", "Agreed", "95 % interval", "Kappa")


def run(
    config: Config,
    folder: Path | None,
    out: Path | None,
    options: Options,
    *,
    train_only: bool,
    as_json: bool,
) -> None:
    """Print agreement over time; where ``out`` is given, write labels and annotations there first.

    Parameters
    ----------
    folder
        Of the readings; None for that of the settings.
    options
        Of them ``copy`` alone counts.
    train_only
        Put all into ``train``.

    Raises
    ------
    ValueError
        There are no readings, none can be used, or ``out`` holds something else.
    """
    source = folder or config.feedback.folder
    if not (source / store.READINGS).is_dir():
        raise ValueError(
            f"feedback needs the folder that the reading page fills. Received: {source}, without "
            f"{store.READINGS}/. Save a reading on the page of `fracture serve`, or name the folder."
        )
    readings = store.sound(source)
    if not readings:
        raise ValueError(f"feedback needs readings. Received: {source}, without a sound one.")
    weeks = agreement.over_time(readings)
    written = out and import_source.bring("feedback", source, out, options, train_only=train_only)
    if as_json:
        values = {"agreement": [week._asdict() for week in weeks], "written": written}
        sys.stdout.write(json.dumps(values, indent=1) + "\n")
        return
    if written:
        import_source.show(written, as_json=False)
        sys.stdout.write("\n")
    terminal.show(_HEAD, map(_row, weeks))
    if not weeks:
        log.info(
            "feedback: %d readings; none of an answer on which model and reader both commit themselves",
            len(readings),
        )


def _row(week: Agreement) -> tuple[str, ...]:
    interval = f"{week.low:.3f} to {week.high:.3f}"
    kappa = "" if week.kappa is None else f"{week.kappa:.3f}"
    counts = str(week.radiographs), str(week.readings)
    return week.week, week.model, *counts, f"{week.share:.3f}", interval, kappa
