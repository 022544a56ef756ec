"""Pages of the Python modules: one a room of the package, made of its docstrings by mkdocstrings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

_FOLDER = "reference/api"
_ROLE = re.compile(":(?:attr|class|data|func|meth|mod):(?=<code)")  # Sphinx's; the name is enough
_BEHIND = "---\nsearch: {boost: 0.2}\n---\n\n"  # who searches wants a guide before a function
_HEAD = f"""{_BEHIND}# Python

For anyone who reads or changes the code: one page a room of the package, made of its docstrings.

| room | what it is for |
|---|---|
"""


def pages(package: Path) -> dict[str, str]:
    """Make Markdown pages, by their path below docs/.

    Parameters
    ----------
    package
        The folder of the package; a room is a folder or a file at its top.
    """
    rooms = {room.stem: room for room in sorted(package.iterdir()) if _is_room(room)}
    made = {f"{_FOLDER}/{name}.md": _page(name, room) for name, room in rooms.items()}
    rows = (f"| [`{name}`]({name}.md) | {_summary(room)} |\n" for name, room in rooms.items())
    return made | {f"{_FOLDER}/index.md": _HEAD + "".join(rows)}


def tidy(html: str) -> str:
    """Leave out the roles that docstrings give to names."""
    return _ROLE.sub("", html)


def _is_room(path: Path) -> bool:
    return (path / "__init__.py").is_file() or (path.suffix == ".py" and path.stem != "__init__")


def _page(name: str, room: Path) -> str:
    modules = [room] if room.is_file() else sorted(room.rglob("*.py"))
    blocks = (f"::: {_dotted(module, room.parent)}\n" for module in modules if module.stem != "__init__")
    title = f"{_BEHIND}# {name.strip('_')}\n\n{_summary(room)}\n"
    return "\n".join([title, *blocks])


def _dotted(module: Path, package: Path) -> str:
    return ".".join([package.name, *module.relative_to(package).with_suffix("").parts])


def _summary(room: Path) -> str:
    """First line of a docstring, as it is written."""
    file = room if room.is_file() else room / "__init__.py"
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].replace("``", "`")
