"""TLS for both ends: who certifies whom is a matter of three files."""

from __future__ import annotations

import ssl

from pipeline.config import Node


def for_callers(settings: Node) -> ssl.SSLContext | None:
    """Make what the node's port speaks; None without a certificate.

    With an authority in ``tls_ca``, callers must show a certificate that it signed.

    Raises
    ------
    ValueError
        A file cannot be used.
    """
    if not settings.tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _load(context, settings)
    if settings.tls_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def for_peer(settings: Node) -> ssl.SSLContext | None:
    """Make what is spoken to the peer; None where that is no TLS. Its certificate must bear its host's name.

    Raises
    ------
    ValueError
        A file cannot be used.
    """
    if not settings.peer_tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    _load(context, settings)
    return context


def _load(context: ssl.SSLContext, settings: Node) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # DICOM PS3.15, B.12: BCP 195
    try:
        if settings.tls_certificate:
            context.load_cert_chain(settings.tls_certificate, settings.tls_key)
        if settings.tls_ca:
            context.load_verify_locations(settings.tls_ca)
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(filter(None, (settings.tls_certificate, settings.tls_key, settings.tls_ca)))
        raise ValueError(
            f"node.tls_certificate, node.tls_key and node.tls_ca must be files in PEM. Received: {files}: "
            f"{error.strerror or error}."
        ) from None
