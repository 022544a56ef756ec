"""Make the current bundle a release: small enough for git, with its figures and where it comes from.

Reads the bundle in ``paths.models``, the reports of the run that made it, the shards, and the radiographs
that it learnt from. Writes ``models/released/NAME/``: the bundle's files, with kernels in 16-bit floats where
answers stay the same; ``release.json`` (commit, settings, hash of the data); ``figures.json`` and
``model_card.md`` of that run; ``ATTRIBUTION.md``; and ``learnt.npy``, hashes of the radiographs. All of it
stands under the bundle's seal.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.commands import terminal
from pipeline.config import Config
from pipeline.dataset import manifest, names, released, tables
from pipeline.files import outputs
from pipeline.files.limits import Limits
from pipeline.network import half_precision, interface
from pipeline.predict import bundle, origin, sealing
from pipeline.preprocess import shards
from pipeline.registry import candidate
from pipeline.track import inputs, provenance, repository
from pipeline.validate import learnt_hashes

log = logging.getLogger(__name__)

MOST_BYTES = 16 * 2**20  # of all files: git keeps every release for good
MOST_APART = 0.002  # of probability, that narrow kernels may cost
_CHECKED = 64  # radiographs of val and of test, on which that is tried
_PRIVATE = {"paths", "data", "track"}  # settings that name folders and machines


def run(config: Config, name: str, attribution: Path, data: str, *, folds: bool, as_json: bool) -> None:
    """Write the release.

    Parameters
    ----------
    name
        Of the release, and of its folder.
    attribution
        A text that names the data's authors and licence.
    data
        Title of the data, for answers to name.
    folds
        Whether the figures of `fracture folds` belong to it, too.

    Raises
    ------
    ValueError
        A report is not of this bundle, another release is there, the one that training started from is
        not, or it takes more than 16 MiB.
    """
    target = _target(config, name)
    credit = _attribution(attribution)
    base = sealing.check(config.paths.models)
    _require_current(config)
    begun = released.validated(config)
    record = {"name": name, "data": data, "base": base, **_made_by(config)}
    with outputs.staged(target) as private:
        private.mkdir(parents=True)
        for file in (*sealing.FILES, names.GRAPH):
            if (config.paths.models / file).is_file():
                shutil.copyfile(config.paths.models / file, private / file)
        learnt = origin.read(config.paths.models)
        origin.write(private, learnt._replace(data=data))
        learnt_hashes.write(private / names.LEARNT, _learnt(config, begun))
        outputs.write_json(private / names.FIGURES, _figures(config, folds=folds))
        shutil.copyfile(config.paths.report("evaluate") / names.CARD, private / names.CARD)
        outputs.write_text(private / names.ATTRIBUTION, credit)
        record |= narrow(config, private)
        outputs.write_json(private / names.RELEASE, record)
        sealing.seal(private)
        require_small(private)
    _show(target, record, as_json=as_json)


def narrow(config: Config, folder: Path) -> dict[str, Any]:
    """Write the kernels of an unsealed bundle in 16 bits, unless answers change by more than 0.002.

    Returns
    -------
    dict
        ``weights``, float16 or float32; ``most_apart``, how far a probability moved; ``checked``, on how many
        radiographs of ``val`` and ``test``.
    """
    canvases = _check_set(config)
    before = _answers(config, config.paths.models, canvases)
    half_precision.halve(config.paths.models / names.CLASSIFIER, folder / names.CLASSIFIER)
    sealing.seal(folder)
    apart = float(np.abs(_answers(config, folder, canvases) - before).max())
    told = {"weights": "float16", "most_apart": round(apart, 6), "checked": len(canvases)}
    if apart <= MOST_APART:
        return told
    log.warning("release: in 16 bits a probability moves by %.4f: the weights stay as they are", apart)
    shutil.copyfile(config.paths.models / names.CLASSIFIER, folder / names.CLASSIFIER)
    return told | {"weights": "float32", "most_apart": 0.0}


def _learnt(config: Config, begun: released.Release | None) -> learnt_hashes.Learnt:
    """Hash what this model learnt from, and add what the release knew that its training started from."""
    own = hashes(config)
    if begun is None:
        return own
    return learnt_hashes.union(own, learnt_hashes.read(begun.file(names.LEARNT)))


def hashes(config: Config) -> learnt_hashes.Learnt:
    """Hash the radiographs of ``train`` and ``val``.

    Raises
    ------
    ValueError
        One is not the file that the manifest names.
    """
    rows = manifest.rows(manifest.read(config.paths.manifest), ("train", "val"))
    limits = Limits.of(config.validation)
    files = [
        learnt_hashes.File(config.data.root / path, sha256, limits)
        for path, sha256 in zip(rows["path"], rows["sha256"], strict=True)
    ]
    return learnt_hashes.of_files(files, config.run.workers)


def _target(config: Config, name: str) -> Path:
    """Return the folder of the release, which may be an earlier one of this name, and no other."""
    if not re.fullmatch(r"[\w][\w.-]*", name):
        raise ValueError(f"NAME must be letters, digits, '.', '-' and '_'. Received: {name!r}.")
    place = config.paths.models / released.FOLDER
    others = sorted(path.name for path in place.glob("[!.]*") if path.name != name)
    if others:
        raise ValueError(
            f"{place} must hold one release at a time. Received: {name}, beside {', '.join(others)}. "
            "Remove the older one (git keeps it)."
        )
    return place / name


def _attribution(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--attribution must be a text file in UTF-8. Received: {path}: {error}.") from None
    if not text.strip():
        raise ValueError(f"--attribution must name authors and licence. Received: {path}, which is empty.")
    return text


def _require_current(config: Config) -> None:
    if stale := candidate.stale(config):
        raise ValueError(
            f"reports and bundle must be those that dvc.lock records. Received: {', '.join(stale)}, which "
            "differ. Run `dvc repro`."
        )


def _made_by(config: Config) -> dict[str, Any]:
    """Name commit, settings and data of the run that made the bundle."""
    pipeline = repository.read()
    settings = _without_folders(config.model_dump(mode="json", by_alias=True, exclude=_PRIVATE))
    data = inputs.tags(inputs.of_state(pipeline, config))
    return {"commit": provenance.commit(), "state": pipeline.key, **data, "params": settings}


def _without_folders(value: Any) -> Any:
    """Keep no more than the name of a file that lies somewhere on this machine, such as weights."""
    if isinstance(value, dict):
        return {key: _without_folders(item) for key, item in value.items()}
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _figures(config: Config, *, folds: bool) -> dict[str, Any]:
    """Gather the figures of the run, each with its interval."""
    stages = ("validate", "evaluate", "region_maps", *(("folds",) if folds else ()))
    return {stage: tables.figures(config.paths.report(stage) / names.METRICS) for stage in stages}


def _check_set(config: Config) -> NDArray[np.uint8]:
    """Take the first radiographs of val and of test, as the network sees them."""
    index = shards.read_index(config.paths.shards)
    rows = pd.concat([index[index["split"] == split].head(_CHECKED) for split in ("val", "test")])
    return np.stack([*shards.canvases(config.paths.shards, rows)])


def _answers(config: Config, folder: Path, canvases: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Give the probabilities of canvases, and those of the map at its highest point."""
    loaded, found = bundle.load(folder, config.run), []
    for batch in interface.in_batches(canvases):
        output = loaded.network(np.stack(batch))
        peaks = output.evidence.reshape(len(batch), -1).max(axis=1)
        found.append(loaded.calibration.probability(np.stack([output.logits, peaks]).astype(np.float64)))
    return np.concatenate(found, axis=1)


def require_small(folder: Path) -> None:
    """Refuse a release that git should not keep.

    Raises
    ------
    ValueError
        It takes more than 16 MiB; the message holds the sizes.
    """
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    if sum(sizes.values()) > MOST_BYTES:
        listed = ", ".join(f"{name} {size / 2**20:.2f} MiB" for name, size in sizes.items())
        raise ValueError(
            f"a release must take at most {MOST_BYTES / 2**20:.0f} MiB. Received: "
            f"{sum(sizes.values()) / 2**20:.1f} MiB: {listed}. Train a smaller backbone."
        )


def _show(target: Path, record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(record, indent=1, sort_keys=True) + "\n")
        return
    size = sum(path.stat().st_size for path in target.iterdir())
    rows = [
        ("folder", str(target)),
        ("size", f"{size / 2**20:.1f} MiB"),
        ("weights", f"{record['weights']}, a probability moves by {record['most_apart']:.4f} at most"),
        ("learnt from", origin.read(target).line),
        ("commit", str(record["commit"])),
    ]
    terminal.show(("Release", record["name"]), rows)
