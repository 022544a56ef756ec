"""An S3 server on loopback, and what tests put into its buckets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_EMPTY = Path(__file__).with_name("__init__.py")  # DVC asks for a regular file
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAXQ7", "AWS_SECRET_ACCESS_KEY": "zebra-of-nobody"}
ENVIRONMENT = {
    **KEYS,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": str(_EMPTY),  # the keys of whoever runs the tests are none of theirs
    "AWS_SHARED_CREDENTIALS_FILE": str(_EMPTY),
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


class Bucket:
    """A bucket, empty at first."""

    def __init__(self, endpoint: str, name: str) -> None:
        import boto3

        self.endpoint, self.name = endpoint, name
        self._client = boto3.client("s3", endpoint_url=endpoint)
        self._client.create_bucket(Bucket=name)

    def put(self, key: str, data: bytes, **options: Any) -> None:
        self._client.put_object(Bucket=self.name, Key=key, Body=data, **options)

    def put_folder(self, folder: Path, prefix: str) -> None:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self.name, Key=key)

    def objects(self) -> dict[str, tuple[str, str]]:
        """Keys to what would change with any writing."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        listed = [each for page in pages for each in page.get("Contents", ())]
        return {each["Key"]: (each["ETag"], str(each["LastModified"])) for each in listed}


@contextmanager
def served() -> Iterator[str]:
    """Serve S3 on a free port of loopback, and let this process and its children find it."""
    pytest.importorskip("s3fs", reason="the extra s3 is not installed")
    server = pytest.importorskip("moto.server", reason="moto is not installed")
    threaded = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    threaded.start()
    host, port = threaded.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (ENVIRONMENT | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}).items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        try:
            yield os.environ["AWS_ENDPOINT_URL"]
        finally:
            threaded.stop()
