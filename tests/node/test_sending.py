"""Results go to a peer by C-STORE or STOW-RS, over TLS where that is set; what fails says why."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from email import message_from_bytes

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from pydicom.uid import (
    ComprehensiveSRStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from pipeline.files import dicom_out
from pipeline.node import sending
from pipeline.node.working import NotSentError
from tests.node import certificates
from tests.node.made import associate, echoing, instance, lines, node, peering, store, uid

STUDY = uid("study")


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("pem"))


@pytest.fixture
def results(tmp_path):
    paths = [tmp_path / f"{number}.dcm" for number in (1, 2)]
    for number, path in enumerate(paths, 1):
        path.write_bytes(dicom_out.encode(instance(STUDY, number)))
    return paths


def to(settings, peer, **changes):
    given = {"peer_host": "127.0.0.1", "peer_port": peer.port, "peer_ae_title": "PACS"}
    return settings.model_copy(update=given | changes)


def outcomes(settings, results):
    return [outcome for _, outcome in sending.peer(settings).send(results)]


def wait(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def test_results_go_to_the_peer_and_the_trail_tells_each_hop(settings):
    with peering() as peer:
        there = to(settings, peer)
        with node(there, peer=sending.peer(there)) as running:
            assert store(running.port, instance(STUDY, 1)) == [0x0000]
            wait(lambda: lines(there)[-1]["hop"] == "sent")
        assert len(peer.came) == 1
    hops = [line["hop"] for line in lines(there)]
    assert hops == ["received", "closed", "answered", "sent"]
    assert all(set(line) >= {"time", "study", "outcome", "seconds"} for line in lines(there))


@pytest.mark.parametrize(
    ("status", "expected"), [(0xB000, "warning B000"), (0x0111, "already there"), (0x0000, "ok")]
)
def test_what_the_peer_has_counts_as_sent(settings, results, status, expected):
    with peering(statuses=(status,)) as peer:
        assert outcomes(to(settings, peer), results) == [expected, "ok"]


def test_a_status_of_failure_is_told_and_what_came_before_counts(settings, results):
    with peering(statuses=(0x0000, 0xA700)) as peer:
        sent = sending.peer(to(settings, peer)).send(results)
        assert next(sent) == (results[0], "ok")
        with pytest.raises(NotSentError, match="status A700"):
            next(sent)


@pytest.mark.reliability(
    "a peer that refuses one kind of result",
    "it gets all others; what it refused is tried again",
)
def test_a_peer_that_takes_one_kind_of_result_gets_all_of_that_kind(settings, tmp_path):
    kinds = (ComprehensiveSRStorage, DigitalXRayImageStorageForPresentation, SecondaryCaptureImageStorage)
    paths = [tmp_path / f"{number}.dcm" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(dicom_out.encode(instance(STUDY, number, SOPClassUID=kinds[number])))
    with peering() as peer:
        sent = sending.peer(to(settings, peer)).send(paths)
        assert next(sent) == (paths[1], "ok")
        with pytest.raises(NotSentError, match="peer takes no ComprehensiveSRStorage"):
            next(sent)
    with archive((409, 0xA700)) as server:
        sent = sending.peer(settings.model_copy(update={"dicomweb": server.url})).send(paths)
        assert [next(sent), next(sent)] == [(paths[1], "ok"), (paths[2], "ok")]
        with pytest.raises(NotSentError, match="http 409"):
            next(sent)


def test_a_peer_that_is_down_or_knows_us_not_is_told(settings, results):
    with peering() as peer:
        peer.entity.require_calling_aet = ["OTHER"]
        with pytest.raises(NotSentError, match="peer refused us"):
            outcomes(to(settings, peer), results)
    with pytest.raises(NotSentError, match="peer not reached"):
        outcomes(to(settings, peer), results)


def test_a_peer_without_explicit_vr_gets_implicit(settings, results):
    with peering() as peer:
        for context in peer.entity.supported_contexts:
            peer.entity.remove_supported_context(context.abstract_syntax, ExplicitVRLittleEndian)
        peer.server.contexts = peer.entity.supported_contexts
        assert outcomes(to(settings, peer), results) == ["ok", "ok"]
        (syntax,) = {each.file_meta.TransferSyntaxUID for each in peer.objects.values()}
        assert syntax == ImplicitVRLittleEndian


def test_results_wait_for_a_peer_that_comes_back(settings):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    patient = settings.model_copy(update={"peer_host": "127.0.0.1", "peer_port": port, "retry_tries": 1000})
    there = patient.model_copy(update={"peer_ae_title": "PACS"})
    with node(there, peer=sending.peer(there)) as running:
        store(running.port, instance(STUDY, 1))
        wait(lambda: lines(there)[-1]["hop"] == "failed")
        with peering(port=port) as peer:
            wait(lambda: lines(there)[-1]["hop"] == "sent")
            assert list(peer.came.values()) == [1]


def test_a_port_with_tls_takes_callers_with_a_certificate_alone(receiving, pem):
    secure = receiving.model_copy(
        update={"tls_certificate": pem.certificate, "tls_key": pem.key, "tls_ca": pem.ca}
    )
    with node(secure) as running, socket.create_connection(("127.0.0.1", running.port)):  # says nothing
        known = associate(running.port, tls_args=(certificates.client(pem), "127.0.0.1"))
        assert known.send_c_echo().Status == 0x0000
        known.release()
        bare = certificates.client(pem, with_certificate=False)
        assert not associate(running.port, tls_args=(bare, "127.0.0.1")).is_established
        assert not associate(running.port).is_established


def test_results_go_by_tls_to_a_peer_whose_certificate_is_known(settings, results, pem, tmp_path):
    with peering(ssl_context=certificates.server(pem)) as peer:
        assert outcomes(to(settings, peer, peer_tls=True, tls_ca=pem.ca), results) == ["ok", "ok"]
        stranger = certificates.make(tmp_path / "other").ca
        with pytest.raises(NotSentError, match="peer not reached"):
            outcomes(to(settings, peer, peer_tls=True, tls_ca=stranger), results)


def test_a_file_that_is_no_certificate_is_named(settings, pem, tmp_path):
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(ValueError, match=r"node.tls_ca must be files in PEM. Received: .*no\.pem"):
        sending.peer(
            settings.model_copy(
                update={"peer_host": "h", "peer_tls": True, "tls_ca": str(tmp_path / "no.pem")}
            )
        )


def test_a_node_without_a_way_out_is_refused(settings):
    with pytest.raises(ValueError, match=r"neither node\.peer_host nor node\.dicomweb"):
        sending.peer(settings)


class Archive:
    """A DICOMweb server that takes STOW-RS; `answers` come first, then success."""

    def __init__(self, answers):
        self.came, self.answers, self.app = [], list(answers), FastAPI()
        self.app.post("/dicom-web/studies")(self.store)

    async def store(self, request: Request) -> Response:
        body, kind = await request.body(), request.headers["content-type"]
        message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
        status, reason = self.answers.pop(0) if self.answers else (200, None)
        if reason is None and status == 200:
            self.came += [part for part in parts if part[128:132] == b"DICM"]
        return Response(self.told(reason), status, media_type="application/dicom+json")

    @staticmethod
    def told(reason):
        if reason is None:
            return "{}"
        why = {"00081197": {"vr": "US", "Value": [reason]}}
        return json.dumps({"00081198": {"vr": "SQ", "Value": [why]}})


@contextmanager
def archive(*answers):
    made = Archive(answers)
    server = uvicorn.Server(uvicorn.Config(made.app, log_level="critical", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        wait(lambda: server.started)
        made.url = f"http://127.0.0.1:{listening.getsockname()[1]}/dicom-web"
        try:
            yield made
        finally:
            server.should_exit = True
            thread.join()


def test_results_go_by_stow_rs(settings, results):
    with archive() as server:
        there = settings.model_copy(update={"dicomweb": server.url})
        assert outcomes(there, results) == ["ok", "ok"]
    assert len(server.came) == 2


@pytest.mark.parametrize(
    ("answer", "expected"),
    [((409, 0x0111), "already there"), ((202, 0x0111), "already there"), ((503, None), "http 503"),
     ((409, 0xA700), "http 409"), ((202, 0xA700), "status A700")],
)  # fmt: skip
def test_what_a_server_says_decides(settings, results, answer, expected):
    with archive(answer) as server:
        there = settings.model_copy(update={"dicomweb": server.url})
        if expected == "already there":
            assert outcomes(there, results) == [expected, "ok"]
        else:
            with pytest.raises(NotSentError, match=expected):
                outcomes(there, results)
    with pytest.raises(NotSentError, match="peer not reached"):
        outcomes(there, results)


def test_a_node_that_is_told_to_end_finishes_what_is_under_way(settings):
    slow, begun = threading.Event(), threading.Event()

    def answer(files):
        begun.set()
        slow.wait(10)
        return echoing(files)

    with peer_of(settings) as there:
        with node(there, answer, sending.peer(there)) as running:
            store(running.port, instance(STUDY, 1))
            assert begun.wait(20)
            threading.Timer(0.3, slow.set).start()
        assert [line["hop"] for line in lines(there)][:3] == ["received", "closed", "answered"]


@contextmanager
def peer_of(settings):
    with peering() as peer:
        yield to(settings, peer)
