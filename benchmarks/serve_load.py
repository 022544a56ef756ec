"""Ask a real `fracture serve` by many clients at once: how fast it answers, with what codes and memory.

    python -m benchmarks.serve_load [--model released] [--seconds 60] [--clients 64] [--limited]

Starts the service in a folder of its own, sends each client's next radiograph when it has the answer to the
one before, and prints one line of JSON: requests a second, the 50th and 99th percentile of the seconds of
answers with code 200, the codes, and the resident memory of the service with its processes, in MiB, when
the load began, in its middle and at its end. `--limited` keeps the rate of params.yaml, under which most of
so many clients on one address get 429.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
import yaml

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))  # for `ci`, which is not installed

from ci import servers  # noqa: E402
from pipeline.files import images  # noqa: E402
from pipeline.phantoms import drawing  # noqa: E402

_RADIOGRAPHS = 16
_WARM_S = 5.0  # before memory is looked at for the first time


def main() -> None:
    """Start, ask, print."""
    options = _options()
    sent = [_radiograph(index) for index in range(_RADIOGRAPHS)]
    with tempfile.TemporaryDirectory() as folder, _serving(Path(folder), options) as (address, process):
        times, codes, memory = asyncio.run(_load(address, process, sent, options))
    answered = np.array(times)
    p50, p99 = np.percentile(answered, [50, 99]) if times else (None, None)
    figures = {
        "clients": options.clients, "seconds": options.seconds, "requests": sum(codes.values()),
        "answers_a_second": round(len(times) / options.seconds, 2),
        "p50_s": p50 and round(p50, 3), "p99_s": p99 and round(p99, 3),
        "codes": dict(sorted(codes.items())), "memory_mib": memory,
    }  # fmt: skip
    print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="released")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--limited", action="store_true")
    return parser.parse_args()


def _radiograph(index: int) -> bytes:
    drawn = drawing.draw(5, "test", index, fractured=bool(index % 2), side_px=(320, 560))
    return images.encode_jpeg(drawn.pixels)


@contextmanager
def _serving(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, psutil.Process]]:
    values = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    values["serve"] |= {"port": servers.free_port(), "max_concurrent": options.clients + 8}
    values["serve"] |= {} if options.limited else {"rate_per_s": 1e6, "burst": 10**6}
    (folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    path = Path(options.model)
    model = str(path.resolve()) if path.is_dir() else options.model
    command = [sys.executable, "-m", "pipeline", "serve", "--model", model]
    around = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=around, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{values['serve']['port']}"
            servers.wait(f"{address}/ready", server)
            yield address, psutil.Process(server.pid)
        finally:
            servers.end(server)
            print((folder / "log").read_text(), file=sys.stderr)


async def _load(
    address: str, process: psutil.Process, sent: list[bytes], options: argparse.Namespace
) -> tuple[list[float], Counter[int], list[float]]:
    times: list[float] = []
    codes: Counter[int] = Counter()
    until = time.monotonic() + options.seconds
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
        asking = [
            asyncio.create_task(_client(client, sent, n, until, times, codes)) for n in range(options.clients)
        ]
        memory = []
        for pause_s in (_WARM_S, (options.seconds - _WARM_S) / 2, (options.seconds - _WARM_S) / 2):
            await asyncio.sleep(pause_s)
            memory.append(_mib(process))
        await asyncio.gather(*asking)
    return times, codes, memory


async def _client(
    client: httpx.AsyncClient,
    sent: list[bytes],
    number: int,
    until: float,
    times: list[float],
    codes: Counter[int],
) -> None:
    while time.monotonic() < until:
        number += 1
        start = time.monotonic()
        try:
            files = {"file": ("a.jpg", sent[number % len(sent)])}
            code = (await client.post("/predict", files=files)).status_code
        except httpx.HTTPError:
            code = 0
        codes[code] += 1
        if code == 200:
            times.append(time.monotonic() - start)
        else:
            await asyncio.sleep(0.1)


def _mib(process: psutil.Process) -> float:
    every = [process, *process.children(recursive=True)]
    return round(sum(each.memory_info().rss for each in every) / 2**20, 1)


if __name__ == "__main__":
    main()
