"""``.keras`` archives whose bytes depend on their content alone.

Keras writes a date into ``metadata.json``, the time of day into every zip entry, and memory
addresses into ``config.json``, so two saves of one model differ, and every stage behind the model
would run again. It writes the modules of our layers' classes, too, though it finds them by their registered
names: an archive names the modules of its first days, so that code may move and weights keep their bytes.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.files import outputs

_EPOCH = (1980, 1, 1, 0, 0, 0)
_PASSING = ("date_saved", "shared_object_id")  # the latter is where an object lay in memory
_MODULES = {
    "fracture>AttentionPooling": "pipeline.model.pooling",
    "fracture>DepthwiseConv2D": "pipeline.model.depthwise",
    "fracture>Distances": "pipeline.network.box_head",
    "fracture>LogSumExpPooling": "pipeline.model.pooling",
    "fracture>PartHead": "pipeline.model.parts",
    "fracture>ProbabilisticPooling": "pipeline.model.pooling",
}


def make_repeatable(path: Path) -> None:
    """Rewrite a ``.keras`` archive without dates and addresses, its entries in one order."""
    with zipfile.ZipFile(path) as source:
        entries = {name: source.read(name) for name in sorted(source.namelist())}
    for name in ("metadata.json", "config.json"):
        entries[name] = json.dumps(_lasting(json.loads(entries[name]))).encode()
    write(path, entries)


def write(path: Path, entries: Mapping[str, bytes]) -> None:
    """Write an archive's files, whole or not at all, without dates."""
    with outputs.staged(path) as private, zipfile.ZipFile(private, "w", zipfile.ZIP_STORED) as target:
        for name, data in entries.items():
            target.writestr(zipfile.ZipInfo(name, _EPOCH), data)


def _lasting(value: Any) -> Any:
    """Leave out what the next save would write otherwise."""
    if isinstance(value, dict):
        if (name := value.get("registered_name")) in _MODULES:
            value = value | {"module": _MODULES[name]}
        return {key: _lasting(item) for key, item in value.items() if key not in _PASSING}
    return [_lasting(item) for item in value] if isinstance(value, list) else value
