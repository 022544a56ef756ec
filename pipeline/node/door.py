"""The door of the node's port: who may come in, and what nobody may announce."""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import socket
from collections.abc import Sequence
from typing import Any, cast

from pynetdicom.events import Event
from pynetdicom.transport import AssociationSocket, ThreadedAssociationServer

log = logging.getLogger(__name__)

SILENT_S = 60.0  # for which a connection may be silent
_UNIT_BYTES = 2**20  # of one PDU; we ask for 16 KiB, and who asks for an association may need some more


def between(hosts: Sequence[str]) -> type[ThreadedAssociationServer]:
    """Make a server that lets in some addresses alone, and that no silent caller holds up.

    Of pynetdicom's own, one that says nothing blocks all others in the handshake of TLS, and its thread
    without end.
    """
    networks = [ipaddress.ip_network(host) for host in hosts]

    class Door(ThreadedAssociationServer):
        def get_request(self) -> tuple[socket.socket, Any]:
            caller, address = cast(socket.socket, self.socket).accept()
            caller.settimeout(SILENT_S)
            if self.ssl_context:
                caller = self.ssl_context.wrap_socket(caller, server_side=True, do_handshake_on_connect=False)
            return caller, address

        def verify_request(self, request: Any, client_address: Any) -> bool:
            address = ipaddress.ip_address(client_address[0].partition("%")[0])
            address = getattr(address, "ipv4_mapped", None) or address
            allowed = any(address in network for network in networks)
            if not allowed:
                log.warning("refused: %s is not in node.caller_hosts", address)
            return allowed

        def handle_error(self, request: Any, client_address: Any) -> None:
            log.debug("a connection failed", exc_info=False)

    return Door


def bound(event: Event) -> None:
    """Hang up on who announces a unit of the protocol as large as no honest one: it would be read whole."""
    connection = cast(AssociationSocket, event.assoc.dul.socket)
    read = connection.recv

    def recv(n_bytes: int) -> bytearray:
        if n_bytes > _UNIT_BYTES:
            log.warning("cut off: one PDU of %d bytes", n_bytes)
            connection.close()
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        return read(n_bytes)

    connection.recv = recv  # type: ignore[assignment, method-assign]
