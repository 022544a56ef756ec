"""Read a PyTorch state dict without PyTorch, and without running what a pickle asks for.

Both file formats are read: the legacy one (PyTorch before 1.6: five pickles, then raw storages)
and the zip archive. Only the few globals that rebuild a tensor are resolved, so a hostile file
cannot execute code.

References
----------
``torch/serialization.py`` of PyTorch 1.6, functions ``_legacy_load`` and ``_load``.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_LEGACY_MAGIC, _LEGACY_VERSION = 0x1950A86A20F9469CFC6C, 1001
_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}


class TorchFileError(ValueError):
    """The file is no PyTorch state dict, or asks for more than tensors."""


def read_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """Read the named tensors of a ``.pth`` file.

    Parameters
    ----------
    path
        A file written by ``torch.save(model.state_dict(), path)``.

    Returns
    -------
    dict
        Name to array, in the file's order, each a copy of its own.

    Raises
    ------
    TorchFileError
        The file is damaged, is no state dict, or names a global that is not allowed.
    """
    path.open("rb").close()  # a file that is absent or forbidden keeps its own error
    try:
        content = _read_zip(path) if zipfile.is_zipfile(path) else _read_legacy(path)
        return {name: tensor.array() for name, tensor in content.items() if isinstance(tensor, _Tensor)}
    except Exception as error:  # a damaged archive or pickle can raise nearly anything
        raise TorchFileError(f"{path} is not a PyTorch state dict: {error}") from error


@dataclass
class _Storage:
    """A flat buffer that is filled once its bytes are reached."""

    dtype: np.dtype[Any]
    size: int
    values: NDArray[Any] = field(default_factory=lambda: np.empty(0))

    def fill(self, data: bytes) -> None:
        self.values = np.frombuffer(data, self.dtype, self.size)


@dataclass(frozen=True)
class _Tensor:
    """A strided view of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> NDArray[Any]:
        values = np.asarray(self.storage.values)
        reach = sum((n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.shape, *self.strides)) < 0:
            raise ValueError("a tensor's offset, shape and strides must not be negative")
        if 0 not in self.shape and self.offset + reach >= values.size:
            raise ValueError(f"a tensor reaches past its storage of {values.size} values")
        byte_strides = [stride * values.itemsize for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, byte_strides)
        return view.copy()


def _tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _parameter(tensor: _Tensor, *_: Any) -> _Tensor:
    return tensor


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


class _Unpickler(pickle.Unpickler):
    """Resolves an allow-list of globals and hands storages to ``find_storage``."""

    def __init__(self, file: BinaryIO, find_storage: Callable[[Any], Any]) -> None:
        super().__init__(file, encoding="utf-8")
        self._find_storage = find_storage

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not allowed")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> Any:
        return self._find_storage(pid)


class _Storages(dict[str, _Storage]):
    """Storages by key, created as the pickle names them."""

    def find(self, pid: Any) -> Any:
        if pid[0] != "storage":
            raise pickle.UnpicklingError(f"it refers to a {pid[0]!r}, not to a storage")
        dtype, key, _, size = pid[1:5]
        return self.setdefault(key, _Storage(np.dtype(dtype), size))


def _read_zip(path: Path) -> dict[str, Any]:
    storages = _Storages()
    with zipfile.ZipFile(path) as archive:
        pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        content = _Unpickler(io.BytesIO(archive.read(pickled)), storages.find).load()
        folder = pickled.removesuffix("data.pkl")
        for key, storage in storages.items():
            storage.fill(archive.read(f"{folder}data/{key}"))
    return dict(content)


def _read_legacy(path: Path) -> dict[str, Any]:
    storages = _Storages()
    with path.open("rb") as file:
        magic, version, _system = (_Unpickler(file, storages.find).load() for _ in range(3))
        if (magic, version) != (_LEGACY_MAGIC, _LEGACY_VERSION):
            raise ValueError("its first bytes are not PyTorch's")
        content = _Unpickler(file, storages.find).load()
        for key in _Unpickler(file, storages.find).load():
            (size,) = struct.unpack("<q", file.read(8))
            storage = storages[key]
            if size != storage.size:
                raise ValueError(f"storage {key} holds {size} values, {storage.size} were announced")
            storage.fill(file.read(size * storage.dtype.itemsize))
    return dict(content)
