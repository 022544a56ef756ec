"""Bundles of older code, which hold other files, compared with their seal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.files import outputs
from pipeline.predict import sealing
from pipeline.predict.sealing import BundleError


def sealed(folder: Path) -> str:
    """Write a bundle of one file, and return its sha256."""
    (folder / "a.json").write_text("{}")
    files = {"a.json": outputs.sha256(folder / "a.json")}
    outputs.write_json(folder / "bundle.json", {"sha256": sealing.name_of(files), "files": files})
    return sealing.name_of(files)


@pytest.mark.reliability(41)
def test_a_list_that_does_not_bear_its_own_name_is_refused(tmp_path):
    sealed(tmp_path)
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": "f" * 64}))
    with pytest.raises(BundleError, match=r"bundle\.json is damaged: its sha256 is not that of its files"):
        sealing.compared(tmp_path)


@pytest.mark.reliability(41)
def test_a_sealed_bundle_names_its_files(tmp_path):
    sha256 = sealed(tmp_path)
    assert sealing.compared(tmp_path) == (sha256, ["a.json"])
    (tmp_path / "a.json").write_text("{ }")
    with pytest.raises(
        BundleError, match=r"a\.json is missing or not the file that bundle\.json names\. Ask"
    ):
        sealing.compared(tmp_path, "Ask.")
    (tmp_path / "a.json").unlink()
    with pytest.raises(BundleError, match=r"a\.json is missing"):
        sealing.compared(tmp_path)
