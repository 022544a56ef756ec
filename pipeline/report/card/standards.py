"""The pages of ``docs/standards`` that say what the released model answers, made from its files.

    python -m pipeline.report.card.standards

Reads ``figures.json`` and ``model_card.md`` of the release, and of ``docs/standards`` what people answered
(``answers.csv``) and the pages written by hand, whose answers are counted. Writes a page a guideline, and the
index.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from posixpath import relpath

from pipeline.dataset import released
from pipeline.dataset.names import CARD, FIGURES
from pipeline.files import outputs
from pipeline.report import pages
from pipeline.report.card import answers
from pipeline.report.card import checklists as lists
from pipeline.report.card.answers import STATES, Answer

FOLDER = "docs/standards"
PAGES = {lists.TRIPOD_AI: "tripod-ai.md", lists.CLAIM: "claim.md"}
_COUNTED = ("change-control.md", "data-sheet-phantoms.md", "data-sheet-released.md")
_STATE = re.compile(rf"\| ({'|'.join(STATES)}) \|")


def render(repository: Path) -> dict[str, str]:
    """Make the pages.

    Parameters
    ----------
    repository
        Its top.

    Returns
    -------
    dict
        Name below `FOLDER` to text.

    Raises
    ------
    ValueError
        There is no released model.
    """
    release = released.find(repository / "models")
    if release is None:
        raise released.ReleaseError(
            "the standards are answered for a released model. Received: none in models/released. "
            "`fracture release` makes one."
        )
    folder = repository / FOLDER
    made = {page: _page(name, release, folder) for name, page in PAGES.items()}
    texts = made | {page: (folder / page).read_text(encoding="utf-8") for page in _COUNTED}
    counts = {page: counted(text) for page, text in texts.items()}
    return made | {"index.md": pages.render("standards.md", {"release": release.name, "counts": counts})}


def counted(page: str) -> Counter[str]:
    r"""Count the states in the tables of a page.

    Examples
    --------
    >>> counted("| why | answered | a |\n| who | answered | b |")["answered"]
    2
    """
    return Counter(_STATE.findall(page))


def _page(name: str, release: Path, folder: Path) -> str:
    """Make the page of one guideline."""
    figures = json.loads((release / FIGURES).read_text(encoding="utf-8"))
    titles = re.findall(r"^## (.+)$", (release / CARD).read_text(encoding="utf-8"), re.MULTILINE)
    by_hand = _by_hand(folder / "answers.csv", name)
    given = [answers.of(item, titles, figures) for item in lists.ITEMS[name]]
    rows = [_row(answer, by_hand.get(answer.item.number, {})) for answer in given]
    states = Counter(row["state"] for row in rows)
    context = {"name": name, "doi": lists.DOI[name], "release": release.name, "rows": rows, "states": states}
    return pages.render("standard.md", context)


def _by_hand(path: Path, name: str) -> dict[str, dict[str, str]]:
    """Read what people answered, item by item: in words, where it stands, what it lacks and who could say."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["number"]: row for row in csv.DictReader(file) if row["guideline"] == name}


def _row(answer: Answer, by_hand: Mapping[str, str]) -> dict[str, str]:
    """Lay an answer out; what a person answered goes before what a run could."""
    item, state, lacks = answer.item, answer.state, answer.lacks
    if by_hand:
        lacks = by_hand["lacks"]
        state = answers.IN_PART if lacks else answers.ANSWERED
    who = by_hand.get("who") or answer.who
    places = [_link(place) for place in (item.place, by_hand.get("place", "")) if place]
    card = f"card, “{answer.section}”" if answer.section else ""
    return {
        "number": item.number,
        "asks_for": item.asks_for,
        "state": state,
        "where": "; ".join(filter(None, (by_hand.get("answer", ""), card, *places))),
        "figures": ", ".join(f"`{key}` {figure}" for key, figure in answer.figures),
        "lacks": f"{lacks} ({who})" if lacks else "",
    }


def _link(place: str) -> str:
    """Link a page of the documentation; name any other file."""
    if place.startswith("docs/") and place.endswith(".md"):
        return f"[{Path(place).stem}]({relpath(place, FOLDER)})"
    return f"`{place}`"


def main() -> None:
    """Write the pages into the repository of the working folder."""
    for name, text in render(Path()).items():
        outputs.write_text(Path(FOLDER) / name, text)


if __name__ == "__main__":
    main()
