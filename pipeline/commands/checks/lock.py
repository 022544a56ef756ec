"""DVC's own files after a full disk, a power cut or ``kill -9``: what is wrong, and how it is mended.

``dvc.lock`` says what was made of what; `RUNNING` names commands of DVC that run. DVC writes neither at once.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import chain, count
from pathlib import Path

FILE = Path("dvc.lock")
RUNNING = Path(".dvc/tmp/rwlock")


def fault() -> str:
    """Say why DVC cannot read it; empty where it can, or where there is none."""
    return _fault_of(FILE.read_bytes()) if FILE.is_file() else ""


def holders() -> list[tuple[int, str]]:
    """Read which processes hold something of DVC's, and for which command.

    Raises
    ------
    ValueError
        The file is torn, and no command of DVC goes on.
    """
    try:
        content = json.loads(RUNNING.read_text(encoding="utf-8"))
        writers, readers = (content.get(kind, {}).values() for kind in ("write", "read"))
        return [(int(holder["pid"]), str(holder["cmd"])) for holder in (*writers, *chain(*readers))]
    except FileNotFoundError:
        return []
    except (ValueError, AttributeError, TypeError, LookupError) as error:
        raise ValueError(f"{RUNNING} is torn: DVC stops at it") from error


def mend() -> str:
    """Mend both files; return what was done, nothing where nothing was to be."""
    return " ".join(filter(None, (_mend_running(), _mend_lock())))


def _mend_running() -> str:
    try:
        holders()
        return ""
    except ValueError as error:
        RUNNING.unlink()
        return f"{error}; it was removed, since it names no more than commands that run."


def _mend_lock() -> str:
    """Bring back git's version, else start anew.

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
