"""Imports point one way, and each door to the outside has one keeper."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imports import REPOSITORY, direct

PACKAGE = REPOSITORY / "pipeline"
SOURCES = sorted(PACKAGE.rglob("*.py"))
NUMERIC = [
    *sorted((PACKAGE / "assess").rglob("*.py")),
    PACKAGE / "data/duplicates.py",
    PACKAGE / "data/hamming.py",
]
STAGES = sorted((PACKAGE / "stages").glob("[!_]*.py"))
# A part may import those to its right, and itself. `config` is open to all but the numeric parts.
ALLOWED = {
    "cli": {"stages", "commands", "data", "track"},
    "commands": {"data", "model", "track", "show", "assess"},
    "stages": {"data", "model", "track", "show", "assess"},
    "track": {"data", "model", "assess"},
    "show": {"model", "data", "assess"},
    "model": {"data", "assess"},
    "data": {"assess"},
    "assess": set(),
}


def name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(file: Path) -> set[str]:
    """Dotted names of all that a file imports, ours and others'."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def calls(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_every_part_has_its_place() -> None:
    assert {part(file) for file in SOURCES} == {*ALLOWED, "config", "__init__", "__main__"}


@pytest.mark.parametrize("file", [f for f in SOURCES if part(f) in ALLOWED], ids=name)
def test_imports_point_one_way(file: Path) -> None:
    reached = {part(other) for other in direct(file)} - {"config", "__init__"}
    assert reached - ALLOWED[part(file)] - {part(file)} == set()


@pytest.mark.parametrize("file", NUMERIC, ids=name)
def test_numeric_modules_import_nothing_of_ours(file: Path) -> None:
    assert {name(other) for other in direct(file)} <= {name(other) for other in NUMERIC}


@pytest.mark.parametrize("file", STAGES, ids=name)
def test_no_stage_imports_a_stage(file: Path) -> None:
    assert [other for other in direct(file) if other in STAGES] == []


def test_only_track_imports_mlflow() -> None:
    importers = {part(file) for file in SOURCES if any(n.split(".")[0] == "mlflow" for n in imported(file))}
    assert importers == {"track"}


def test_only_the_settings_read_params_yaml() -> None:
    readers = [name(file) for file in SOURCES if "params.yaml" in paths_built(file)]
    assert readers == ["pipeline/config.py"]


def paths_built(file: Path) -> set[str]:
    """Constant strings that a file opens, makes a path of, or appends to one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Path", "open"):
            found |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
        elif isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):
            found.add(node.right.value)
    return found


def test_only_one_module_reads_and_writes_image_files() -> None:
    codecs = ("cv2.imread", "cv2.imwrite", "cv2.imdecode", "cv2.imencode", "Image.open", "PIL.Image.open")
    keepers = {name(file) for file in SOURCES if any(call in codecs for call in calls(file))}
    assert keepers == {"pipeline/data/images.py"}


@pytest.mark.parametrize("file", SOURCES, ids=name)
def test_nothing_is_printed_or_asserted(file: Path) -> None:
    asserts = [n for n in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(n, ast.Assert)]
    assert "print" not in set(calls(file))
    assert asserts == []


def test_validate_does_not_import_tensorflow() -> None:
    code = "import sys, pipeline.stages.validate; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


def test_workers_start_without_what_they_do_not_need() -> None:
    """Each of these takes a worker as long to import as all else together."""
    code = (
        "import sys, pipeline.__main__, pipeline.data.scan, pipeline.data.copies.verification; "
        "sys.exit(','.join({'pandas', 'pydantic', 'pydicom', 'sklearn', 'faiss'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, check=False)
    assert done.stderr == b""
    assert done.returncode == 0
