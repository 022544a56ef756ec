"""One file's way through the service: decoded in a process, asked in a batch, told as `predict` tells it."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from pipeline.config import Config
from pipeline.examine import examination, record, studies
from pipeline.files import images
from pipeline.files.faults import ImageFault
from pipeline.predict.bundle import Finding
from pipeline.serve.batching import Batches
from pipeline.serve.metrics import Metrics
from pipeline.serve.model import Model
from pipeline.serve.problems import busy
from pipeline.serve.reading import Decoders, Item
from pipeline.serve.seen import Seen
from pipeline.serve.sent import Sent
from pipeline.types import UInt8Array
from pipeline.validate import intake

_DECODING = 1 / 3  # of a request's time: what one file may take of it
_THREADS = 32  # files that are on their way at once; most of them wait


class Wanted(NamedTuple):
    """What an answer holds besides: the region map, and the radiograph as it is shown upright.

    What is ``uncounted`` goes neither into the metrics of radiographs nor into what was seen: a canary, and
    what was counted before.
    """

    region_map: bool = False
    image: bool = False
    uncounted: bool = False


class Answer(NamedTuple):
    """What is said of a file.

    Attributes
    ----------
    record
        As `predict` gives it, or the file's refusal.
    study
        The instance UID of the study that it belongs to; empty where it names none.
    finding
        Without the map; None of a refused file.
    """

    record: dict[str, Any]
    study: str = ""
    finding: Finding | None = None


class _Asked:
    """One request: who answers, until when, and how many pixels it may still hold."""

    def __init__(self, model: Model, wanted: Wanted, until: float, max_pixels: int) -> None:
        self.model, self.wanted, self.until = model, wanted, until
        self._max_pixels = self._left = max_pixels
        self._lock = Lock()

    def take(self, n_pixels: int) -> None:
        """Count a radiograph; an ImageFault where a request holds too much."""
        with self._lock:
            self._left -= n_pixels
            if self._left < 0:
                rule = f"a request may hold {self._max_pixels} pixels in all. Send fewer files."
                raise ImageFault("too_large", rule)


class Examiner:
    """Examines the files of all requests.

    Parameters
    ----------
    seen
        Folder for a line about each radiograph; None for no record. See `pipeline.drift.served`.
    """

    def __init__(self, config: Config, metrics: Metrics, seen: Path | None = None) -> None:
        self._config, self._metrics, self._seen = config, metrics, seen and Seen(seen)
        self._threads = ThreadPoolExecutor(_THREADS, "request")
        self._decoders = Decoders(config.run.workers, _DECODING * config.serve.timeout_s)
        self._batches = Batches(metrics.batch)

    async def examine(self, model: Model, files: Sequence[Sent], wanted: Wanted) -> list[Answer]:
        """Examine the files of one request by one model, in their order.

        Raises
        ------
        Problem
            503: it takes longer than ``serve.timeout_s``.
        """
        settings, loop = self._config.serve, asyncio.get_running_loop()
        asked = _Asked(model, wanted, time.monotonic() + settings.timeout_s, settings.max_pixels)
        every = (loop.run_in_executor(self._threads, self._one, asked, file) for file in files)
        answers = list(await asyncio.gather(*every))
        if not wanted.uncounted:
            self._metrics.answers(answer.record for answer in answers)
        return answers

    def close(self) -> None:
        """Answer what was begun, then end processes and threads."""
        self._threads.shutdown(cancel_futures=True)
        self._decoders.close()
        self._batches.close()

    def _one(self, asked: _Asked, sent: Sent) -> Answer:
        try:
            return self._examined(asked, sent)
        except ImageFault as fault:
            return Answer(record.refuse(sent.path, fault))
        except TimeoutError:
            raise busy("the service did not come to this request in time. Send it again later.") from None

    def _examined(self, asked: _Asked, sent: Sent) -> Answer:
        if isinstance(sent.data, ImageFault):
            raise sent.data
        limits = examination.limits(self._config, asked.model.bundle)
        with self._decoders.decoded(Item(sent.data, sent.name, limits), asked.until) as read:
            self._metrics.part("read", read.seconds)
            if isinstance(read.result, ImageFault):
                return Answer(record.refuse(sent.path, read.result), read.study)
            radiograph = read.result.radiograph
            asked.take(radiograph.pixels.size)
            if self._seen and not asked.wanted.uncounted:
                self._seen.note(radiograph, len(sent.data))
            finding = self._ask(asked, radiograph.pixels)
            told = _told(asked, sent, read.result, finding) | {"spacing_mm": read.spacing_mm}
            return Answer(told, read.study, studies.without_map(finding))

    def _ask(self, asked: _Asked, pixels: UInt8Array) -> Finding:
        answer = self._batches.ask(asked.model, pixels)
        try:
            return answer.result(max(asked.until - time.monotonic(), 0))
        finally:
            answer.cancel()  # where it took too long; nobody waits for it


def _told(asked: _Asked, sent: Sent, admitted: intake.Admitted, finding: Finding) -> dict[str, Any]:
    told = record.describe(sent.path, admitted, finding, asked.model.bundle)
    pixels = admitted.radiograph.pixels
    told["height_px"], told["width_px"] = pixels.shape
    if asked.wanted.region_map:
        told["region_map"] = _png(np.rint(255 * finding.region_map).astype(np.uint8))
    if asked.wanted.image:
        told["image"] = _png(finding.placement.set_right(pixels))
    return told


def _png(pixels: UInt8Array) -> str:
    return f"data:image/png;base64,{base64.b64encode(images.encode_png(pixels)).decode()}"
