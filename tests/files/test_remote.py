"""Files at an address: what is listed, fetched, kept and refused."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import fsspec
import pytest

from pipeline import addresses
from pipeline.files import images, remote, stores
from pipeline.files.faults import ImageFault
from tests import buckets

ODD = (
    "a b.jpg",
    "50%20 \u00fc.jpg",
    "zero.jpg",
    "below/plus+and&.jpg",
    "r\u00f6ntgen/\u0440\u0443\u043a\u0430.dcm",
    "#'\"[1]*.png",
)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """The folder that stands for an address in memory, which holds two files."""
    memory = fsspec.filesystem("memory")
    memory.pipe({"/place/a.jpg": b"one", "/place/below/b.jpg": b"two", "/placebo/c.jpg": b"another"})
    yield tmp_path / quote("memory://place", safe="")
    memory.store.clear()


@pytest.fixture(scope="module")
def bucket() -> Iterator[buckets.Bucket]:
    with buckets.served() as endpoint:
        stores._store.cache_clear()  # another module's server is gone
        yield buckets.Bucket(endpoint, "remote")
        stores._store.cache_clear()


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): images.read_bytes(path)
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def fetched(root: Path) -> set[str]:
    return {path.name for path in root.rglob("*.jpg") if not path.read_bytes().startswith(b"not fetched")}


def test_a_file_is_fetched_when_it_is_read_and_no_other_one(root: Path) -> None:
    assert remote.mirror(root) == []
    assert fetched(root) == set()
    assert images.read_bytes(root / "a.jpg") == b"one"
    assert fetched(root) == {"a.jpg"}
    assert files(root) == {"a.jpg": b"one", "below/b.jpg": b"two"}


def test_what_was_fetched_is_read_without_the_address(root: Path) -> None:
    remote.mirror(root)
    remote.prefetch(root.rglob("*.jpg"))
    fsspec.filesystem("memory").store.clear()
    assert files(root) == {"a.jpg": b"one", "below/b.jpg": b"two"}


def test_in_a_fresh_clone_a_file_is_read_that_was_never_listed_here(root: Path) -> None:
    assert images.read_bytes(root / "below/b.jpg") == b"two"


def test_what_changed_there_is_fetched_anew_and_what_is_gone_goes(root: Path) -> None:
    remote.mirror(root)
    remote.prefetch(root.rglob("*.jpg"))
    kept = (root / "a.jpg").stat().st_mtime_ns
    memory = fsspec.filesystem("memory")
    memory.rm("/place/below/b.jpg")
    memory.pipe({"/place/new.jpg": b"new"})
    remote.mirror(root)
    assert files(root) == {"a.jpg": b"one", "new.jpg": b"new"}
    assert (root / "a.jpg").stat().st_mtime_ns == kept
    assert not (root / "below").exists()
    memory.pipe({"/place/a.jpg": b"eno"})  # of the same size
    remote.mirror(root)
    assert files(root)["a.jpg"] == b"eno"


@pytest.mark.reliability(
    "a machine that dies while radiographs are fetched", "what came whole stays, the rest is fetched"
)
def test_a_torn_copy_is_fetched_again(root: Path) -> None:
    remote.mirror(root)
    remote.prefetch(root.rglob("*.jpg"))
    (root / "a.jpg").write_bytes(b"")
    remote.mirror(root)
    assert files(root)["a.jpg"] == b"one"


@pytest.mark.reliability("a radiograph at an address that vanishes", "that file is quarantined")
def test_what_vanished_is_a_fault_of_that_file(root: Path) -> None:
    remote.mirror(root)
    fsspec.filesystem("memory").rm("/place/a.jpg")
    remote.prefetch(root.rglob("*.jpg"))
    with pytest.raises(ImageFault, match="not there any more") as caught:
        images.read_bytes(root / "a.jpg")
    assert caught.value.reason == "vanished"
    assert images.read_bytes(root / "below/b.jpg") == b"two"


@pytest.mark.reliability(
    "a radiograph of which only a part comes", "that file is quarantined, after further tries"
)
def test_a_part_of_a_file_is_a_fault_of_that_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_WAITS_S", (0, 0))
    remote.mirror(root)
    fsspec.filesystem("memory").pipe({"/place/a.jpg": b"o"})
    with pytest.raises(ImageFault, match="1 bytes came of 3") as caught:
        images.read_bytes(root / "a.jpg")
    assert caught.value.reason == "unreadable"
    assert not [path for path in root.parent.iterdir() if path.name.startswith(".")]


def test_a_file_over_the_limit_is_not_fetched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MAX_BYTES", 2)
    remote.mirror(root)
    with pytest.raises(ImageFault, match="at most 2 bytes"):
        images.read_bytes(root / "a.jpg")


@pytest.mark.reliability(
    "a disk too small for what lies at an address", "refused before the first file is fetched"
)
def test_a_disk_that_is_too_small_is_told_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 5}))
    remote.mirror(root)
    with pytest.raises(OSError, match=r"memory://place\. Received: 0 MB free, 0 MB needed"):
        remote.prefetch(root.rglob("*.jpg"))
    assert fetched(root) == set()


@pytest.mark.reliability(
    "names in a bucket with spaces, percent signs, quotes and other scripts", "read as from a folder"
)
def test_odd_names_in_a_bucket_are_files_of_those_names(bucket: buckets.Bucket, tmp_path: Path) -> None:
    for name in ODD:
        bucket.put(f"odd/{name}", b"" if name == "zero.jpg" else name.encode())
    bucket.put("odd/below/", b"")  # what some programs leave to stand for a folder
    bucket.put("oddity/other.jpg", b"of another folder")
    root = addresses.folder(f"s3://{bucket.name}/odd", tmp_path)
    before = bucket.objects()
    assert remote.mirror(root) == []
    assert files(root) == {name: b"" if name == "zero.jpg" else name.encode() for name in ODD}
    assert bucket.objects() == before


@pytest.mark.reliability("keys in a bucket that no file can bear", "each is named, the others are read")
def test_keys_that_no_file_can_bear_are_named(bucket: buckets.Bucket, tmp_path: Path) -> None:
    unfit = {"../up.jpg", "/double.jpg", "name", "x.jpg/", "l" * 256}
    for key in (*unfit, "name/a.jpg"):
        bucket.put(f"unfit/{key}", b"bytes")
    root = addresses.folder(f"s3://{bucket.name}/unfit", tmp_path)
    issues = remote.mirror(root)
    assert {issue.path for issue in issues} == unfit
    assert {issue.severity for issue in issues} == {"quarantined"}
    assert files(root) == {"name/a.jpg": b"bytes"}


@pytest.mark.reliability("an object that may not be read, or lies in an archive", "that file is quarantined")
def test_an_object_that_may_not_be_read_is_a_fault_of_that_file(
    bucket: buckets.Bucket, tmp_path: Path
) -> None:
    bucket.put("cold/a.jpg", b"archived", StorageClass="GLACIER")
    bucket.put("cold/b.jpg", b"at hand")
    root = addresses.folder(f"s3://{bucket.name}/cold", tmp_path)
    remote.mirror(root)
    remote.prefetch(root.rglob("*.jpg"))
    with pytest.raises(ImageFault, match="storage class") as caught:
        images.read_bytes(root / "a.jpg")
    assert caught.value.reason == "unreadable"
    assert images.read_bytes(root / "b.jpg") == b"at hand"


@pytest.mark.reliability("keys that expire while radiographs are read", "the run ends: no file is to blame")
def test_keys_that_expire_are_no_fault_of_a_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError("The provided token has expired.")

    remote.mirror(root)
    memory = type(fsspec.filesystem("memory"))
    monkeypatch.setattr(memory, "get_file", refused)
    monkeypatch.setattr(memory, "info", refused)
    with pytest.raises(stores.AddressError, match=r"memory://place must be open .*expired"):
        images.read_bytes(root / "a.jpg")


def test_without_keys_the_address_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs", reason="the extra s3 is not installed")
    for name, value in {**buckets.ENVIRONMENT, "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    for name in (*buckets.KEYS, "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    stores._store.cache_clear()
    with pytest.raises(stores.AddressError, match=r"s3://remote/odd must be open .* locate credentials"):
        remote.mirror(addresses.folder("s3://remote/odd", tmp_path))
    stores._store.cache_clear()


@pytest.mark.parametrize("place", ["s3://remote/nothing", "s3://no-such-bucket/x"])
def test_an_address_that_holds_nothing_is_named(bucket: buckets.Bucket, tmp_path: Path, place: str) -> None:
    with pytest.raises(stores.AddressError, match=f"{place} must hold files"):
        remote.mirror(addresses.folder(place, tmp_path))


@pytest.mark.reliability(
    "an S3 server that is down, or never answers", "a message with the address, after few tries"
)
@pytest.mark.parametrize("listens", [False, True])
def test_a_dead_server_is_named_after_few_tries(
    bucket: buckets.Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, listens: bool
) -> None:
    monkeypatch.setattr(stores, "_WAITS_S", (0,))
    patience = {"connect_timeout": 1, "read_timeout": 0.2, "retries": {"total_max_attempts": 1}}
    monkeypatch.setattr(stores, "_OPTIONS", {"s3": {"config_kwargs": patience}})
    with socket.create_server(("127.0.0.1", 0), backlog=8) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        if not listens:
            silent.close()
        stores._store.cache_clear()
        with pytest.raises(stores.AddressError, match=r"s3://remote/odd must answer\. Received: \w+:"):
            remote.mirror(addresses.folder("s3://remote/odd", tmp_path))
    stores._store.cache_clear()


def test_two_processes_that_fetch_one_file_leave_it_whole(root: Path) -> None:
    remote.mirror(root)
    readers = [threading.Thread(target=images.read_bytes, args=(root / "a.jpg",)) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert (root / "a.jpg").read_bytes() == b"one"
    assert sorted(path.name for path in root.parent.iterdir()) == [root.name, f"{root.name}.json"]
