from __future__ import annotations

import io
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from pipeline.network import torch_weights


def stand_in(module: str, name: str) -> type:
    return type(name, (), {"__module__": module, "__qualname__": name})


REBUILD = stand_in("torch._utils", "_rebuild_tensor_v2")
STORAGES = {"<f4": stand_in("torch", "FloatStorage"), "<i8": stand_in("torch", "LongStorage")}


@pytest.fixture(scope="module", autouse=True)
def _torch_by_name() -> Any:
    """Modules that pickle can name; PyTorch itself is not there."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    for storage in STORAGES.values():
        setattr(torch, storage.__name__, storage)
    setattr(utils, REBUILD.__name__, REBUILD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", torch)
        patch.setitem(sys.modules, "torch._utils", utils)
        yield


@dataclass
class Storage:
    key: str
    values: np.ndarray


@dataclass
class Tensor:
    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Pickler(pickle.Pickler):
    """Writes tensors as PyTorch does: a rebuilding call, and a storage named by its key."""

    def persistent_id(self, thing: Any) -> Any:
        if isinstance(thing, Storage):
            kind = STORAGES[thing.values.dtype.str]
            return ("storage", kind, thing.key, "cpu", thing.values.size, None)
        return None

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, Tensor):
            where = (thing.storage, thing.offset, thing.shape, thing.strides)
            return REBUILD, (*where, False, OrderedDict())
        return NotImplemented


def pickled(thing: Any) -> bytes:
    buffer = io.BytesIO()
    Pickler(buffer, 2).dump(thing)
    return buffer.getvalue()


def legacy(content: bytes, *storages: Storage) -> bytes:
    head = [pickled(0x1950A86A20F9469CFC6C), pickled(1001), pickled({"little_endian": True})]
    keys = pickled([storage.key for storage in storages])
    raw = [struct.pack("<q", s.values.size) + s.values.tobytes() for s in storages]
    return b"".join([*head, content, keys, *raw])


def zipped(content: bytes, *storages: Storage) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model/data.pkl", content)
        for storage in storages:
            archive.writestr(f"model/data/{storage.key}", storage.values.tobytes())
    return buffer.getvalue()


FORMATS = [legacy, zipped]
Format = Callable[..., bytes]
WEIGHTS, STEPS = Storage("0", np.arange(12, dtype="<f4")), Storage("1", np.array([41, 42], "<i8"))


def state_dict() -> OrderedDict[str, Any]:
    return OrderedDict(
        weight=Tensor(WEIGHTS, 0, (3, 4), (4, 1)),
        transposed=Tensor(WEIGHTS, 0, (4, 3), (1, 4)),
        tail=Tensor(WEIGHTS, 10, (2,), (1,)),
        steps=Tensor(STEPS, 1, (), ()),
        nothing=Tensor(WEIGHTS, 0, (0, 5), (5, 1)),
        note="no tensor",
    )


def read(path: Path, data: bytes) -> dict[str, Any]:
    path.write_bytes(data)
    return torch_weights.read_state_dict(path)


@pytest.mark.parametrize("write", FORMATS)
def test_tensors_come_back_by_name(tmp_path: Path, write: Format) -> None:
    found = read(tmp_path / "w.pth", write(pickled(state_dict()), WEIGHTS, STEPS))
    grid = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert list(found) == ["weight", "transposed", "tail", "steps", "nothing"]
    assert np.array_equal(found["weight"], grid)
    assert np.array_equal(found["transposed"], grid.T)
    assert found["tail"].tolist() == [10, 11]
    assert found["steps"] == 42
    assert found["steps"].dtype == np.int64
    assert found["nothing"].shape == (0, 5)


def test_tensors_of_one_storage_are_copies(tmp_path: Path) -> None:
    found = read(tmp_path / "w.pth", legacy(pickled(state_dict()), WEIGHTS, STEPS))
    found["weight"][:] = -1
    assert found["tail"].tolist() == [10, 11]


HOSTILE = [
    b"cos\nsystem\n(S'touch {path}'\ntR.",
    b"cposix\nsystem\n(S'touch {path}'\ntR.",
    b'cbuiltins\neval\n(S\'open("{path}", "w")\'\ntR.',
    b"csubprocess\nPopen\n(S'touch {path}'\ntR.",
    b"ctorch.serialization\nload\n(S'{path}'\ntR.",
    b"ctorch\n_utils\n.",
]


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize("payload", HOSTILE)
@pytest.mark.reliability(41)
def test_other_globals_are_neither_resolved_nor_run(tmp_path: Path, write: Format, payload: bytes) -> None:
    trace = tmp_path / "trace"
    hostile = payload.replace(b"{path}", str(trace).encode())
    module, name = hostile[1:].split(b"\n")[:2]
    with pytest.raises(torch_weights.TorchFileError, match=rf"asks for {module.decode()}\.{name.decode()}"):
        read(tmp_path / "w.pth", write(hostile))
    assert not trace.exists()


def test_a_hostile_header_is_refused_too(tmp_path: Path) -> None:
    with pytest.raises(torch_weights.TorchFileError, match=r"os\.system"):
        read(tmp_path / "w.pth", b"cos\nsystem\n(S'true'\ntR.")


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize(
    "tensor",
    [
        Tensor(WEIGHTS, 0, (13,), (1,)),
        Tensor(WEIGHTS, 11, (2,), (1,)),
        Tensor(WEIGHTS, 0, (2, 2), (10, 2)),
        Tensor(WEIGHTS, -1, (2,), (1,)),
        Tensor(WEIGHTS, 0, (2,), (-1,)),
        Tensor(WEIGHTS, 0, (2, 2), (1,)),
        Tensor(WEIGHTS, 12, (), ()),
    ],
)
def test_a_tensor_outside_its_storage_is_refused(tmp_path: Path, write: Format, tensor: Tensor) -> None:
    with pytest.raises(torch_weights.TorchFileError, match=r"w\.pth is not a PyTorch state dict"):
        read(tmp_path / "w.pth", write(pickled({"weight": tensor}), WEIGHTS))


@pytest.mark.parametrize("write", FORMATS)
def test_a_pickle_cannot_enlarge_a_storage(tmp_path: Path, write: Format) -> None:
    tensor = pickled({"weight": Tensor(WEIGHTS, 0, (1000,), (1,))})
    load_storage = tensor.index(b"Q") + 1  # the opcode that asks for a storage
    build = b"}q\xf0X\x04\x00\x00\x00sizeM\xe8\x03sb"  # set {"size": 1000} on it
    with pytest.raises(torch_weights.TorchFileError, match=r"1000 were announced|reaches past|smaller than"):
        read(tmp_path / "w.pth", write(tensor[:load_storage] + build + tensor[load_storage:], WEIGHTS))


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.reliability("PyTorch weights cut anywhere", "F")
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, write: Format) -> None:
    whole = write(pickled(state_dict()), WEIGHTS, STEPS)
    for length in range(0, len(whole), 7):
        with pytest.raises(torch_weights.TorchFileError):
            read(tmp_path / "w.pth", whole[:length])


@given(st.binary(max_size=200))
@rules(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_that_are_no_state_dict_are_refused(tmp_path: Path, noise: bytes) -> None:
    with pytest.raises(torch_weights.TorchFileError):
        read(tmp_path / "w.pth", noise)


@given(st.data())
@rules(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.reliability("PyTorch weights with a flipped byte", "F, or no change")
def test_a_flipped_byte_of_an_archive_is_refused_or_harmless(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(zipped(pickled(state_dict()), WEIGHTS, STEPS))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = read(tmp_path / "w.pth", bytes(whole))
    except torch_weights.TorchFileError:
        return
    assert np.array_equal(found["weight"], np.arange(12).reshape(3, 4))


def test_what_holds_no_tensors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(torch_weights.TorchFileError):
        read(tmp_path / "w.pth", legacy(pickled(7)))


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        torch_weights.read_state_dict(tmp_path / "none.pth")
