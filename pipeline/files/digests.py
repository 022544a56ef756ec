"""A list of files with their sha256, as `sha256sum --check` reads it: what was written, to know it again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.files.outputs import sha256

DIGESTS = "SHA256SUMS"


def write(folder: Path, names: Iterable[str]) -> None:
    """Note the digests of files by their names in a folder."""
    lines = (f"{sha256(folder / name)}  {name}\n" for name in names)
    (folder / DIGESTS).write_text("".join(lines), encoding="utf-8", newline="\n")


def read(folder: Path) -> dict[str, str]:
    """Return the noted digest of each file by its name; empty where the list is absent or torn."""
    try:
        lines = (folder / DIGESTS).read_text(encoding="utf-8").splitlines()
        return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError):
        return {}
