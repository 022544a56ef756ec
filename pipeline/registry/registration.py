"""A bundle becomes a version of the registered model: once, and its hash names the version."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from packaging.requirements import Requirement

from pipeline.config import Config
from pipeline.dataset import manifest
from pipeline.predict import sealing, site
from pipeline.registry import site_record, versions
from pipeline.registry.site_record import SiteRecord
from pipeline.registry.versions import BUNDLE, BUNDLE_TAG, LEARNT
from pipeline.track import description, inputs, models, packages, repository, state
from pipeline.track.store import Store, connect

log = logging.getLogger(__name__)

CHALLENGER = "challenger"


def register(
    config: Config, bundle: Path, pipeline: state.Pipeline | None = None, store: Store | None = None
) -> str:
    """Register a bundle as a model version, unless one with its hash is there.

    Parameters
    ----------
    bundle
        Its ``bundle.json``; the files that it names lie beside it.
    pipeline
        The pipeline, where it was read already: DVC takes a second for it.
    store
        The store, where it is open already: a stage waits for it no longer than ``track.timeout_s`` in all.

    Returns
    -------
    str
        The version. A new one gets the alias ``challenger``, and tags that name the bundle's sha256 and
        the md5 by which DVC knows it, the radiographs, those tested on, the pipeline's state and its run.

    Raises
    ------
    BundleError
        A file is missing or is not the one that ``bundle.json`` names.
    StoreError
        The store does not answer within ``track.timeout_s``, or refuses.
    """
    sha256, _ = sealing.compared(bundle.parent)
    name = config.track.model_name
    pipeline = pipeline or repository.read()
    store = store or connect(config.track, pipeline.root)
    with store.locked():
        if version := find_version(store, name, sha256):
            return version
        sealing.check(bundle.parent)
        run_id = _run_of(store, pipeline)
        files = manifest.read(config.paths.manifest)
        fitted = site_record.read(config, bundle.parent)
        tags = {
            BUNDLE_TAG: sha256,
            "bundle.md5": hashlib.md5(bundle.read_bytes(), usedforsecurity=False).hexdigest(),
            "pipeline.state": pipeline.key,
            "pipeline.run_id": run_id or "",
            "test.sha256": test_hash(files) if fitted is None else _hash_of(fitted.rows["sha256"]),
            **({} if fitted is None else fitted.tags),
            **inputs.tags(inputs.of_state(pipeline, config)),
        }
        with TemporaryDirectory() as folder:
            version = models.log_version(
                store,
                name,
                run_id,
                artifacts=_artifacts(bundle.parent, site_record.learnt(files, fitted), Path(folder)),
                tags=tags,
                requirements=requirements(),
                example=pd.DataFrame({"image": [versions.example()]}),
            )
        store.client.set_registered_model_alias(name, CHALLENGER, version)
    if fitted is not None:
        store.client.update_model_version(name, version, _fitted_to(fitted))
    elif run_id:
        store.log(run_id, tags={"registry.version": version, BUNDLE_TAG: sha256})
        figures = store.client.get_run(run_id).data.metrics
        store.client.update_model_version(name, version, description.summary(figures))
    log.info("%s: version %s of %s", bundle, version, name)
    return version


def find_version(store: Store, name: str, sha256: str) -> str | None:
    """Return the version of the bundle with that hash; None where it was never registered."""
    same = store.client.search_model_versions(f"name = '{name}' and tags.`{BUNDLE_TAG}` = '{sha256}'")
    return str(min(int(version.version) for version in same)) if same else None


def test_hash(files: pd.DataFrame) -> str:
    """Name a test set by one sha256 over those of its radiographs: equal for the same files in any order."""
    return _hash_of(manifest.rows(files, "test")["sha256"])


def _hash_of(hashes: Iterable[str]) -> str:
    tested = sorted(hashes)
    return hashlib.sha256("\n".join(tested).encode()).hexdigest()


def requirements() -> list[str]:
    """Pin all that the package requires to what is installed, under the name that it was installed under."""
    declared = map(Requirement, metadata.requires("fracture-pipeline") or ())
    here = [packages.installed(one.name) for one in declared if one.marker is None or one.marker.evaluate()]
    return [f"{name}=={version}" for name, version in filter(None, here)]


def _run_of(store: Store, pipeline: state.Pipeline) -> str | None:
    """Return the parent run of the pipeline's state: a bundle is the work of all its stages."""
    parents = store.find({"pipeline.role": "pipeline", "pipeline.state": pipeline.key})
    return parents[0].info.run_id if parents else None


def _fitted_to(fitted: SiteRecord) -> str:
    """Describe a version that was fitted to a place."""
    record = fitted.record
    how = "from labels" if record["fitted_by"] == site.LABELS else "an estimate without labels"
    return (
        f"Fitted to {record['site']}, {how}: {len(fitted.rows)} radiographs. Network of bundle "
        f"{record['base'][:12]}."
    )


def _artifacts(bundle: Path, learnt: pd.DataFrame, folder: Path) -> dict[str, str]:
    """Return what a version holds: its bundle, and the sha256 of each file that it learnt from.

    Hashes alone, since names may be patients': they tell on which radiographs it must not be tested.
    """
    path = folder / f"{LEARNT}.csv"
    learnt.to_csv(path, index=False, lineterminator="\n")
    return {BUNDLE: str(bundle), LEARNT: str(path)}
