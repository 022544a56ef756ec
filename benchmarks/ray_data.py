"""The same small work by Ray's tasks and by Ray Data, as docs/decisions/0029 compares them.

    python -m benchmarks.ray_data

Both get 1,000 items in batches of eight, on two cores, and must give the results in order.
"""

from __future__ import annotations

import logging
import os
import pickle
import time
from collections.abc import Callable, Iterator

from pipeline.config import Run
from pipeline.files import engine

N_ITEMS, BATCH, SECONDS = 1000, 8, 0.002


def slow_square(number: int) -> int:
    """Work that takes a moment."""
    time.sleep(SECONDS)
    return number**2


def by_tasks() -> Iterator[int]:
    """As the pipeline does it."""
    yield from engine.process(slow_square, range(N_ITEMS), workers=2, label="tasks")


def by_ray_data() -> Iterator[int]:
    """By `map_batches` over pickled batches, since items are objects of ours."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    batches = [pickle.dumps(range(N_ITEMS)[start : start + BATCH]) for start in range(0, N_ITEMS, BATCH)]
    rows = ray.data.from_items([{"batch": batch} for batch in batches], override_num_blocks=len(batches))
    for row in rows.map_batches(_worked, batch_size=1).iter_rows():
        yield from pickle.loads(row["batch"])


def _worked(rows: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    return {"batch": [pickle.dumps([slow_square(n) for n in pickle.loads(each)]) for each in rows["batch"]]}


def measure(name: str, way: Callable[[], Iterator[int]]) -> None:
    """Print how long the first result takes, and all of them."""
    begun, results = time.perf_counter(), way()
    found = [next(results)]
    first = time.perf_counter() - begun
    found += results
    in_order = found == [number**2 for number in range(N_ITEMS)]
    print(f"| {name} | {first:.1f} | {time.perf_counter() - begun:.1f} | {in_order} |")


def main() -> None:
    """Print a table in Markdown."""
    run = Run(seed=0, workers=2, engine="ray", ray_address="", threads=0, device="cpu")
    with engine.chosen(run):
        list(engine.process(slow_square, range(2 * BATCH), workers=2, label="start"))
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        print(
            f"load {os.getloadavg()[0]:.1f}\n| way | first result, s | all, s | in order |\n|---|---|---|---|"
        )
        for name, way in (("tasks", by_tasks), ("Ray Data", by_ray_data)):
            for _ in range(2):
                measure(name, way)


if __name__ == "__main__":
    main()
