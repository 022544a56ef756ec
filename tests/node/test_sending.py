"""Results go to a peer by C-STORE or STOW-RS, over TLS where that is set; what fails says why."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from contextlib import contextmanager
from email import message_from_bytes

import pydicom
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
    """A DICOMweb server that takes STOW-RS; `answers` come first, then success.

    An answer is a status with the reason of a failure, or a response that is given as it is.
    """

    def __init__(self, answers):
        self.came, self.answers, self.app = [], list(answers), FastAPI()
        self.app.post("/dicom-web/studies")(self.store)
        self.app.get("/login")(lambda: Response("", 200))

    async def store(self, request: Request) -> Response:
        body, kind = await request.body(), request.headers["content-type"]
        message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
        answer = self.answers.pop(0) if self.answers else (200, None)
        if isinstance(answer, Response):
            return answer
        status, reason = answer
        kept = [part for part in parts if part[128:132] == b"DICM"]
        if reason is None and status == 200:
            self.came += kept
        names = [str(pydicom.dcmread(io.BytesIO(part)).SOPInstanceUID) for part in kept]
        return Response(told(reason, *names), status, media_type="application/dicom+json")


def told(reason, *names):
    """What a server says of instances: that it has them, or why not."""
    why = {} if reason is None else {"00081197": {"vr": "US", "Value": [reason]}}
    items = [{"00081155": {"vr": "UI", "Value": [name]}} | why for name in names or [None]]
    return json.dumps({"00081199" if reason is None else "00081198": {"vr": "SQ", "Value": items}})


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


NAME = uid(STUDY, 1)
XML = """<?xml version="1.0"?><NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">
<DicomAttribute tag="{sequence}" vr="SQ"><Item number="1"><DicomAttribute tag="00081155" vr="UI">
<Value number="1">{name}</Value></DicomAttribute><DicomAttribute tag="00081197" vr="US">
<Value number="1">{reason}</Value></DicomAttribute></Item></DicomAttribute></NativeDicomModel>"""
STORED, FAILED = "00081199", "00081198"


def said(settings, results, *answers):
    """What becomes of a result at each of the answers of a server: status, Content-Type, body."""
    made = [Response(body, status, {"content-type": kind} if kind else {}) for status, kind, body in answers]
    with archive(*made) as server:
        peer = sending.peer(settings.model_copy(update={"dicomweb": server.url}))
        return [outcome_of(peer, results[:1]) for _ in answers]


def outcome_of(peer, result):
    try:
        return next(peer.send(result))[1]
    except NotSentError as error:
        return str(error)


@pytest.mark.parametrize(
    "kind",
    ["application/dicom+json", "application/dicom+json; charset=utf-8", "application/json;charset=utf-8",
     "APPLICATION/DICOM+JSON", "text/plain", "application/octet-stream", ""],
)  # fmt: skip
def test_a_refusal_is_heard_whatever_its_type_is_called(settings, results, kind):
    bodies = [told(reason, NAME) for reason in (0xA700, 0x0111, None)]
    answers = [(status, kind, body) for status in (200, 202) for body in bodies]
    assert said(settings, results, *answers) == ["status A700", "already there", "ok"] * 2


@pytest.mark.parametrize("kind", ["application/dicom+xml", "text/xml; charset=utf-8", ""])
def test_a_refusal_in_xml_is_heard(settings, results, kind):
    refused = XML.format(sequence=FAILED, name=NAME, reason=0xA700)
    stored = XML.format(sequence=STORED, name=NAME, reason="")
    assert said(settings, results, (202, kind, refused), (200, kind, stored)) == ["status A700", "ok"]


@pytest.mark.parametrize("kind", ["application/dicom+json", "text/html; charset=utf-8", ""])
def test_a_server_that_does_not_name_a_result_has_not_confirmed_it(settings, results, kind):
    bodies = [
        "<html><body>Sign in<br></body></html>", "<html/>", "stored", "[]", "null", "{", "<a", "\ufeff",
        '{"00081199": null}', '{"00081199": {"vr": "SQ"}}', '{"00081199": {"vr": "SQ", "Value": [null]}}',
        '{"00081198": {"vr": "SQ", "Value": [{}]}}', '{"00081199": {"Value": 7}}',
        '{"00081198": {"vr": "SQ", "Value": [{"00081197": {"Value": ["full"]}}]}}',
        told(None, uid("another")), XML.format(sequence=STORED, name=uid("another"), reason=""),
    ]  # fmt: skip
    outcomes = said(settings, results, *[(200, kind, body) for body in bodies])
    assert outcomes == ["http 200, not confirmed"] * len(bodies)


def test_a_server_that_says_nothing_more_than_success_has_confirmed_a_result(settings, results):
    answers = (200, "", ""), (204, "", ""), (200, "application/dicom+json", "{}")
    assert said(settings, results, *answers) == ["ok"] * 3
    assert said(settings, results, (304, "", ""), (500, "", "")) == ["http 304", "http 500"]


def test_an_address_that_leads_elsewhere_has_not_taken_a_result(settings, results):
    with archive(Response("", 302, {"location": "/login"})) as server:
        peer = sending.peer(settings.model_copy(update={"dicomweb": server.url}))
        assert outcome_of(peer, results[:1]) == "http 302, not confirmed"


def test_what_was_not_confirmed_is_sent_again(settings, results):
    with archive(Response("<html/>", 200)) as server:
        there = settings.model_copy(update={"dicomweb": server.url})
        sent = sending.peer(there).send(results)
        assert next(sent) == (results[1], "ok")
        with pytest.raises(NotSentError, match="not confirmed"):
            next(sent)
        assert outcomes(there, results[:1]) == ["ok"]
    assert len(server.came) == 2


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
