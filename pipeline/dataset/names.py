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
