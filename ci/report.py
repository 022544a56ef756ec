"""Write the pull request's comment: the gate's report, the comparison with the champion, the region maps.

Reads ``reports/promote/`` and ``reports/region_maps/overlays/``. Writes into ``reports/retrain/``:
``comment.md``, ``maps.md`` with its pictures in ``maps/``, and ``comparison.html``, where the maps of both
models stand beside each other. Maps are kept apart from the comment because they show patients' radiographs:
`ci.propose` shows them only where SHOW_MAPS allows it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ci import gate

FOLDER = Path("reports/retrain")
_OVERLAYS = Path("reports/region_maps/overlays")
_COLUMNS = 2


def main() -> None:
    """Write the three."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    decision = json.loads((gate.REPORT / "gate.json").read_text(encoding="utf-8"))
    candidate, champion = decision["candidate"], decision["champion"]
    if champion == candidate:
        text = f"# Version {candidate} is champion already\n"
    else:
        text = (gate.REPORT / "gate.md").read_text(encoding="utf-8")
    if champion not in (None, candidate):
        text += "\n" + compare(f"version:{champion}")
    (FOLDER / "comment.md").write_text(text, encoding="utf-8")
    pictures = sorted(_OVERLAYS.glob("*.jpg"))
    shutil.copytree(_OVERLAYS, FOLDER / "maps", ignore=shutil.ignore_patterns("index.csv", "plain"))
    (FOLDER / "maps.md").write_text(gallery([path.name for path in pictures]), encoding="utf-8")


def compare(champion: str) -> str:
    """Compare the champion with the working folder: Markdown, and a page beside it; or why that cannot be."""
    command = ["fracture", "compare", champion, "workspace"]
    page = subprocess.run(
        [*command, "--out", str(FOLDER / "comparison.html")], check=False, stderr=subprocess.PIPE, text=True
    )
    sys.stderr.write(page.stderr)
    if page.returncode:
        lines = page.stderr.strip().splitlines() or [f"exit code {page.returncode}"]
        return f"There is no comparison with {champion}: {lines[-1]}\n"
    return folded(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def folded(comparison: str) -> str:
    """Fold the figures of the stages away, whose headings alone begin with a small letter."""
    head, *stages = re.split(r"^(?=## [a-z])", comparison, flags=re.MULTILINE)
    if not stages:
        return comparison
    return f"{head}<details><summary>All figures</summary>\n\n{''.join(stages)}\n</details>\n"


def gallery(names: Sequence[str]) -> str:
    """Lay the pictures out in rows, each called by its kind; whose it is stands in the picture itself."""
    cells = [f"![{name.removesuffix('.jpg').replace('_', ' ')}](maps/{name})" for name in names]
    cells += [""] * (-len(cells) % _COLUMNS)
    rows = [cells[start : start + _COLUMNS] for start in range(0, len(cells), _COLUMNS)]
    lines = [[""] * _COLUMNS, ["---"] * _COLUMNS, *rows]
    return "## Region maps\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
