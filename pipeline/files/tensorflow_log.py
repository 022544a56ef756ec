"""TensorFlow without the lines that it logs, while it is imported, whatever TF_CPP_MIN_LOG_LEVEL says.

TensorFlow heeds that variable once it is loaded. What it says before (how it was built, that there is no GPU)
is filtered by the same rule, in a process of its own, so that a crash while it loads loses none of its words.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec, PathFinder

_SEVERITIES = "IWE"  # a line of its log begins so; level 1 hides the first, 3 all of them; F, fatal, is shown
_FILTER = r"""
import re, sys
hidden = re.compile(rb"[%s]\d{4} \d\d:\d\d:\d|WARNING: All log messages before absl::InitializeLog")
for line in sys.stdin.buffer:
    if not hidden.match(line):
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
"""


def filter_imports() -> None:
    """Let ``import tensorflow``, wherever it stands and whoever says it, go through `filtered`."""
    sys.meta_path.insert(0, _Finder())


@contextmanager
def filtered() -> Iterator[None]:
    """Hide lines of log below ``TF_CPP_MIN_LOG_LEVEL`` from standard error; the rest comes through."""
    level = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0")
    hidden = _SEVERITIES[: int(level)] if level.isdecimal() else ""
    if not hidden or sys.stderr is None:
        yield
        return
    ours = os.dup(2)
    reader = subprocess.Popen([sys.executable, "-I", "-S", "-c", _FILTER % hidden], stdin=subprocess.PIPE)
    try:
        os.dup2(reader.stdin.fileno(), 2)  # type: ignore[union-attr]
        yield
    finally:
        os.dup2(ours, 2)
        os.close(ours)
        reader.stdin.close()  # type: ignore[union-attr]
        with suppress(subprocess.TimeoutExpired):  # another process may hold its end, and write there yet
            reader.wait(timeout=2)


class _Finder:
    """A finder of TensorFlow alone."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        """Find TensorFlow as Python does, and have it loaded in silence."""
        spec = PathFinder.find_spec(name, path) if name == "tensorflow" else None
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = filtered()(spec.loader.exec_module)  # type: ignore[method-assign]
        return spec
