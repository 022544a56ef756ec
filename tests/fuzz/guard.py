"""What no input may cost: five seconds of computing, or a gibibyte; and where an input lies that did."""

from __future__ import annotations

import contextlib
import faulthandler
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

SECONDS = 5
GIB = 2**30
_STATUS, _REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Excess(Exception):
    """More memory than an input may cost."""


def limit_memory() -> None:
    """Stop this process before it takes the machine's memory: at three times what an input may cost."""
    most = _kib("VmSize") * 1024 + 3 * GIB
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """End this process with a traceback after five seconds of its computing; raise `Excess` after a gibibyte.

    Time that passes while others compute does not count.
    """
    faulthandler.register(signal.SIGPROF, chain=True)
    _REFS.write_text("5", encoding="ascii")  # the peak begins anew
    before = _kib("VmRSS")
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        if (cost := (_kib("VmHWM") - before) * 1024) > GIB:
            raise Excess(f"an input cost {cost / GIB:.1f} GiB; at most 1 is allowed")


def _kib(field: str) -> int:
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
