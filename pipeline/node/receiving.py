"""Studies come in: C-ECHO and C-STORE from callers on the list, and success only for what is on the disk."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from typing import cast

from pydicom import uid
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

from pipeline.config import Node
from pipeline.files import dicom_identity
from pipeline.files.dicom_identity import Identity
from pipeline.node import door, tls, uids
from pipeline.node.audit import Audit
from pipeline.node.spool import OtherBytesError, Spool

log = logging.getLogger(__name__)

# Statuses of C-STORE: DICOM PS3.4, B.2.3, and PS3.7, C.5.
SUCCESS, DUPLICATE, OUT_OF_RESOURCES, CANNOT_UNDERSTAND = 0x0000, 0x0111, 0xA700, 0xC000
# What we read; a sender that has another must offer one of the first too, and unpacks it: DICOM PS3.5, 10.1.
SYNTAXES = (
    uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEG2000Lossless, uid.JPEG2000,
    uid.RLELossless,
)  # fmt: skip
_VERIFICATION = "1.2.840.10008.1.1"
_MB = 2**20
_ASSOCIATIONS = 20  # at once
_POLL_S = 0.5  # between two looks whether the node ends
_DRAIN_S = 30.0  # for which associations may go on once the node ends


class Receiver:
    """The node's port, from its making to `drain`."""

    def __init__(self, settings: Node, spool: Spool, audit: Audit) -> None:
        self._spool, self._audit = spool, audit
        self._most = settings.max_object_mb * _MB
        self._coming: weakref.WeakKeyDictionary[Association, int] = weakref.WeakKeyDictionary()
        self._entity = _entity(settings)
        self._server = self._listening(settings)
        self._entity._servers.append(self._server)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True)
        self._thread.start()

    def _listening(self, settings: Node) -> ThreadedAssociationServer:
        try:
            return self._entity.make_server(
                (settings.host, settings.port),
                ssl_context=tls.for_callers(settings),
                evt_handlers=[
                    (evt.EVT_CONN_OPEN, door.bound),
                    (evt.EVT_C_STORE, self._store),
                    (evt.EVT_PDU_RECV, self._count),
                    (evt.EVT_DIMSE_RECV, self._count_anew),
                    (evt.EVT_REJECTED, _refused),
                ],
                server_class=door.between(settings.caller_hosts),
            )
        except OSError as error:
            raise ValueError(
                "node.host and node.port must be an address of this machine and a free port. Received: "
                f"{settings.host}, {settings.port}: {error.strerror or error}."
            ) from None

    @property
    def port(self) -> int:
        """That it listens on."""
        return int(self._server.server_address[1])

    def drain(self) -> None:
        """Take no new association, and let those that are open end."""
        self._server.shutdown()
        self._thread.join()
        end = time.monotonic() + _DRAIN_S
        while self._is_talking() and time.monotonic() < end:
            time.sleep(0.05)
        for association in self._entity.active_associations:
            if association.is_established:
                association.abort()
            elif (connection := association.dul.socket) is not None:  # it has asked for nothing yet
                connection.close()

    def _is_talking(self) -> bool:
        return any(each.is_established for each in self._entity.active_associations)

    def _store(self, event: Event) -> int:
        """Keep one object; the status says success only once it and its line are on the disk."""
        started, request = time.monotonic(), cast(C_STORE, event.request)
        try:
            data = event.encoded_dataset()
            identity = dicom_identity.read(data)
            if identity.instance != request.AffectedSOPInstanceUID:
                raise ValueError("the object must be the one that the request names")
            return self._keep(data, identity, started)
        except OtherBytesError:
            log.warning("refused: an instance that is here already came with other bytes")
            return DUPLICATE
        except OSError as error:
            log.error("refused for want of room, or since the spool cannot be written: %s", _kind(error))
            return OUT_OF_RESOURCES
        except Exception as error:  # hostile bytes raise anything; what they say may name a patient
            log.warning("refused: not understood: %s", type(error).__name__)
            return CANNOT_UNDERSTAND

    def _keep(self, data: bytes, identity: Identity, started: float) -> int:
        """Keep an object, unless we made it: a peer that returns all would get answers without end."""

        def note(outcome: str = "ok") -> None:
            seconds, counts = time.monotonic() - started, {"images": 1, "bytes": len(data)}
            self._audit("received", uids.digest(identity.study), outcome, seconds, **counts)

        if identity.is_own:
            note("own result")
        elif not self._spool.accept(data, identity.study, identity.instance, note):
            note("again")
        return SUCCESS

    def _count(self, event: Event) -> None:
        """End an association whose object is larger than allowed, before it fills the memory."""
        before = self._coming.get(event.assoc, 0)
        self._coming[event.assoc] = before + event.pdu.pdu_length
        if before <= self._most < self._coming[event.assoc]:  # once: what is under way still comes
            log.warning("cut off: an object is larger than node.max_object_mb")
            event.assoc.abort()

    def _count_anew(self, event: Event) -> None:
        self._coming[event.assoc] = 0


def _entity(settings: Node) -> AE:
    entity = AE(settings.ae_title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(settings.callers)
    entity.maximum_associations = _ASSOCIATIONS
    entity.network_timeout = door.SILENT_S
    entity.add_supported_context(_VERIFICATION)
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), list(SYNTAXES))
    return entity


def _refused(event: Event) -> None:
    if (asked := event.assoc.requestor.primitive) is not None:
        log.warning("refused: AE title %r calls %r", asked.calling_ae_title, asked.called_ae_title)


def _kind(error: OSError) -> str:
    return error.strerror or str(error)
