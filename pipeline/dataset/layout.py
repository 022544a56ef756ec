"""The layout of a folder of radiographs: a folder a split, and in each a folder a class."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from pipeline import addresses

SPLITS = ("train", "val", "test")
CLASS_FOLDERS = {"fractured": True, "not fractured": False}
USERS_ROOT = Path("Data")  # whose splits are left free for users' radiographs

_ALSO_CALLED = {
    "train": {"training", "train set", "training set"},
    "val": {"valid", "validate", "validation", "validation set", "dev", "eval"},
    "test": {"testing", "tests", "test set", "holdout"},
    "fractured": {"fracture", "fractures", "broken", "positive", "abnormal"},
    "not fractured": {
        "no fracture", "no fractures", "non fracture", "non fractured", "non fractures", "not fracture",
        "notfractured", "nonfractured", "unfractured", "normal", "negative", "healthy",
    },
}  # fmt: skip
_N_NAMED = 8


def meant(name: str) -> str | None:
    """Return the folder of the layout that a folder of another name likely stands for, if any."""
    plain = re.sub(r"[\s_.-]+", " ", name).strip().casefold()
    return next((right for right, others in _ALSO_CALLED.items() if plain in {right, *others}), None)


def check(root: Path) -> None:
    """Ask that all folders of the layout are there.

    Raises
    ------
    ValueError
        One is missing. The message lists what is there instead, and the likely mend.
    """
    expected = [f"{split}/{name}" for split in SPLITS for name in CLASS_FOLDERS]
    missing = [name for name in expected if not (root / name).is_dir()]
    if not missing:
        return
    if root.is_dir():
        others = _others(root)
        instead = f" Found instead: {', '.join(others[:_N_NAMED])}." if others else ""
        received, mend = (
            f"{addresses.shown(root)} without {', '.join(missing)}.{instead}",
            _mend(root, others),
        )
    else:
        received, mend = f"{root}, which is no folder.", "Set data.root in params.yaml"
    raise ValueError(f"data.root must hold {', '.join(expected)}. Received: {received} {mend}.")


def instead(root: Path) -> str:
    """Say what lies in a folder that lacks the class folders, and the likely mend; of no folder, nothing."""
    if not root.is_dir():
        return ""
    top = _folders(root)
    names = top + [
        f"{name}/{below}" for name in top if meant(name) in SPLITS for below in _folders(root / name)
    ]
    renames = [
        f"{name!r} to {PurePath(name).with_name(right).as_posix()!r}"
        for name in names
        if (right := meant(PurePath(name).name)) and right != PurePath(name).name
    ]
    there = f"Found instead: {', '.join((top or _names(root))[:_N_NAMED]) or 'nothing'}."
    return f"{there} Rename {', '.join(renames[:_N_NAMED])}." if renames else there


def unused(root: Path, phantoms: Path) -> str:
    """Say that radiographs lie in the users' place while ``data.root`` names phantoms, else nothing."""
    filled = any(_names(USERS_ROOT / split / name) for split in SPLITS for name in CLASS_FOLDERS)
    if root != phantoms or not filled:
        return ""
    return f"{USERS_ROOT} holds radiographs, but data.root names phantoms: set data.root: {USERS_ROOT}"


def _others(root: Path) -> list[str]:
    """Folders that are none of the layout, at the root and in its splits; the likeliest to be meant first."""
    top = _folders(root)
    splits = [name for name in top if meant(name) in SPLITS]
    below = [f"{split}/{name}" for split in splits for name in _folders(root / split)]
    others = [name for name in top if name not in SPLITS]
    others += [name for name in below if PurePath(name).name not in CLASS_FOLDERS]
    return sorted(others, key=lambda name: not _right_name(name))


def _right_name(folder: str) -> str:
    """Say what a folder below the root should be called; empty where nobody can tell."""
    path = PurePath(folder)
    right = meant(path.name) or path.name
    allowed = SPLITS if len(path.parts) == 1 else CLASS_FOLDERS
    return path.with_name(right).as_posix() if right in allowed and right != path.name else ""


def _mend(root: Path, others: list[str]) -> str:
    renames = [f"{name!r} to {right!r}" for name in others if (right := _right_name(name))]
    if renames:
        return f"Rename {', '.join(renames[:_N_NAMED])}"
    if whole := [name for name in others if all((root / name / split).is_dir() for split in SPLITS)]:
        return f"Set data.root to {addresses.shown(root / whole[0])} in params.yaml"
    if {meant(name) for name in others} & set(CLASS_FOLDERS):
        return f"Divide the radiographs among {', '.join(SPLITS)}, each with both folders"
    return "Create what is missing, or set data.root in params.yaml"


def _folders(folder: Path) -> list[str]:
    return [name for name in _names(folder) if (folder / name).is_dir()]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []
