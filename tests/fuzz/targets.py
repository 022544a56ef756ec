"""What is fuzzed: by which inputs, through which door, and which errors are ours."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import yaml
from hypothesis import strategies as st

from pipeline import config
from pipeline.dataset import labels
from pipeline.files import images
from pipeline.files.faults import ImageFault
from pipeline.files.limits import Limits
from pipeline.phantoms import drawing
from pipeline.validate import annotation_check, intake
from pipeline.validate.annotation_check import Target as Radiograph
from tests.fuzz import mutators, seeds, structures
from tests.imports import REPOSITORY

PATHS = ["train/fractured/a.jpg", "train/not fractured/b 2.jpg", "test/fractured/c.jpg"]
_PARAMS = REPOSITORY / "params.yaml"
_SIZE = {"height": 40, "width": 60}
_COCO = {
    "images": [{"id": place, "file_name": path, **_SIZE} for place, path in enumerate(PATHS, start=1)],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[10, 10, 20, 10, 20, 20.5]]},
        {"id": 2, "image_id": 3, "category_id": 1, "bbox": [1, 2, 30, 20], "area": 600, "iscrowd": 0},
        {"id": 3, "image_id": 3, "segmentation": {"counts": "abc", "size": [40, 60]}, "bbox": [1, 2, 3, 4]},
    ],
    "categories": [{"id": 1, "name": "fractured"}],
}
_CSV = "path,patient_id,body_part\n" + "".join(f"{path},{place},hand\n" for place, path in enumerate(PATHS))

Case = tuple[str, bytes]  # the file's name and its bytes


class Fuzzed(NamedTuple):
    """One target.

    Attributes
    ----------
    seeds
        Sound files whose bytes are changed.
    structures
        What hypothesis builds and shrinks; None where bytes alone are changed.
    open
        Reads a file of a folder; it may raise only what `is_ours` allows.
    is_ours
        Whether an error names the file that it is about, and has a type that the commands turn into one line.
    """

    seeds: Callable[[], Iterable[Case]]
    structures: Callable[[], st.SearchStrategy[Case]] | None
    open: Callable[[str, bytes, Path], None]
    is_ours: Callable[[Exception, str], bool]

    def sound(self) -> Case:
        """Give a sound file."""
        return _kept(self.seeds)[0]

    def drawn(self, random: Random) -> Case:
        """Change the bytes of one of the seeds."""
        name, data = random.choice(_kept(self.seeds))
        return name, mutators.mutate(data, random)


@cache
def _kept(source: Callable[[], Iterable[Case]]) -> list[Case]:
    return list(source())


def _pictures() -> Iterable[Case]:
    yield from seeds.pictures().items()
    yield from ((name, data) for name, data in seeds.beside("odd", "faulty") if not name.endswith(".dcm"))


def _settings() -> Any:
    return yaml.safe_load(_PARAMS.read_text(encoding="utf-8"))


def _files() -> Iterable[Case]:
    yield from seeds.pictures().items()
    yield from seeds.dicoms().items()


def _dicoms() -> Iterable[Case]:
    yield from seeds.dicoms().items()
    yield from ((name, data) for name, data in seeds.beside("odd") if name.endswith(".dcm"))


@cache
def _limits() -> Limits:
    return Limits.of(config.read(_PARAMS).validation)


def _admit(name: str, data: bytes, folder: Path) -> None:
    admitted = intake.admit(data, name, _limits())
    if seeds.PATIENT in repr((admitted.issues, admitted.radiograph.notes, admitted.radiograph.mode)):
        raise AssertionError(f"a patient's name left the file: {admitted.issues}")


def _annotations(name: str, data: bytes, folder: Path) -> None:
    (folder / name).write_bytes(data)
    known = {path: Radiograph(path, 40, 60, "not" not in path) for path in PATHS}
    annotation_check.check(folder / name, known)


def _labels(name: str, data: bytes, folder: Path) -> None:
    (folder / name).write_bytes(data)
    labels.read(folder / name, set(PATHS))


def _params(name: str, data: bytes, folder: Path) -> None:
    (folder / name).write_bytes(data)
    config.read(folder / name)


def _bundle(name: str, data: bytes, folder: Path) -> None:
    """Put a file into a sound bundle, sealed anew: its own reader must refuse it, not only its hash."""
    from pipeline.predict import bundle, sealing
    from tests.fuzz import small_bundle

    made = small_bundle.copy(folder / "bundle")
    (made / name).write_bytes(data)
    if name == "bundle.json":
        sealing.check(made)
    else:
        sealing.seal(made)
        bundle.load(made)


def _bundle_files() -> Iterable[Case]:
    from tests.fuzz import small_bundle

    return ((path.name, path.read_bytes()) for path in sorted(small_bundle.made().iterdir()))


def _bundle_structures() -> st.SearchStrategy[Case]:
    files = dict(_bundle_files())
    tables = {name: json.loads(data) for name, data in files.items() if name.endswith(".json")}
    network = files.pop("classifier.keras")
    return st.one_of(
        *(_named(name, structures.edited(table).map(structures.as_json)) for name, table in tables.items()),
        _named("classifier.keras", structures.networks(network)),
    )


def _serve(name: str, data: bytes, folder: Path) -> None:
    """Ask the served model for several rows, the last one sound: it must be answered."""
    from tests.fuzz import small_bundle

    rows = (
        [_row(row) for row in json.loads(data)]
        if name.endswith(".json")
        else [base64.b64encode(data).decode()]
    )
    answers = small_bundle.served([*rows, base64.b64encode(_sound()).decode()])
    if len(answers) != len(rows) + 1 or not 0 <= answers["probability"].iloc[-1] <= 1:
        raise AssertionError(f"a sound row among others was not answered: {answers.to_dict()}")


def _row(value: Any) -> Any:
    """Give what a row holds; JSON has no bytes, so they come as an object."""
    return base64.b64decode(value["b"]) if isinstance(value, dict) and "b" in value else value


@cache
def _sound() -> bytes:
    """Draw a radiograph that is admitted."""
    drawn = drawing.draw(7, "test", 0, fractured=True, side_px=(160, 200))
    return images.encode_png(drawn.pixels)


def _rows() -> st.SearchStrategy[Case]:
    sound = base64.b64encode(_sound()).decode()
    wrapped = "\n".join(sound[at : at + 76] for at in range(0, len(sound), 76))
    texts = [sound, sound[:-3], f"data:image/png;base64,{sound}", wrapped, sound + "=", "=", "\0", "é" * 9,
             "x" * 300, "x" * 2000, "/etc/passwd", "params.yaml"]  # fmt: skip
    raw = st.binary(max_size=40).map(base64.b64encode).map(bytes.decode)
    cells = st.one_of(st.sampled_from(texts), structures.ODD, raw, raw.map(lambda text: {"b": text}))
    return st.lists(cells, max_size=3).map(lambda rows: ("rows.json", structures.as_json(rows)))


def _named(name: str, strategy: st.SearchStrategy[bytes]) -> st.SearchStrategy[Case]:
    return strategy.map(lambda data: (name, data))


def _is_fault(error: Exception, name: str) -> bool:
    return isinstance(error, ImageFault) and seeds.PATIENT not in str(error)


def _names_the_file(error: Exception, name: str) -> bool:
    return isinstance(error, ValueError) and name in str(error)


def _is_config_error(error: Exception, name: str) -> bool:
    return isinstance(error, config.ConfigError) and name in str(error)


def _with(line: str) -> bytes:
    """Put a line in the place of the seed into the settings."""
    return _PARAMS.read_text(encoding="utf-8").replace("  seed: 7", f"  {line}").encode()


_BOMB = "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghij"))
# What no chance finds again: depth, size, aliases.
KNOWN: dict[str, list[bytes]] = {
    "annotations": [
        b"[" * 100_000,
        b'{"images": [{"id": %s}], "annotations": []}' % (b"9" * 5000),
        b'\xef\xbb\xbf{"images": [], "annotations": []}',
    ],
    "labels": [b"path," * 200_000, b'path\n"' + b"x" * 1_000_000, b"path,hand\na,b,c,d\n"],
    "params": [
        b"[" * 3000,
        ("a: &a [x, y]\n" + _BOMB).encode(),
        *map(_with, ("seed: 2020-99-99", "seed: " + "9" * 5000, "seed: !!timestamp x", "seed: &a [*a]")),
    ],
    "bundle": [b"[" * 100_000, b"[]", b"null"],
}
TARGETS = {
    "pictures": Fuzzed(_pictures, None, _admit, _is_fault),
    "dicom": Fuzzed(_dicoms, None, _admit, _is_fault),
    "annotations": Fuzzed(
        lambda: [("a.coco.json", structures.as_json(_COCO))],
        lambda: _named("a.coco.json", structures.edited(_COCO).map(structures.as_json)),
        _annotations,
        _names_the_file,
    ),
    "labels": Fuzzed(
        lambda: [("labels.csv", _CSV.encode())],
        lambda: _named("labels.csv", structures.tables(PATHS)),
        _labels,
        _names_the_file,
    ),
    "params": Fuzzed(
        lambda: [("params.yaml", _PARAMS.read_bytes())],
        lambda: _named("params.yaml", structures.edited(_settings()).map(structures.as_yaml)),
        _params,
        _is_config_error,
    ),
    "bundle": Fuzzed(_bundle_files, _bundle_structures, _bundle, _names_the_file),
    "served": Fuzzed(_files, _rows, _serve, lambda error, name: False),
}  # fmt: skip
