"""The page of `preprocess`: what was changed on the way to the network's canvas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.report import pages, results


def documents(config: Config) -> dict[str, str]:
    """Make the page of what the stage wrote: name to text."""
    folder = config.paths.report("preprocess")
    examples = results.table(folder / "examples" / "index.csv")
    context = {
        "figures": results.figures(folder),
        "settings": config.preprocess.model_dump(),
        "examples": [_example(row, folder / "examples") for row in examples.itertuples()],
    }
    return {"report.html": pages.render("preprocess.html", context)}


def _example(row: Any, folder: Path) -> dict[str, str]:
    before, after = (pages.data_uri((folder / name).read_bytes()) for name in (row.before, row.after))
    negative = "negative set right; " if row.inverted else ""
    caption = f"{negative}{row.cropped:.0%} of the area cropped"
    return {"before": before, "after": after, "title": row.path, "caption": caption}
