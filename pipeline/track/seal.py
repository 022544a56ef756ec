"""The files of a registered version under seal: a list of their sha256s, whose own the registry holds."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.files import outputs

LIST = "sha256.json"  # beside MLmodel
TAG = "files.sha256"  # of the version


def seal(model: Path) -> str:
    """Write the list of a model's files into its folder, and return the list's sha256."""
    text = json.dumps(_hashes(model), indent=1, sort_keys=True) + "\n"
    (model / LIST).write_text(text, encoding="utf-8", newline="\n")
    return outputs.sha256(model / LIST)


def broken(model: Path, expected: str) -> str:
    """Say which file of a model is not the one that was registered; empty where all are.

    Parameters
    ----------
    expected
        What `seal` returned, as the registry holds it.
    """
    if not (model / LIST).is_file() or outputs.sha256(model / LIST) != expected:
        return f"{LIST}, which lists its files, is missing or changed"
    listed, found = json.loads((model / LIST).read_text(encoding="utf-8")), _hashes(model)
    different = sorted(name for name in listed.keys() | found.keys() if listed.get(name) != found.get(name))
    if not different:
        return ""
    name = different[0]
    return (
        f"{name} is {'missing' if name not in found else 'changed' if name in listed else 'not one of them'}"
    )


def _hashes(model: Path) -> dict[str, str]:
    files = sorted(path for path in model.rglob("*") if path.is_file() and path != model / LIST)
    return {path.relative_to(model).as_posix(): outputs.sha256(path) for path in files}
