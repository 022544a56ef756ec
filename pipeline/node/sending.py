"""Results go out: by C-STORE, or by STOW-RS; each counts as sent once the peer has confirmed it.

A result that was confirmed just before a kill is sent once more, as the same instance with the same bytes.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from pydicom import uid

from pipeline.config import Node
from pipeline.files import dicom
from pipeline.node import stow, tls
from pipeline.node.receiving import DUPLICATE, SUCCESS
from pipeline.node.working import NotSentError, Peer

_CONNECT_S, _ANSWER_S = 10.0, 60.0
_STORED_WITH_WARNING = {0xB000, 0xB006, 0xB007}  # DICOM PS3.4, B.2.3
_EMPTY = {b"", b"{}"}  # answers: nothing, and a data set of nothing
_HTTP_SUCCESS = range(200, 300)
_ALREADY_THERE = "already there"


def peer(settings: Node) -> Peer:
    """Make the way that the settings name.

    Raises
    ------
    ValueError
        They name none, or TLS cannot be set up.
    """
    if settings.dicomweb:
        return DicomWeb(settings)
    if settings.peer_host:
        return StoragePeer(settings)
    raise ValueError(
        "results must go somewhere. Received: neither node.peer_host nor node.dicomweb. Set one."
    )


class RefusedError(NotSentError):
    """The peer refuses this result; it may take the others."""


class StoragePeer:
    """A peer that takes results by C-STORE."""

    def __init__(self, settings: Node) -> None:
        self._settings, self._tls = settings, tls.for_peer(settings)

    def send(self, files: Sequence[Path]) -> Iterator[tuple[Path, str]]:
        """Send files over one association; see `Peer`."""
        results = [(path, dicom.load(path)) for path in files]
        association = _associate(self._settings, self._tls, [dataset for _, dataset in results])
        try:
            yield from _one_by_one(results, partial(_store, association))
        finally:
            if association.is_established:
                association.release()


def _one_by_one(
    results: Iterable[tuple[Path, Any]], store: Callable[[Any], str]
) -> Iterator[tuple[Path, str]]:
    """Send each result, whatever the peer says to those before; its first refusal is raised at the end."""
    refused: list[RefusedError] = []
    for path, dataset in results:
        try:
            outcome = store(dataset)
        except RefusedError as error:
            refused.append(error)
        else:
            yield path, outcome
    if refused:
        raise refused[0]


def _associate(settings: Node, context: ssl.SSLContext | None, results: Sequence[Any]) -> Any:
    from pynetdicom import AE

    entity = AE(settings.ae_title)
    entity.connection_timeout, entity.acse_timeout = _CONNECT_S, _CONNECT_S
    entity.dimse_timeout = entity.network_timeout = _ANSWER_S
    for kind, syntax in sorted({(each.SOPClassUID, each.file_meta.TransferSyntaxUID) for each in results}):
        # Whoever sends what is not compressed must offer this one, too: DICOM PS3.5, 10.1.
        entity.add_requested_context(
            kind, [syntax, *([] if syntax.is_compressed else [uid.ImplicitVRLittleEndian])]
        )
    association = entity.associate(
        settings.peer_host,
        settings.peer_port,
        ae_title=settings.peer_ae_title,
        tls_args=(context, settings.peer_host) if context else None,
    )
    if association.is_established:
        return association
    raise NotSentError("peer refused us" if association.is_rejected else "peer not reached")


def _store(association: Any, dataset: Any) -> str:
    if not association.is_established:
        raise NotSentError("connection lost")
    try:
        status = association.send_c_store(dataset).get("Status")
    except ValueError:  # no context for it
        raise RefusedError(f"peer takes no {dataset.SOPClassUID.keyword}") from None
    except RuntimeError:
        raise NotSentError("connection lost") from None
    if status is None:
        raise NotSentError("peer did not answer")
    if status == DUPLICATE:
        return _ALREADY_THERE
    if status == SUCCESS or status in _STORED_WITH_WARNING:
        return "ok" if status == SUCCESS else f"warning {status:04X}"
    raise RefusedError(f"status {status:04X}")


class DicomWeb:
    """A peer that takes results by STOW-RS; a name and a password come from ``~/.netrc``."""

    def __init__(self, settings: Node) -> None:
        import requests
        from dicomweb_client import DICOMwebClient

        session = requests.Session()
        session.verify = settings.tls_ca or True
        if settings.tls_certificate:
            session.cert = (settings.tls_certificate, settings.tls_key)
        session.hooks["response"].append(self._keep)
        self._client = DICOMwebClient(settings.dicomweb, session, timeout=(_CONNECT_S, _ANSWER_S))
        self._client.set_http_retry_params(retry=False)
        self._answer: Any = None

    def send(self, files: Sequence[Path]) -> Iterator[tuple[Path, str]]:
        """Send files, a request each, so that each is confirmed alone; see `Peer`."""
        yield from _one_by_one(((path, dicom.load(path)) for path in files), self._store)

    def _keep(self, response: Any, **_: object) -> None:
        """Keep an answer; the client would read it only where its Content-Type has no parameter."""
        self._answer, response.headers["Content-Type"] = response, ""

    def _store(self, dataset: Any) -> str:
        import requests

        try:
            with suppress(requests.HTTPError):  # the answer that was kept says why
                self._client.store_instances([dataset])
        except requests.RequestException:
            raise NotSentError("peer not reached") from None
        return _outcome(self._answer, dataset.SOPInstanceUID)


def _outcome(response: Any, name: str) -> str:
    """Judge the answer to one instance: only what names it, or is empty, confirms it."""
    status, told = response.status_code, stow.read(response.content)
    if response.request.method != "POST":  # a redirection made another request of it
        raise RefusedError(f"http {response.history[0].status_code}, not confirmed")
    if told.failed == {DUPLICATE}:
        return _ALREADY_THERE
    if status not in _HTTP_SUCCESS:
        raise RefusedError(f"http {status}")
    if told.failed:
        raise RefusedError(f"status {max(told.failed - {DUPLICATE}):04X}")
    if name in told.stored or response.content.strip() in _EMPTY:
        return "ok"
    raise RefusedError(f"http {status}, not confirmed")
