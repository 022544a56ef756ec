"""Whether a process runs; a dead one keeps its number until somebody asks how it ended, perhaps for ever."""

from __future__ import annotations

import math


def runs(pid: int, began_by_s: float = math.inf) -> bool:
    """Whether the process of a number runs.

    Parameters
    ----------
    began_by_s
        Seconds of the clock: one that began later is another one, which got the number.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() < began_by_s)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
