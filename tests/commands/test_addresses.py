"""Addresses as arguments of commands, and what people and programs read of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import fsspec
import pytest
import typer

from pipeline import addresses
from pipeline.cli import options
from pipeline.commands import overlay_files, report_folder
from pipeline.commands.checks import data
from pipeline.config import Config
from pipeline.dataset import layout
from pipeline.examine import record
from pipeline.files import images
from pipeline.files.faults import ImageFault
from pipeline.validate import intake, listing


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that stands for an address in memory, with one file a class."""
    monkeypatch.chdir(tmp_path)
    memory = fsspec.filesystem("memory")
    for split in layout.SPLITS:
        memory.pipe({f"/set/{split}/{name}/a.png": name.encode() for name in layout.CLASS_FOLDERS})
    yield tmp_path / quote("memory://set", safe="")
    memory.store.clear()


@pytest.fixture
def config(params: Config, root: Path) -> Config:
    return params.model_copy(update={"data": params.data.model_copy(update={"root": root})})


def test_a_folder_and_a_file_at_an_address_are_listed_as_here(root: Path) -> None:
    fsspec.filesystem("memory").pipe({"/set/labels.csv": b"path", "/set/test/fractured//b.png": b"double"})
    found = intake.listing(
        [root / "val", root.with_name(quote("memory://set/test/fractured/a.png", safe=""))]
    )
    assert [addresses.of(path) for path in found.files] == [
        "memory://set/val/fractured/a.png",
        "memory://set/val/not fractured/a.png",
        "memory://set/test/fractured/a.png",
    ]
    assert images.read_bytes(found.files[2]) == b"fractured"
    refused = intake.listing([root]).refused
    assert [addresses.of(Path(issue.path.replace("//", "/"))) for issue in refused] == [
        "memory://set/test/fractured/b.png"
    ]


def test_a_record_and_an_overlay_are_named_by_the_address(root: Path) -> None:
    path = root / "val/fractured/a.png"
    told = record.refuse(path, ImageFault("vanished", f"{path}: not there any more"))
    assert told["path"] == "memory://set/val/fractured/a.png"
    assert told["error"]["detail"] == "not there any more"
    alone = root.with_name(quote("memory://set/a.png", safe=""))
    assert overlay_files.full_name(alone, alone.parent) == Path("a.png.jpg")


def test_labels_are_seen_at_an_address(root: Path) -> None:
    assert listing.has_labels(root)
    assert not listing.has_labels(root.with_name(quote("memory://set/val/fractured", safe="")))


def test_a_report_is_known_by_the_address_wherever_its_files_were_fetched(config: Config, root: Path) -> None:
    assert report_folder.of_assessment(config, root).name == "set"
    assert report_folder.digest(root) == report_folder.digest(Path("/elsewhere") / root.name)


def test_doctor_counts_at_an_address_and_fetches_nothing(config: Config, root: Path) -> None:
    assert data.radiographs(config).detail.startswith(
        "memory://set: train/fractured 1, train/not fractured 1"
    )
    assert data.place(config).detail == "memory://set"
    assert data.files(config).status == "ok"
    assert (root / "val/fractured/a.png").read_bytes().startswith(b"not fetched yet")


def test_doctor_names_an_address_that_holds_nothing(config: Config) -> None:
    fsspec.filesystem("memory").store.clear()
    check = data.radiographs(config)
    assert (check.status, check.mend) == ("problem", "docs/how-to/data-in-s3.md says how to mend it.")
    assert check.detail.startswith("memory://set must hold files")


def test_an_argument_is_a_path_or_an_address_and_what_was_fetched_goes_at_the_end() -> None:
    assert options.radiographs("some/folder") == Path("some/folder")
    with pytest.raises(typer.BadParameter, match="without user, password") as refused:
        options.radiographs("s3://ada:Xq7-zebra@bucket")
    assert "zebra" not in str(refused.value)
    code = "from pipeline.cli import options; p = options.radiographs('s3://bucket/x'); p.mkdir(); print(p)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert addresses.of(Path(made.strip())) == "s3://bucket/x"
    assert not Path(made.strip()).parent.exists()
