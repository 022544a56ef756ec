"""Files of others among results: DVC deletes these folders before a stage runs (docs/decisions/0021)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.commands.checks.check import OK, PROBLEM, Check
from pipeline.commands.checks.data import seen_by_dvc
from pipeline.commands.checks.lock import FILE
from pipeline.files.printable import first, printable

if TYPE_CHECKING:
    from pipeline.config import Config

_N_NAMED = 5
_CHARTS = ("roc", "precision_recall", "reliability", "decision_curve", "robustness", "confusion_high_[a-z]+")
_CASE = r"[a-z_]+-\d{2,}\.jpg"


class Folder(NamedTuple):
    """A folder that a stage makes, the names that it writes there, and the file that lists them."""

    path: Path
    names: str
    listing: str = ""


def folders(config: Config) -> list[Folder]:
    """Every folder that dvc.yaml names as an output that DVC removes."""
    shards, report = config.paths.shards, config.paths.report
    return [
        Folder(shards, r"(train|val|test)-\d{5}\.tfrecord|index\.csv", "shards.json"),
        Folder(report("validate") / "thumbnails", r"\d{3,}\.png", "index.csv"),
        Folder(report("preprocess") / "examples", r"\d-(before|after)\.jpg", "index.csv"),
        Folder(report("region_maps") / "overlays", rf"(plain/)?{_CASE}", "index.csv"),
        Folder(report("evaluate") / "figures", rf"({'|'.join(_CHARTS)})\.svg"),
    ]


def others(config: Config) -> Check:
    """Whether such a folder holds what no stage wrote."""
    from pipeline.dataset.layout import USERS_ROOT

    found = [path for folder in folders(config) for path in _foreign(folder)]
    if not found:
        return Check("results", OK, "hold nothing of others")
    named = first([printable(path) for path in found], _N_NAMED)
    mend = (
        f"Move them, or they are lost: radiographs into {USERS_ROOT}/{{train,val,test}}, others into a "
        "folder that no stage writes, such as notes."
    )
    detail = f"in folders that DVC deletes before a stage runs, {len(found)} that no stage wrote: {named}"
    return Check("results", PROBLEM, detail, mend)


def _foreign(folder: Folder) -> list[Path]:
    """List the files that neither the stage's names and index, nor DVC's own listing, tell of."""
    if folder.path.is_symlink():  # DVC deletes no more than the link
        return []
    inside = [path for path in seen_by_dvc([folder.path]) if path.is_symlink() or not path.is_dir()]
    listed = _words(folder.path / folder.listing) if folder.listing else None
    unknown = [path for path in inside if not _is_own(path, folder, listed)]
    recorded = _recorded(folder.path) if unknown else frozenset()
    return sorted(path for path in unknown if path.relative_to(folder.path).as_posix() not in recorded)


def _words(index: Path) -> frozenset[str] | None:
    """Return what the index lists, among other things; None without one: a killed removal leaves none."""
    try:
        return frozenset(re.split(r'[",:\s]+', index.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return None


def _is_own(path: Path, folder: Folder, listed: frozenset[str] | None) -> bool:
    from pipeline.files.outputs import meant_for

    name = path.with_name(meant_for(path)).relative_to(folder.path).as_posix()
    if name in (folder.listing, ".gitignore"):  # DVC may write the second
        return True
    return re.fullmatch(folder.names, name) is not None and (listed is None or Path(name).name in listed)


def _recorded(path: Path) -> frozenset[str]:
    """Return the files that DVC recorded of an output, as far as its cache still lists them."""
    import yaml

    from pipeline.validate.links import dvc_cache

    try:
        content = yaml.load(FILE.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        outs = [out for stage in content["stages"].values() for out in stage.get("outs", ())]
        md5 = next(out["md5"] for out in outs if out["path"] == path.as_posix())
        file = Path(dvc_cache()[0]) / "files/md5" / md5[:2] / md5[2:]
        return frozenset(entry["relpath"] for entry in json.loads(file.read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, StopIteration, yaml.YAMLError):
        return frozenset()
