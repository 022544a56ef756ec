"""The picture of one finding: the radiograph with its map, regions and words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import addresses
from pipeline.files.faults import severity
from pipeline.files.printable import printable
from pipeline.predict.bundle import Bundle, Finding
from pipeline.region_maps import overlays
from pipeline.region_maps.legend import Label
from pipeline.validate import intake


def draw(
    path: Path,
    admitted: intake.Admitted,
    finding: Finding,
    loaded: Bundle,
    colormap: str,
    model: str = "",
) -> NDArray[np.uint8]:
    """Draw a finding over its radiograph, with warnings and the model below; a negative is set right."""
    of_file = [issue.issue for issue in admitted.issues]
    warnings = [_warnings("file", of_file), _warnings("model", [note.code for note in loaded.notes])]
    return overlays.overlay(
        finding.placement.set_right(admitted.radiograph.pixels),
        finding.region_map,
        finding.regions,
        loaded.region_settings.map_threshold,
        label=Label(
            printable(addresses.shown(path)),
            finding.probability,
            finding.decision,
            warnings="; ".join(filter(None, warnings)),
            model=model and f"model: {model}",
        ),
        colormap=colormap,
    )


def _warnings(of: str, codes: Iterable[str]) -> str:
    """Join the codes that need a look; empty where none does."""
    words = ", ".join(code.replace("_", " ") for code in dict.fromkeys(codes) if severity(code) == "warning")
    return f"{of}: {words}" if words else ""
