"""What a module of the package imports, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Collection
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "pipeline"


def direct(file: Path) -> set[Path]:
    """Files of the package that one file imports, at its top or inside a function."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {path for alias in node.names if (path := module_file(alias.name))}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (module_file(f"{node.module}.{alias.name}") for alias in node.names)
            found |= {path for path in (*names, module_file(node.module)) if path}
    return found - {file}


def closure(file: Path, without: Collection[str]) -> set[Path]:
    """Files of the package that a file reaches by imports, itself included, but for those of some rooms."""
    reached, waiting = set(), {file}
    while waiting:
        current = waiting.pop()
        reached.add(current)
        others = {path for path in direct(current) if path.relative_to(PACKAGE).parts[0] not in without}
        waiting |= others - reached
    return reached


def module_file(name: str) -> Path | None:
    """Return the source of a module of ours; None for anything else and for empty packages."""
    if name.partition(".")[0] != "pipeline":
        return None
    path = REPOSITORY / Path(*name.split("."))
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    package = path / "__init__.py"
    return package if package.is_file() and "import" in package.read_text(encoding="utf-8") else None
