"""Where a link may lead: within the data folder, into DVC's cache, or where the user vouches for it.

With ``cache.type symlink`` DVC makes each tracked file a link into its cache. Any other link that leaves
the data folder is never read: it may lead to what nobody wanted to show.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from pipeline.files.walk import above


def places(root: Path, paths: Iterable[Path], trusted: Sequence[Path]) -> tuple[str, ...]:
    """Return the folders that links among the paths may lead into; DVC is asked only where one leaves root.

    Parameters
    ----------
    root
        The data folder.
    paths
        What a scan found; links and others.
    trusted
        Folders that the user vouches for: ``data.trusted_links``.
    """
    allowed = tuple(os.path.realpath(folder) for folder in (root, *trusted))
    if all(inside(path, allowed) for path in paths):
        return allowed
    return allowed + tuple(map(os.path.realpath, dvc_cache()))


def inside(path: Path, places: tuple[str, ...]) -> bool:
    """Whether a path, all links followed, lies in one of the places."""
    end = os.path.join(_real(path.parent.absolute()), path.name)  # noqa: PTH118
    end = os.path.realpath(end) if os.path.islink(end) else end  # noqa: PTH114
    return any(Path(end).is_relative_to(place) for place in places)


def is_circle(folder: Path) -> bool:
    """Whether a linked folder holds itself, or the folder that the link lies in."""
    above = Path(_real(folder.parent.absolute()))
    return folder.is_symlink() and above.is_relative_to(os.path.realpath(folder))


@lru_cache
def _real(folder: Path) -> str:
    """Follow links of a folder, which many files share; unlike ``resolve``, raises for no circle."""
    return os.path.realpath(folder)


def dvc_cache() -> list[str | Path]:
    """Where DVC keeps what it tracks for the working folder, if so: ``cache.dir`` of its merged settings."""
    from dvc.config import Config

    if (root := above(".dvc")) is None:
        return []
    return [Config(str(root / ".dvc")).get("cache", {}).get("dir") or root / ".dvc/cache"]
