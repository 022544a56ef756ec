"""A DICOM node: studies come by C-STORE, are answered, and their results go to a peer.

See `pipeline.node.running`. SIGTERM and SIGINT end it: what is under way is finished, and the rest waits in
the spool for the next start.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from pipeline.config import Config
from pipeline.node import examining, running, sending


def run(config: Config, model: str | None, *, again: bool) -> None:
    """Run the node until it is told to end.

    Parameters
    ----------
    model
        Which one answers; see `model_choice.opened`.
    again
        Whether what was set aside is tried again.

    Raises
    ------
    ValueError
        A setting cannot be used, another node works on the spool, or there is no sound bundle.
    """
    os.umask(0o077)  # all that is written is patient data
    running.check(config.node)
    peer, stop = sending.peer(config.node), _told_to_end()
    running.run(config.node, examining.Examiner(config, model), peer, stop, again=again)


def _told_to_end() -> threading.Event:
    """Make an event that the first signal sets; a second one ends the process at once."""
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    return stop
