"""``.keras`` archives whose bytes depend on their content alone.

Keras writes a date into ``metadata.json`` and the time of day into every zip entry, so two saves
of one model differ, and every stage behind the model would run again.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from pipeline.data import outputs

_EPOCH = (1980, 1, 1, 0, 0, 0)


def strip_dates(path: Path) -> None:
    """Rewrite a ``.keras`` archive with fixed dates and its entries in one order."""
    with zipfile.ZipFile(path) as source:
        entries = {name: source.read(name) for name in sorted(source.namelist())}
    entries["metadata.json"] = _dateless(entries["metadata.json"])
    with outputs.staged(path) as private, zipfile.ZipFile(private, "w", zipfile.ZIP_STORED) as target:
        for name, data in entries.items():
            target.writestr(zipfile.ZipInfo(name, _EPOCH), data)


def _dateless(metadata: bytes) -> bytes:
    values = json.loads(metadata)
    values.pop("date_saved", None)
    return json.dumps(values, sort_keys=True).encode()
