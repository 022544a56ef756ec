"""The node at work: a port, a thread that sends, and the main thread, which closes and answers.

It ends when told to: no new association, what is under way is finished, all else waits on the disk.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

from pipeline.config import Node
from pipeline.files import outputs
from pipeline.node import working
from pipeline.node.audit import Audit
from pipeline.node.receiving import Receiver
from pipeline.node.spool import Room, Spool
from pipeline.node.working import Answer, Peer, Work

log = logging.getLogger(__name__)

_MB = 2**20
_LOOK_S = 0.5  # between two looks at the spool
_TROUBLE_S = 5.0  # the same while the disk is full, or the spool cannot be read
_LOUD = ("pynetdicom", "pydicom", "dicomweb_client", "highdicom", "urllib3")  # they log UIDs and names


def run(
    settings: Node,
    answer: Callable[[list[Path]], Answer],
    peer: Peer,
    stop: threading.Event,
    *,
    again: bool = False,
    started: Callable[[int], None] = lambda port: None,
) -> None:
    """Run a node until told to stop.

    Parameters
    ----------
    answer, peer
        See `Work`.
    stop
        Set it to end.
    again
        Whether what was set aside is tried again.
    started
        Is called with the port once callers can come.

    Raises
    ------
    ValueError
        Nobody may send, the spool or the port cannot be had, or another node works on the spool.
    """
    check(settings)
    keep_quiet()
    if settings.host not in ("127.0.0.1", "::1", "localhost") and not settings.tls_certificate:
        log.warning("%s is open to others, and nothing that comes is encrypted: set TLS", settings.host)
    spool = Spool(settings.spool, Room(settings.max_spool_mb * _MB, settings.min_free_mb * _MB))
    with spool.opened():
        if again:
            log.info("%d exams that were set aside are tried again", working.call_again(spool))
        audit = Audit(spool.audit_file)
        work = Work(settings, spool, audit, answer, peer)
        receiver = Receiver(settings, spool, audit)
        sender = threading.Thread(target=_loop, args=(work.send_all, stop), name="sender")
        sender.start()
        try:
            started(receiver.port)
            log.info("%s listens on %s, port %d", settings.ae_title, settings.host, receiver.port)
            _loop(work.answer_all, stop, spool.measure)
        finally:
            stop.set()
            receiver.drain()
            sender.join()
    log.info("ended; what is not done waits in %s", settings.spool)


def check(settings: Node) -> None:
    """Refuse settings with which a node is of no use.

    Raises
    ------
    ValueError
        Nobody may send.
    """
    for key in ("callers", "caller_hosts"):
        if not getattr(settings, key):
            option = f"--{key.removesuffix('s').replace('_', '-')}"
            raise ValueError(
                f"node.{key} must say who may send. Received: []. Name them in params.yaml or by {option}."
            )


def keep_quiet() -> None:
    """Keep what libraries say of patients out of our log."""
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        warnings.filterwarnings("ignore", module=name)


def _loop(
    step: Callable[[Callable[[], bool]], int], stop: threading.Event, after: Callable[[], None] | None = None
) -> None:
    """Take steps until told to stop; no error ends this, since all is on the disk and is tried again.

    What is wrong with the spool itself is told once for as long as it lasts.
    """
    told = ""
    while not stop.is_set():
        trouble = ""
        try:
            if step(stop.is_set) and after is not None:
                after()
        except Exception as error:
            if outputs.is_no_space(error):
                trouble = "no space left on the disk of the spool: make room"
            else:
                trouble = f"a look at the spool failed: {type(error).__name__}"
            if trouble != told:
                log.error("%s", trouble)
        told = trouble
        stop.wait(_TROUBLE_S if trouble else _LOOK_S)
