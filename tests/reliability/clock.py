"""A clock that is a day ahead, for commands and all that they start."""

from __future__ import annotations

import shutil
from pathlib import Path

# Python reads this module when it starts. `isinstance` still knows dates that C made.
_SITECUSTOMIZE = """
import datetime, time

class _Kind(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, _real)

_real = datetime.datetime

class Later(_real, metaclass=_Kind):
    @classmethod
    def now(cls, tz=None):
        return _real.now(tz) + datetime.timedelta(days=1)
    @classmethod
    def utcnow(cls):
        return _real.utcnow() + datetime.timedelta(days=1)
    today = now

datetime.datetime = Later
_time, _time_ns, _local, _utc = time.time, time.time_ns, time.localtime, time.gmtime
time.time = lambda: _time() + 86_400
time.time_ns = lambda: _time_ns() + 86_400 * 10**9
time.localtime = lambda seconds=None: _local(time.time() if seconds is None else seconds)
time.gmtime = lambda seconds=None: _utc(time.time() if seconds is None else seconds)
"""


def a_day_later(folder: Path) -> list[str]:
    """Return what to put before a command: libfaketime where it is there, else Python's clocks are moved."""
    if faketime := shutil.which("faketime"):
        return [faketime, "-f", "+1d"]
    (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE, encoding="utf-8")
    return ["env", f"PYTHONPATH={folder}"]
