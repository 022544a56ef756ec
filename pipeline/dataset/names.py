"""Names of files that several rooms share, each defined once.

Names of columns stand with their tables: `manifest`, `body_part`, `pipeline.preprocess.shards`.
"""

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
# and a table of the radiographs that they belong to.
OVERLAYS, PLAIN, OVERLAY_INDEX = "overlays", "plain", "index.csv"
CASES = ("confident_errors", "misses", "false_alarms", "hits")

# The model bundle; the profile stands in the report of `validate`, too.
CLASSIFIER, OPERATING_POINTS = "classifier.keras", "operating_points.json"
GRAPH = "classifier.onnx"  # how the classifier computes, without its weights
REGION_MAPS, PREPROCESS, BUNDLE = "region_maps.json", "preprocess.json", "bundle.json"
PROFILE, SCOPE = "profile.json", "scope.npz"
ORIGIN = "origin.json"  # what it learnt from, in a line
SITE = "site.json"  # only where `recalibrate` made it: for which place, from what

# What a release holds besides; see pipeline/commands/release.py.
RELEASE, FIGURES, CARD = "release.json", "figures.json", "model_card.md"
ATTRIBUTION, LEARNT = "ATTRIBUTION.md", "learnt.npy"

# Tables and figures of the stages, in their report folders.
MAP_ROWS, REGIONS = ("radiographs.csv", "marks.csv"), "regions.coco.json"
METRICS, ISSUES, PREDICTIONS = "metrics.json", "issues.csv", "predictions.csv"
SHORTCUT_SCORES, ATTRIBUTES = "null_scores.csv", "attributes.csv"
