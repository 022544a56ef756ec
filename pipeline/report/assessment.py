"""The page of `fracture assess`: the charts of both stages, of another folder of radiographs."""

from __future__ import annotations

from pathlib import Path

from pipeline.report import evaluation, pages, region_maps, results

_NO_BASELINE = {"name": None, "auroc": None}


def page(folder: Path, name: str) -> str:
    """Make the page from the figures, tables and pictures in a folder.

    Parameters
    ----------
    folder
        What `fracture assess` wrote.
    name
        Of the folder that was assessed.
    """
    maps, scores = region_maps.context(folder), results.figures(folder)["test"]
    drawn = evaluation.draw(folder, scores) | maps["charts"]
    context = maps | {"name": name, "scores": scores, "null": _NO_BASELINE, "charts": drawn}
    return pages.render("assess.html", context)
