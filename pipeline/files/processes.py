"""Processes that end when they should: a stage with the DVC that runs it, a server when we are told to."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Thread
from typing import IO

from pipeline.files.outputs import die_with_parent

_LOOK_S = 0.2  # between two looks for a signal
_GRACE_S = 10.0  # for a server to answer what it has begun
_STAGE = "DVC_STAGE"  # what DVC sets for a stage, and for the shell that starts it


def die_with_dvc() -> None:
    """Ask Linux to end this process when the DVC that runs it as a stage dies; elsewhere, do nothing.

    DVC starts a stage by a shell. bash gives its place to the stage; dash, which is /bin/sh of Debian, stays
    between the two and outlives DVC. So the nearest ancestor that is no part of the stage is watched.
    """
    if _STAGE not in os.environ:
        return
    die_with_parent()
    import psutil

    with contextlib.suppress(psutil.Error, OSError, AttributeError):  # no pidfd before Linux 5.3
        parents = psutil.Process().parents()
        dvc = next((parent for parent in parents if _STAGE not in parent.environ()), None)
        if dvc is not None and dvc != parents[0]:
            Thread(target=_end_after, args=(os.pidfd_open(dvc.pid),), daemon=True).start()


def _end_after(process: int) -> None:
    select.select([process], [], [])
    os.kill(os.getpid(), signal.SIGKILL)


def serve(command: Sequence[str], environment: Mapping[str, str], say: Callable[[str], object]) -> int:
    """Run a server until it ends or we are interrupted or terminated; say each line that it says.

    It leads a process group of its own, which is asked to end by SIGTERM alone: at Ctrl-C each Python in it
    would print where it was. What is left after ten seconds is killed, so that the port is free. If we are
    killed ourselves, Linux kills the server.

    Returns
    -------
    int
        Its exit code; 128 and the signal's number where one ended it, as shells have it.
    """
    told: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: told.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    process = subprocess.Popen(
        command,
        env=dict(environment),
        start_new_session=True,
        preexec_fn=partial(die_with_parent, os.getpid()) if sys.platform == "linux" else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    reader = Thread(target=_pass_on, args=(process.stdout, say), daemon=True)
    reader.start()
    try:
        while not told:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_LOOK_S)
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
        return 128 + told[0]
    finally:
        _signal(process, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        process.wait()
        reader.join(_GRACE_S)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def run_together(
    command: Sequence[str], environments: Sequence[Mapping[str, str]], grace_s: float
) -> list[tuple[int | None, str]]:
    """Run one command in processes that need each other; where one fails, kill the others soon.

    The first writes where we do. If we are killed, Linux kills them all.

    Parameters
    ----------
    command
        What each of them runs.
    environments
        Of each, all its variables.
    grace_s
        Seconds for the others to end by themselves, and to say why.

    Returns
    -------
    list of (int or None, str)
        Of each its exit code, less than 0 for the number of the signal that ended it, or None where we killed
        it; and what it wrote, but for the first.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in environments]
        running = [
            stack.enter_context(_killed_at_the_end(command, environment, file if number else None))
            for number, (environment, file) in enumerate(zip(environments, files, strict=True))
        ]
        while any(process.poll() is None for process in running) and not any(
            process.poll() for process in running
        ):
            time.sleep(_LOOK_S)
        until = time.monotonic() + grace_s
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
        return [(process.poll(), _written(file)) for process, file in zip(running, files, strict=True)]


@contextmanager
def _killed_at_the_end(
    command: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        preexec_fn=partial(die_with_parent, os.getpid()) if sys.platform == "linux" else None,
    )
    try:
        yield process
    finally:
        process.kill()  # TensorFlow does not end by a milder signal
        process.wait()


def _written(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _pass_on(stream: IO[bytes] | None, say: Callable[[str], object]) -> None:
    if stream is not None:
        with stream:
            for line in stream:
                say(line.decode(errors="replace"))


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal the whole group; on Windows, where there is none, end the process."""
    if os.name != "posix":
        process.terminate()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
