"""Processes that end when they should: a stage with the DVC that runs it, a server when we are told to."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
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

    It leads a process group of its own. A signal to us goes on to all of the group; what is left after ten
    seconds is killed, so that the port is free. If we are killed ourselves, Linux kills the server.

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
        _signal(process, told[0])
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
        return 128 + told[0]
    finally:
        _signal(process, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        process.wait()
        reader.join(_GRACE_S)
        for number, handler in handlers.items():
            signal.signal(number, handler)


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
