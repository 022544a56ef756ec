"""Names of files and columns that several rooms share, each said once."""

from __future__ import annotations

# What the stage `report` makes of each stage's files; it stands in that stage's report folder.
PAGES = {
    "validate": ("report.html",),
    "preprocess": ("report.html",),
    "train": ("report.html",),
    "evaluate": ("report.html", "model_card.html", "model_card.md", "figures"),
    "region_maps": ("report.html",),
}

# The drawn cases of region maps: one JPEG each, the radiograph without its map under the same name in PLAIN,
# and a table that says whose they are.
OVERLAYS, PLAIN, OVERLAY_INDEX = "overlays", "plain", "index.csv"
CASES = ("confident_errors", "misses", "false_alarms", "hits")
