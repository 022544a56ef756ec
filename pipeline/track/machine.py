"""How busy the machine is while a stage runs: MLflow's own monitors, read in a thread of their own.

MLflow has a thread that does this, too, but at its end a stage would wait for it as long as that waits for
a dead server. Here the stage does not wait, and logging ends at the first failure.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

from pipeline.track.secrets import without_password

log = logging.getLogger(__name__)

_PERIOD_S = 5.0
_LAST_WORD_S = 1.0  # that a stage waits for at its end

LogFigures = Callable[[dict[str, float], int], None]


@contextmanager
def watched(log_figures: LogFigures, period_s: float = _PERIOD_S) -> Iterator[None]:
    """Pass on the figures of processor, memory, disk, network and graphics card, every few seconds.

    Parameters
    ----------
    log_figures
        Takes the figures and the number of the period; called from another thread.
    """
    over = Event()
    thread = Thread(target=_watch, args=(log_figures, over, period_s), name="machine", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_LAST_WORD_S)


def _watch(log_figures: LogFigures, over: Event, period_s: float) -> None:
    """Log until it is over; a stage shorter than a period is logged once, at its end."""
    try:
        monitors, step, last = _monitors(), 0, False
        _collect(monitors)  # the processor's first figure is of no time at all
        while not last:
            last = over.wait(period_s)
            log_figures(_collect(monitors), step)
            step += 1
    except Exception as error:
        log.warning("how busy the machine is cannot be said: %s", without_password(str(error)))


def _collect(monitors: list[Any]) -> dict[str, float]:
    """Read all monitors once."""
    figures: dict[str, float] = {}
    for monitor in monitors:
        monitor.collect_metrics()
        figures |= monitor.aggregate_metrics()
        monitor.clear_metrics()
    return figures


def _monitors() -> list[Any]:
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

    kinds: list[Callable[[], Any]] = [CPUMonitor, DiskMonitor, NetworkMonitor, GPUMonitor]
    monitors = []
    for kind in kinds:
        with suppress(Exception):  # that of the graphics card raises where there is none
            monitors.append(kind())
    return monitors
