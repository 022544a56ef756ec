"""A network on two machines of a Ray cluster answers as it does here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.network import interface, portable, tta
from pipeline.network.interface import NetworkOutput
from pipeline.types import UInt8Array
from tests import records

N_BATCHES = 5


def batches() -> Iterator[UInt8Array]:
    random = np.random.default_rng(5)
    for size in [3] * (N_BATCHES - 1) + [1]:
        yield random.integers(0, 255, (size, records.SIDE, records.SIDE), np.uint8)


@pytest.mark.slow
@pytest.mark.usefixtures("two_machines")
def test_all_outputs_are_the_same_to_the_bit(network: keras.Model, network_file: Path) -> None:
    predict = tta.with_tta(portable.predictor(network, network_file), 2)
    spread = list(interface.each(predict, batches()))
    here = [predict(batch) for batch in batches()]
    assert len(spread) == N_BATCHES
    assert [identical(*pair) for pair in zip(spread, here, strict=True)] == [True] * N_BATCHES


def identical(one: NetworkOutput, other: NetworkOutput) -> bool:
    return all(mine.tobytes() == its.tobytes() for mine, its in zip(one, other, strict=True))
