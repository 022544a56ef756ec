"""Remove what nobody needs any more; see docs/how-to/storage.md for what stays.

First everything is listed, under DVC's lock and the repository's: nothing goes where a store does not answer.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline import addresses
from pipeline.commands import terminal
from pipeline.config import Config
from pipeline.files import outputs
from pipeline.registry import garbage, ledger, succession
from pipeline.registry.versions import BUNDLE_TAG
from pipeline.track import cache, disposal, models, repository
from pipeline.track.store import Store, existing
from pipeline.train import given_up

log = logging.getLogger(__name__)

_MB = 2**20


@dataclass(frozen=True)
class Item:
    """Something that goes, why, and how."""

    kind: str
    name: str
    why: str
    size: int
    remove: Callable[[], object] = field(compare=False, repr=False)


def run(config: Config, *, dry_run: bool, keep: int | None, as_json: bool) -> None:
    """List what goes, remove it, and say so.

    Parameters
    ----------
    dry_run
        List only.
    keep
        See :func:`pipeline.registry.garbage.champions`.

    Raises
    ------
    ValueError
        DVC is at work, or the ledger and the registry contradict each other.
    StoreError
        The store does not answer within ``track.timeout_s``, or refuses.
    """
    root = repository.root()
    with cache.held(root) as dvc:
        store = _store(config, root)
        with store.locked() if store else nullcontext():
            entries = _entries(config, store)
            bundles = garbage.champions(entries, keep)
            commits = garbage.commits(entries, bundles)
            reason = cache.standing_in_the_way(dvc, commits)
            used = cache.used(dvc, () if reason else commits)
            items = [*_in_mlflow(config, store, bundles, used)] if store else []
            if reason:
                log.warning("gc: DVC's cache stays: %s", reason)
            else:
                items += _in_cache(cache.unused(dvc, used))
            items += [*_left(config, root), *_fetched(config, root)]
            if not dry_run:
                cache.pin(root, () if reason else commits)
                for item in items:
                    item.remove()
    _tell(items, dry_run=dry_run, as_json=as_json)


def _store(config: Config, root: Path) -> Store | None:
    """Open the store with the experiment that is there; None where nothing was recorded yet."""
    store = existing(config.track, root)
    experiment = store.client.get_experiment_by_name(config.track.experiment) if store else None
    return replace(store, experiment_id=str(experiment.experiment_id)) if store and experiment else None


def _entries(config: Config, store: Store | None) -> list[ledger.Entry]:
    """Read the lines of the ledger and of the registry; both stay as they are."""
    in_file = ledger.read(config.paths.ledger)
    if store is None:
        return in_file
    return ledger.join(in_file, succession.lines(store, config.track.model_name))


def _in_mlflow(config: Config, store: Store, bundles: set[str], used: set[str]) -> Iterator[Item]:
    name, now_s = config.track.model_name, time.time()
    aliased = {*models.registered(store, name)[1].values()}
    found = disposal.versions(store, name)
    versions = [_version(one, aliased) for one in found]
    going = {one.number for one in garbage.versions(versions, bundles, used, now_s)}
    files, sources = disposal.logged_models(store), {}
    for one in found:
        number = str(one.version)
        sources[str(one.source)] = number
        if number in going:
            remove = partial(store.client.delete_model_version, name, number)
            yield Item("version", f"{name} {number}", "no champion, alias or commit needs it", 0, remove)
    made_s = {place: model.creation_timestamp / 1000 for place, model in files.items()}
    staying = {place for place, number in sources.items() if number not in going}
    for place in garbage.models(made_s, staying, now_s):
        size, remove = disposal.size(store, place), partial(disposal.remove_model, store, files[place])
        yield Item("files of a version", files[place].model_id, "no version needs them", size, remove)
    needed = {one.run_id for one in versions if one.number not in going}
    yield from _runs(store, needed)


def _runs(store: Store, needed: set[str]) -> Iterator[Item]:
    found = {run.info.run_id: run for run in disposal.runs(store)}
    children = {
        value
        for run_id in needed & set(found)
        for tag, value in found[run_id].data.tags.items()
        if tag.startswith("stage.") and tag.endswith(".run_id")
    }
    rows = [
        garbage.Run(
            run_id,
            str(run.info.run_name),
            run.data.tags.get("pipeline.stage_key", ""),
            disposal.status(run),
            run.info.lifecycle_stage == "deleted",
            run_id in needed | children,
        )
        for run_id, run in found.items()
    ]
    for row, why in garbage.runs(rows).items():
        run = found[row.run_id]
        if not (row.deleted and store.client.remote):  # the server's owner has the rest to do
            size, remove = (
                disposal.size(store, run.info.artifact_uri),
                partial(disposal.remove_run, store, run),
            )
            yield Item("run", f"{row.name} {row.run_id[:8]}", why, size, remove)


def _version(one: Any, aliased: set[str]) -> garbage.Version:
    tags: Mapping[str, str] = one.tags
    return garbage.Version(
        number=str(one.version),
        bundle=tags.get(BUNDLE_TAG, ""),
        md5=tags.get("bundle.md5", ""),
        created_s=one.creation_timestamp / 1000,
        aliased=str(one.version) in aliased,
        fitted=any(name.startswith("site") for name in tags),
        run_id=one.run_id or "",
    )


def _in_cache(unused: Mapping[Path, int]) -> Iterator[Item]:
    def remove() -> None:
        for path in unused:
            path.unlink(missing_ok=True)

    if unused:
        why = "no kept revision names them"
        yield Item("DVC's cache", f"{len(unused)} files", why, sum(unused.values()), remove)


def _left(config: Config, root: Path) -> Iterator[Item]:
    """Find old checkpoints, and what killed processes left beside outputs that are there."""
    for folder in given_up.folders(root / ".checkpoints"):
        yield _path("checkpoint", folder, "a week old: its training was given up")
    for folder in (config.paths.models, config.paths.reports, *sorted(config.paths.reports.glob("*/"))):
        for path, name in outputs.left_over(folder).items():
            if (folder / name).exists():  # else it may be what comes back
                yield _path("leftover", path, "of a process that was killed")


def _fetched(config: Config, root: Path) -> Iterator[Item]:
    """Find what was fetched from addresses that `data.root` does not name any more."""
    for folder in sorted((root / addresses.FETCHED).glob("*/")):
        if folder.name != config.data.root.name:
            why = "data.root names another place"
            yield _path("radiographs fetched", folder, why)
            yield _path("radiographs fetched", folder.with_name(f"{folder.name}.json"), why)


def _path(kind: str, path: Path, why: str) -> Item:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]

    def remove() -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    return Item(kind, str(path), why, sum(file.stat().st_size for file in files), remove)


def _tell(items: list[Item], *, dry_run: bool, as_json: bool) -> None:
    total = sum(item.size for item in items)
    if as_json:
        rows = [{"what": i.kind, "name": i.name, "bytes": i.size, "why": i.why} for i in items]
        sys.stdout.write(json.dumps({"removed": not dry_run, "bytes": total, "items": rows}, indent=1) + "\n")
    elif items:
        table = [(item.kind, item.name, f"{item.size / _MB:.1f}", item.why) for item in items]
        terminal.show(("What", "Name", "MB", "Why"), table)
    verb = "would go" if dry_run else "went"
    log.info("gc: %d things %s, %.1f MB", len(items), verb, total / _MB)
