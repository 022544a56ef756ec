"""A clock that is a day ahead, for a command and all that it starts."""

from __future__ import annotations

import shutil
from pathlib import Path

# Python reads this module when it starts. `datetime.now` stays: pandas is built on its very type.
_SITECUSTOMIZE = """
import time

_time, _time_ns, _local, _utc = time.time, time.time_ns, time.localtime, time.gmtime
time.time = lambda: _time() + 86_400
time.time_ns = lambda: _time_ns() + 86_400 * 10**9
time.localtime = lambda seconds=None: _local(time.time() if seconds is None else seconds)
time.gmtime = lambda seconds=None: _utc(time.time() if seconds is None else seconds)
"""


def a_day_later(folder: Path) -> list[str]:
    """Return what to put before a command: libfaketime where it is, else Python's `time` is moved."""
    if faketime := shutil.which("faketime"):
        return [faketime, "-f", "+1d"]
    (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE, encoding="utf-8")
    return ["env", f"PYTHONPATH={folder}"]
