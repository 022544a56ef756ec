"""What a network takes and gives, whichever library runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.files import engine

T = TypeVar("T")

STRIDE = 8  # pixels of the canvas to a cell of the evidence
BATCH = 16  # radiographs in memory at once


class NetworkOutput(NamedTuple):
    """What the network computes of B radiographs.

    Attributes
    ----------
    logits
        (B,).
    evidence
        (B, M, N), as logits.
    parts
        (B, K), probabilities of the parts of the body; K is 0 without that head.
    features
        (B, 2 C), mean and maximum over the backbone's coarsest features, of the canvas itself: what tells how
        far a radiograph lies from those of training.
    boxes
        (B, M, N, 4) float16, since those of a whole split lie in memory: from each cell's centre up, left,
        down and right to the sides of a fracture's box, in pixels of the canvas; (B, 0, 0, 4) without that
        head.
    """

    logits: NDArray[np.float32]
    evidence: NDArray[np.float32]
    parts: NDArray[np.float32]
    features: NDArray[np.float32] = np.zeros((0, 0), np.float32)
    boxes: NDArray[np.float16] = np.zeros((0, 0, 0, 4), np.float16)

    @classmethod
    def of_named(cls, outputs: Mapping[str, NDArray[Any]]) -> NetworkOutput:
        """Make one of what a network gave by name; heads that it lacks are empty."""
        n = len(outputs["logits"])
        parts = outputs.get("parts", np.zeros((n, 0), np.float32))
        boxes = outputs.get("boxes", np.zeros((n, 0, 0, 4), np.float16))
        return cls(outputs["logits"], outputs["evidence"], parts, outputs["features"], boxes)


Predict = Callable[[NDArray[np.uint8]], NetworkOutput]


@dataclass(frozen=True)
class Portable:
    """A predictor that travels to other processes as what makes it anew there."""

    predict: Predict
    make: Callable[[], Predict]

    def __call__(self, canvases: NDArray[np.uint8]) -> NetworkOutput:
        """Predict, as the predictor does."""
        return self.predict(canvases)

    def __reduce__(self) -> tuple[Callable[..., Portable], tuple[Callable[[], Predict]]]:
        return _made, (self.make,)


def _made(make: Callable[[], Predict]) -> Portable:
    return Portable(make(), make)


def each(predict: Predict, batches: Iterable[NDArray[np.uint8]]) -> Iterator[NetworkOutput]:
    """Yield the outputs of batches of canvases; on all machines of a cluster, where the predictor travels."""
    spread = engine.on_machines if isinstance(predict, Portable) else map
    return spread(predict, batches)


def in_batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield items so many at a time as are in memory at once."""
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def concatenate(outputs: Sequence[NetworkOutput]) -> NetworkOutput:
    """Join the outputs of several batches into one."""
    return NetworkOutput(*(np.concatenate(batches) for batches in zip(*outputs, strict=True)))
