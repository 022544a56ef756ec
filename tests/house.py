"""The house from the code's own imports: rooms, their lines, and arrows between them.

    python -m tests.house

A room is a folder of `pipeline`, or a file at its top. Imports inside functions count like all others.
"""

from __future__ import annotations

import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.imports import PACKAGE, REPOSITORY, direct

SOURCES = sorted(PACKAGE.rglob("*.py"))
# From the top. A file imports from its own room, or from rooms further down.
FLOORS = (
    "__main__", "cli", "commands", "stages", "node", "serve", "report", "registry", "track", "drift",
    "examine", "region_maps", "evaluate", "train", "predict", "importing", "feedback", "validate", "network",
    "preprocess", "phantoms", "dataset", "statistics", "files", "config", "addresses", "types",
    "__init__",
)  # fmt: skip

Graph = dict[Path, set[Path]]


def name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports() -> Graph:
    """Each file of the package to those that it imports."""
    return {file: direct(file) for file in SOURCES}


def lines() -> Counter[str]:
    """Lines of Python of each room."""
    counts: Counter[str] = Counter()
    for file in SOURCES:
        counts[room(file)] += len(file.read_text(encoding="utf-8").splitlines())
    return counts


def arrows(graph: Graph) -> Counter[tuple[str, str]]:
    """Pairs of rooms of which the first imports from the second, with the number of such imports."""
    pairs = ((room(file), room(other)) for file, others in graph.items() for other in others)
    return Counter(pair for pair in pairs if pair[0] != pair[1])


def upward(graph: Graph) -> list[str]:
    """Imports that do not lead down, file by file."""
    edges = ((file, other) for file, others in graph.items() for other in others)
    return [
        f"{name(file)} -> {name(other)}"
        for file, other in edges
        if room(file) != room(other) and FLOORS.index(room(file)) >= FLOORS.index(room(other))
    ]


def circle(graph: Graph) -> list[str]:
    """Name the files of one circle of imports; none where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [name(file) for file in error.args[1]]
    return []


def main() -> None:
    """Print the rooms with their lines and what they import, then what runs up or round."""
    graph = imports()
    between, sizes = arrows(graph), lines()
    for here in FLOORS:
        below = ", ".join(f"{there} {between[here, there]}" for there in FLOORS if between[here, there])
        sys.stdout.write(f"{here:12}{sizes[here]:6}  {below}\n" if sizes[here] else "")
    (largest, size), whole = sizes.most_common(1)[0], sizes.total()
    sys.stdout.write(f"{whole} lines; the largest room, {largest}, holds {size / whole:.1%}\n")
    up, round_ = upward(graph), circle(graph)
    sys.stdout.write(f"{len(up)} upward arrows, {1 if round_ else 0} circles\n")
    sys.stdout.writelines(f"  {line}\n" for line in [*up, *([" -> ".join(round_)] if round_ else [])])


if __name__ == "__main__":
    main()
