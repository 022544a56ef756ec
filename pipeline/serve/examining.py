"""One file's way through the service: decoded in a process, asked in a batch, told as `predict` tells it."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from typing import Any, NamedTuple

import numpy as np

from pipeline.config import Config, in_repository
from pipeline.examine import record
from pipeline.files import images
from pipeline.files.faults import ImageFault
from pipeline.files.limits import Limits
from pipeline.predict.bundle import Finding
from pipeline.serve.batching import Batches
from pipeline.serve.model import Model
from pipeline.serve.problems import busy
from pipeline.serve.reading import Decoders, Item, Read
from pipeline.serve.sent import Sent
from pipeline.types import UInt8Array


class Wanted(NamedTuple):
    """What an answer holds besides: the region map, and the radiograph as it is shown upright."""

    region_map: bool = False
    image: bool = False


class Answer(NamedTuple):
    """A file's record, and the study that it belongs to; empty where it names none."""

    record: dict[str, Any]
    study: str = ""


class Examiner:
    """Examines the files of all requests."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._threads = ThreadPoolExecutor(32, "request")
        self._decoders = Decoders(config.run.workers)
        self._batches = Batches()

    async def examine(self, model: Model, files: Sequence[Sent], wanted: Wanted) -> list[Answer]:
        """Examine the files of one request by one model, in their order."""
        loop = asyncio.get_running_loop()
        until = time.monotonic() + 60
        asked = (loop.run_in_executor(self._threads, self._one, model, file, wanted, until) for file in files)
        return list(await asyncio.gather(*asked))

    def close(self) -> None:
        """End processes and threads."""
        self._decoders.close()
        self._threads.shutdown(cancel_futures=True)
        self._batches.close()

    def _one(self, model: Model, sent: Sent, wanted: Wanted, until: float) -> Answer:
        try:
            read = self._read(model, sent, until)
            finding = self._ask(model, read, until)
        except ImageFault as fault:
            return Answer(record.refuse(sent.path, fault))
        except TimeoutError:
            raise busy("the service did not come to this request in time. Send it again later.") from None
        return Answer(_told(model, sent, read, finding, wanted), read.study)

    def _read(self, model: Model, sent: Sent, until: float) -> Read:
        if isinstance(sent.data, ImageFault):
            raise sent.data
        limits = Limits.of(self._config.validation) if in_repository() else model.bundle.limits
        read = self._decoders.read(Item(sent.data, sent.name, limits), until - time.monotonic())
        if isinstance(read, ImageFault):
            raise read
        return read

    def _ask(self, model: Model, read: Read, until: float) -> Finding:
        asked = self._batches.ask(model, read.admitted.radiograph.pixels)
        try:
            return asked.result(max(until - time.monotonic(), 0))
        except TooSlow:
            asked.cancel()
            raise TimeoutError from None


def _told(model: Model, sent: Sent, read: Read, finding: Finding, wanted: Wanted) -> dict[str, Any]:
    answer = record.describe(sent.path, read.admitted, finding, model.bundle)
    height_px, width_px = read.admitted.radiograph.pixels.shape
    answer |= {"width_px": width_px, "height_px": height_px, "spacing_mm": read.spacing_mm}
    if wanted.region_map:
        answer["region_map"] = _png(np.rint(255 * finding.region_map).astype(np.uint8))
    if wanted.image:
        answer["image"] = _png(finding.placement.set_right(read.admitted.radiograph.pixels))
    return answer


def _png(pixels: UInt8Array) -> str:
    return f"data:image/png;base64,{base64.b64encode(images.encode_png(pixels)).decode()}"
