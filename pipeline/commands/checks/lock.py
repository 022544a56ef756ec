"""``dvc.lock`` after a full disk, a power cut or ``kill -9``: what is wrong, and how it is brought back."""

from __future__ import annotations

import shutil
import subprocess
from itertools import count
from pathlib import Path

FILE = Path("dvc.lock")


def fault() -> str:
    """Say why DVC cannot read it; empty where it can, or where there is none."""
    return _fault_of(FILE.read_bytes()) if FILE.is_file() else ""


def mend() -> str:
    """Bring back git's version, else start anew; return what was done, nothing where nothing was to be.

    A copy of the broken file stays beside it. What git does not know, `dvc repro` finds in the run cache.
    """
    if not (wrong := fault()):
        return ""
    names = (FILE.with_name(f"{FILE.name}.broken{number or ''}") for number in count())
    copy = next(path for path in names if not path.exists())
    shutil.copy2(FILE, copy)
    kept = f"{FILE} {wrong}; a copy is {copy}."
    committed = _committed()
    if committed and not _fault_of(committed):
        private = FILE.with_name(f".{FILE.name}.new")
        private.write_bytes(committed)
        private.replace(FILE)
        return f"{kept} The version that git knows is back: run `dvc repro`."
    FILE.unlink()
    return f"{kept} It was removed: `dvc repro` makes it anew, from the run cache where nothing changed."


def _fault_of(data: bytes) -> str:
    import yaml

    if not data.strip(b" \t\r\n\0"):
        return "is empty"
    try:
        content = yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # as fast as DVC
    except (yaml.YAMLError, ValueError):
        return "is torn"
    return "" if isinstance(content, dict) and "schema" in content and _is_whole(content) else "is torn"


def _is_whole(content: dict[str, object]) -> bool:
    """Whether no part of it lacks what DVC asks of it: a cut between two lines leaves sound YAML."""
    try:
        from dvc.schema import COMPILED_LOCKFILE_SCHEMA
        from voluptuous import Invalid
    except ImportError:  # another check tells that DVC is missing
        return True
    try:
        COMPILED_LOCKFILE_SCHEMA(content)
    except Invalid:
        return False
    return True


def _committed() -> bytes:
    command = ["git", "show", f"HEAD:./{FILE}"]
    try:
        return subprocess.run(command, capture_output=True, check=False).stdout
    except OSError:
        return b""
