"""Imports point one way, and each door to the outside has one keeper."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import house
from tests.house import SOURCES, name, room
from tests.imports import PACKAGE, REPOSITORY, direct

# Arrays in, arrays out: no file, no setting, and nothing of ours but one another.
NUMERIC_NAMES = {
    "files": "resize",
    "dataset": "body_part",
    "validate": "duplicates hamming label_errors",
    "predict": "boxes calibration cutting head_boxes operating_points peaks position regions",
    "evaluate": "comparison curves decided evaluation findings guaranteed net_benefit robustness "
    "shortcut_gap subgroups",
    "region_maps": "coco cut_choice deletion erasing faithfulness froc inputs localization matching pointing "
    "scores standing_out subgroups",
    "drift": "distance",
}
NUMERIC = [
    PACKAGE / "types.py",
    *sorted((PACKAGE / "statistics").rglob("*.py")),
    *(PACKAGE / room / f"{file}.py" for room, files in NUMERIC_NAMES.items() for file in files.split()),
]
DICOM_CODECS = ("dicomrle", "jpeg2k", "jpeg8", "jpegsof3")
STAGES = sorted((PACKAGE / "stages").glob("[!_]*.py"))


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


def test_no_import_runs_up() -> None:
    assert {room(file) for file in SOURCES} <= set(house.FLOORS)
    assert house.upward(house.imports()) == []


def test_no_import_runs_round() -> None:
    assert house.circle(house.imports()) == []


def test_the_largest_room_holds_less_than_a_fifth() -> None:
    lines = house.lines()
    assert max(lines.values()) < lines.total() / 5


@pytest.mark.parametrize("file", NUMERIC, ids=name)
def test_numeric_modules_import_nothing_of_ours(file: Path) -> None:
    assert {name(other) for other in direct(file)} <= {name(other) for other in NUMERIC}


@pytest.mark.parametrize("file", STAGES, ids=name)
def test_no_stage_imports_a_stage(file: Path) -> None:
    assert [other for other in direct(file) if other in STAGES] == []


def test_only_track_imports_mlflow() -> None:
    importers = {room(file) for file in SOURCES if any(n.split(".")[0] == "mlflow" for n in imported(file))}
    assert importers == {"track"}


def test_only_the_settings_read_params_yaml() -> None:
    readers = [name(file) for file in SOURCES if "params.yaml" in paths_built(file)]
    assert readers == ["pipeline/config/settings.py"]


def paths_built(file: Path) -> set[str]:
    """Constant strings that a file opens, makes a path of, or appends to one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Path", "open"):
            found |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
        elif isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):
            found.add(node.right.value)
    return found


def test_only_one_module_resizes() -> None:
    assert [name(file) for file in SOURCES if "cv2.resize" in calls(file)] == ["pipeline/files/resize.py"]


def test_each_codec_has_one_keeper_in_the_room_of_files() -> None:
    codecs = ("cv2.im", "Image.open", "simplejpeg.", "imagecodecs.", "tifffile.", "pydicom.dcmread")
    keepers = {
        (call.removeprefix("PIL."), name(file).removeprefix("pipeline/files/"))
        for file in SOURCES
        for call in calls(file)
        if call.removeprefix("PIL.").startswith(codecs)
    }
    assert keepers == {
        ("cv2.imencode", "images.py"),
        ("Image.open", "pictures.py"),
        ("simplejpeg.decode_jpeg", "jpeg.py"),
        ("imagecodecs.png_decode", "pictures.py"),
        ("imagecodecs.webp_decode", "pictures.py"),
        ("tifffile.TiffFile", "tiff.py"),
        ("pydicom.dcmread", "dicom.py"),
        *((f"imagecodecs.{codec}_decode", "dicom_codecs.py") for codec in DICOM_CODECS),
    }


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
        "import sys, pipeline.__main__, pipeline.validate.scan, pipeline.validate.copies.verification; "
        "sys.exit(','.join({'pandas', 'pydantic', 'pydicom', 'sklearn', 'faiss'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, check=False)
    assert done.stderr == b""
    assert done.returncode == 0
