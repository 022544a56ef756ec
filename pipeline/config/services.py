"""Sections about what listens: the HTTP service, what its readers say, and the DICOM node."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator, model_validator

from pipeline.config.kinds import Folder, Host, Port, Positive, Section, Share, Word

_TITLE = re.compile(r"[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?")


def _title(title: str) -> str:
    if not _TITLE.fullmatch(title):
        raise ValueError("an AE title is needed: 1 to 16 characters of ASCII, no \\, no blank at its ends")
    return title


def _title_or_none(title: str) -> str:
    return title and _title(title)


def _url_or_none(url: str) -> str:
    if url and not url.lower().startswith(("http://", "https://")):
        raise ValueError("an address is needed, such as https://pacs.example/dicom-web")
    return url


AeTitle = Annotated[str, AfterValidator(_title)]


class Serve(Section):
    """The HTTP service: where it listens, what it takes, and how it is watched."""

    host: Word
    port: Port
    trusted_hosts: tuple[Host, ...]
    token_variable: Word
    max_bytes: Annotated[int, Field(ge=1000)]
    max_files: Annotated[int, Field(ge=1)]
    max_pixels: Annotated[int, Field(ge=10_000)]
    max_concurrent: Annotated[int, Field(ge=1)]
    rate_per_s: Positive
    burst: Annotated[int, Field(ge=1)]
    timeout_s: Annotated[float, Field(gt=0, le=3600)]
    follow_s: Annotated[float, Field(ge=0)]
    canary_s: Annotated[float, Field(ge=0)]
    canary_radiographs: Annotated[int, Field(ge=2)]
    canary_sensitivity: Share
    canary_specificity: Share


class Feedback(Section):
    """What readers say of answers on the reading page: whether it is kept, and where."""

    store: bool
    folder: Folder


class Node(Section):
    """The DICOM node: who may send, where results go, and how long it keeps trying."""

    host: Word
    port: Port
    ae_title: AeTitle
    callers: tuple[AeTitle, ...]
    caller_hosts: tuple[str, ...]
    peer_host: str
    peer_port: Annotated[int, Field(ge=1, le=65535)]
    peer_ae_title: Annotated[str, AfterValidator(_title_or_none)]
    dicomweb: Annotated[str, AfterValidator(_url_or_none)]
    quiet_s: Annotated[float, Field(ge=0, le=86400)]
    retry_first_s: Annotated[float, Field(gt=0, le=3600)]
    retry_factor: Annotated[float, Field(ge=1, le=10)]
    retry_most_s: Annotated[float, Field(gt=0, le=86400)]
    retry_tries: Annotated[int, Field(ge=1, le=1000)]
    spool: Folder
    keep_days: Annotated[float, Field(ge=0, le=3650)]
    max_object_mb: Annotated[float, Field(gt=0, le=2048)]
    max_spool_mb: Positive
    min_free_mb: Annotated[float, Field(ge=0)]
    tls_certificate: str
    tls_key: str
    tls_ca: str
    peer_tls: bool

    @field_validator("caller_hosts")
    @classmethod
    def _hosts_are_networks(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            ipaddress.ip_network(host)
        return hosts

    @model_validator(mode="after")
    def _results_go_one_way(self) -> Node:
        if self.peer_host and self.dicomweb:
            raise ValueError("peer_host and dicomweb exclude each other: results go one way")
        if self.peer_host and not self.peer_ae_title:
            raise ValueError("peer_host needs peer_ae_title, the AE title of the peer")
        return self

    @model_validator(mode="after")
    def _certificate_and_key_belong_together(self) -> Node:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key belong together")
        return self
