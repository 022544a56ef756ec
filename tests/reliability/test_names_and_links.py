"""Rows 16 to 21 of the matrix: odd names, links, and files that may not be read or vanish."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from pipeline.preprocess import shards
from pipeline.validate import listing
from tests.reliability import injection, made
from tests.reliability.injection import Done

NAMES = [
    "a b.png",
    "a\nb.png",
    "a\tb.png",
    'a"b.png',
    "-rf.png",
    "Knöchel 骨.png",
    "a,b;c.png",
    "a'b $(x).png",
]
PLACE = "train/fractured"
NOT_UTF8 = b"not utf8 \xff.png"
_NOBODY = 65534


class Walked(NamedTuple):
    """What `validate`, `preprocess` and `predict` left of a folder, and the user's files after it."""

    root: Path
    work: Path
    done: dict[str, Done]
    before: dict[str, str]

    @property
    def statuses(self) -> dict[str, tuple[str, str]]:
        files = pd.read_csv(self.work / "Data/manifest.csv", keep_default_na=False, lineterminator="\n")
        return {row.path: (row.status, row.reason) for row in files.itertuples()}

    @property
    def issues(self) -> pd.DataFrame:
        return pd.read_csv(self.work / "reports/validate/issues.csv", keep_default_na=False)


@pytest.fixture(scope="module")
def walked(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """Sound radiographs among files of odd names and links of every kind."""
    folder = tmp_path_factory.mktemp("walked")
    root, work = folder / "data", folder / "work"
    injection.fill(root, {name: made.png(made.radiograph(2000 + row)) for row, name in enumerate(NAMES)})
    (folder / "secret.png").write_bytes(made.png(made.radiograph(3000)))
    for name, target in (
        ("leaves.png", folder / "secret.png"),
        ("dangling.png", "gone"),
        ("loop.png", "loop.png"),
    ):
        (root / PLACE / name).symlink_to(target)
    (root / PLACE / "circle").symlink_to(".")
    with_bytes = os.path.join(os.fsencode(root / PLACE), NOT_UTF8)  # noqa: PTH118 - bytes are no Path
    with open(with_bytes, "wb") as file:  # noqa: PTH123
        file.write(made.png(made.radiograph(3001)))
    shutil.copytree(models, folder / "models")  # `preprocess` writes there, too
    injection.settle(work, folder / "models", root)
    before = injection.hashes(root)
    commands = {
        "validate": ["validate"],
        "predict": ["predict", str(root), "--json"],
        "preprocess": ["preprocess"],
    }
    return Walked(
        root, work, {name: injection.command(work, *words) for name, words in commands.items()}, before
    )


@pytest.mark.reliability(18)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_goes_the_whole_way(walked: Walked, name: str) -> None:
    path = f"{PLACE}/{name}"
    assert walked.statuses[path] == ("kept", "")
    assert path in set(shards.read_index(walked.work / "Data/shards")["path"])
    predicted = {record["path"]: record for record in json.loads(walked.done["predict"].out)}
    assert "probability" in predicted[str(walked.root / path)]


@pytest.mark.reliability(16)
def test_what_a_link_out_of_the_folder_names_is_never_read(walked: Walked) -> None:
    assert walked.statuses[f"{PLACE}/leaves.png"] == ("quarantined", "outside_root")
    assert f"{PLACE}/leaves.png" not in set(shards.read_index(walked.work / "Data/shards")["path"])


@pytest.mark.reliability(17)
@pytest.mark.parametrize("name", ["dangling.png", "loop.png"])
def test_links_to_nothing_are_told_and_the_run_ends_well(walked: Walked, name: str) -> None:
    assert (walked.done["validate"].code, walked.done["preprocess"].code) == (0, 0)
    issues = walked.issues.set_index("path")["issue"]
    assert issues[f"{PLACE}/{name}"] == "link_skipped"
    assert not [path for path in walked.statuses if "circle/" in path]


@pytest.mark.reliability(19)
def test_a_name_that_is_no_utf8_is_left_out_with_advice(walked: Walked) -> None:
    name = rf"{PLACE}/not utf8 \xff.png"
    assert walked.statuses[name] == ("quarantined", "name_not_utf8")
    assert "rename" in walked.issues.set_index("path")["detail"][name]


@pytest.mark.reliability("odd names and links among radiographs", "the user's files keep their sha256")
def test_nothing_in_the_folder_is_changed(walked: Walked) -> None:
    assert injection.hashes(walked.root) == walked.before
    assert len(walked.before) > 36 + len(NAMES)


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user whom permissions bind, where one is root, whom they do not."""
    if os.geteuid():
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may enter and write into; those of pytest are root's alone."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.reliability(20)
def test_a_file_that_may_not_be_read_is_left_out_and_named(
    walked: Walked, models: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`walked` has imported what a user without rights could not import from here."""
    root, work = open_folder / "data", open_folder / "work"
    injection.fill(root, {"locked.png": made.png(made.radiograph(3002))})
    (root / PLACE / "locked.png").chmod(0)
    shutil.copytree(models, open_folder / "models")
    (open_folder / "models").chmod(0o755)
    injection.settle(work, open_folder / "models", root)
    work.chmod(0o777)
    monkeypatch.chdir(work)
    with nobody():
        validated = injection.command(work, "validate")
        predicted = injection.command(work, "predict", str(root), "--json")
    assert (validated.code, predicted.code) == (0, 1)
    assert Walked(root, work, {}, {}).statuses[f"{PLACE}/locked.png"] == ("quarantined", "unreadable")
    answers = {Path(each["path"]).name: each for each in json.loads(predicted.out)}
    assert answers.pop("locked.png")["error"]["reason"] == "unreadable"
    assert all("probability" in each for each in answers.values())


@pytest.mark.reliability(21)
def test_a_file_that_vanishes_in_mid_scan_is_left_out(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    injection.fill(root, {"vanishing.png": made.png(made.radiograph(3003))})
    injection.settle(tmp_path / "work", models, root)
    found = listing.find

    def then_gone(*args: object) -> object:
        result = found(*args)
        (root / PLACE / "vanishing.png").unlink()
        return result

    monkeypatch.setattr(listing, "find", then_gone)
    assert injection.command(tmp_path / "work", "validate").code == 0
    statuses = Walked(root, tmp_path / "work", {}, {}).statuses
    assert statuses.pop(f"{PLACE}/vanishing.png") == ("quarantined", "vanished")
    assert set(statuses.values()) == {("kept", "")}
