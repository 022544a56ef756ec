"""Who may send, and what is on the disk before success is said."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydicom import uid as uids
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pynetdicom import AE
from pynetdicom.sop_class import ComputedRadiographyImageStorage

from pipeline.node import durable
from tests.node.made import NAME, associate, instance, kept, lines, node, store, uid

STUDY = uid("study")


def test_an_echo_is_answered(receiving):
    with node(receiving) as running:
        association = associate(running.port)
        assert association.send_c_echo().Status == 0x0000
        association.release()


@pytest.mark.parametrize(("title", "called"), [("STRANGER", "FRACTURE"), ("XRAY1", "OTHER")])
@pytest.mark.reliability(
    "a caller or a called AE title that is not on the list", "the association is refused"
)
def test_a_title_that_is_not_on_the_list_is_refused(receiving, title, called):
    with node(receiving) as running:
        assert associate(running.port, title, called).is_rejected


def test_an_address_that_is_not_on_the_list_gets_no_connection(receiving):
    elsewhere = receiving.model_copy(update={"caller_hosts": ("10.0.0.0/8",)})
    with node(elsewhere) as running:
        assert not associate(running.port).is_established


@pytest.mark.parametrize("key", ["callers", "caller_hosts"])
def test_a_node_that_nobody_may_send_to_does_not_start(receiving, key):
    closed = receiving.model_copy(update={key: ()})
    with pytest.raises(ValueError, match=f"node.{key} must say who may send"), node(closed):
        pass


def test_a_second_node_on_a_spool_is_refused(receiving):
    with node(receiving), pytest.raises(ValueError, match="one node works on a spool"), node(receiving):
        pass


def test_a_spool_that_cannot_be_written_is_named(receiving, tmp_path):
    (tmp_path / "file").touch()
    for spool in (tmp_path / "file", tmp_path / "file" / "below"):
        unfit = receiving.model_copy(update={"spool": spool})
        with pytest.raises(ValueError, match=f"node.spool must be a folder.*{spool}"), node(unfit):
            pass


def test_a_port_that_is_taken_is_told(receiving):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = receiving.model_copy(update={"port": other.getsockname()[1]})
        with (
            pytest.raises(ValueError, match=r"a free port\. Received: 127\.0\.0\.1, \d+: Address"),
            node(taken),
        ):
            pass


def test_bytes_names_and_line_are_flushed_before_success(receiving, monkeypatch):
    happened = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(number):
        happened.append(("fsync", Path(f"/proc/self/fd/{number}").readlink().parent.name))
        real_fsync(number)

    def rename(path, target):
        happened.append(("rename", Path(target).parent.name))
        return real_rename(path, target)

    with node(receiving) as running:
        monkeypatch.setattr(durable.os, "fsync", fsync)
        monkeypatch.setattr(Path, "rename", rename)
        assert store(running.port, instance(STUDY, 1)) == [0x0000]
    name = lines(receiving)[0]["study"]
    spool = receiving.spool.name
    assert happened[-4:] == [("fsync", "incoming"), ("fsync", spool), ("rename", "images"), ("fsync", name)]
    assert ("fsync", "studies") in happened[:-4]  # the study's own name, before


@pytest.mark.parametrize("victim", ["incoming", "images", "audit.jsonl"])
@pytest.mark.reliability("the disk is full while an object is received", "0xA700, and nothing half is kept")
def test_a_full_disk_is_said_and_nothing_half_is_kept(receiving, monkeypatch, victim):
    real = os.fsync

    def full(number):
        place = Path(f"/proc/self/fd/{number}").readlink()
        if victim in (place.name, place.parent.name):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(number)

    with node(receiving) as running:
        with monkeypatch.context() as patched:
            patched.setattr(durable.os, "fsync", full)
            assert store(running.port, instance(STUDY, 1)) == [0xA700]
        assert kept(receiving) == []
        assert store(running.port, instance(STUDY, 1)) == [0x0000]


@pytest.mark.parametrize("changes", [{"max_spool_mb": 0.001}, {"min_free_mb": 1e12}])
def test_what_there_is_no_room_for_is_refused(receiving, changes):
    with node(receiving.model_copy(update=changes)) as running:
        assert store(running.port, instance(STUDY, 1)) == [0xA700]
    assert kept(receiving) == []


def test_the_same_again_is_kept_once_and_other_bytes_are_refused(receiving):
    first, other = instance(STUDY, 1), instance(STUDY, 1, StudyDate="20260102")
    with node(receiving) as running:
        assert store(running.port, first, first, other) == [0x0000, 0x0000, 0x0111]
    (image,) = kept(receiving)
    assert b"20260101" in image.read_bytes()
    assert [line["outcome"] for line in lines(receiving)] == ["ok", "again"]


@pytest.mark.parametrize("bad", ["../../escaped", "1.2/../../3", "1.2.", "1" * 64 + ".1", "", ".."])
@pytest.mark.reliability("a UID that is a path, such as ../../x", "refused, and nothing is written")
def test_a_uid_that_is_none_is_refused(receiving, bad):
    evil = instance(STUDY, 1)
    evil["StudyInstanceUID"] = DataElement("StudyInstanceUID", "UI", bad, validation_mode=IGNORE)
    with node(receiving) as running:
        assert store(running.port, evil) == [0xC000]
    assert kept(receiving) == []
    assert not [*receiving.spool.parent.rglob("escaped*")]


def test_an_object_that_is_not_the_one_of_its_request_is_refused(receiving):
    with node(receiving) as running:
        association = associate(running.port)
        sent = instance(STUDY, 1)
        del sent.StudyInstanceUID
        assert association.send_c_store(sent).Status == 0xC000
        association.release()


@pytest.mark.reliability("an object larger than the limit", "cut off before it fills the memory")
def test_an_object_over_the_limit_is_cut_off(receiving, caplog):
    small = receiving.model_copy(update={"max_object_mb": 0.02})
    with node(small) as running:
        large = instance(STUDY, 1, Rows=2000, Columns=1000, PixelData=bytes(2_000_000))
        assert store(running.port, large) == [None]
        assert store(running.port, instance(STUDY, 2)) == [0x0000]
    assert len(kept(small)) == 1
    assert caplog.text.count("cut off") == 1


@pytest.mark.reliability(
    "a caller that announces gigabytes in one unit of the protocol",
    "hung up on before anything is read",
)
@pytest.mark.parametrize("kind", [b"\x01", b"\x04"])
def test_a_unit_of_the_protocol_that_would_fill_the_memory_is_not_read(receiving, kind):
    with node(receiving) as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as caller:
            caller.sendall(kind + b"\0" + (2**30).to_bytes(4, "big"))
            assert caller.recv(1) == b""
        assert store(running.port, instance(STUDY, 1)) == [0x0000]


@pytest.mark.reliability(
    "our own results, sent to the node",
    "taken and not kept: no loop",
)
def test_our_own_results_are_taken_and_not_kept(receiving):
    own = instance(STUDY, 1, Manufacturer="fracture-pipeline")
    with node(receiving) as running:
        assert store(running.port, own, instance(STUDY, 2)) == [0x0000, 0x0000]
    assert len(kept(receiving)) == 1
    assert [line["outcome"] for line in lines(receiving)] == ["own result", "ok"]


def test_a_caller_who_says_nothing_holds_nobody_up(receiving):
    with ExitStack() as after, node(receiving) as running:
        after.enter_context(socket.create_connection(("127.0.0.1", running.port)))
        assert store(running.port, instance(STUDY, 1)) == [0x0000]


def test_files_and_folders_are_for_their_user_alone(receiving):
    with node(receiving) as running:
        store(running.port, instance(STUDY, 1))
    each = [path for path in (receiving.spool, *receiving.spool.rglob("*")) if path.name != "lock"]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in each}
    assert modes == {0o600, 0o700}


def test_nothing_of_a_patient_stands_in_log_trail_or_names(receiving, caplog):
    with node(receiving) as running:
        store(running.port, instance(STUDY, 1), instance(STUDY, 1, StudyDate="20260102"))
    names = "".join(path.as_posix() for path in receiving.spool.rglob("*"))
    text = caplog.text + (receiving.spool / "audit.jsonl").read_text() + names
    for secret in (NAME, "PLANTED", STUDY, uid(STUDY, 1)):
        assert secret not in text
    assert lines(receiving)[0]["images"] == 1


@pytest.mark.parametrize(
    "syntax", [uids.JPEGBaseline8Bit, uids.JPEGLosslessSV1, uids.JPEG2000Lossless, uids.RLELossless]
)
def test_a_syntax_that_radiographs_come_in_is_taken_as_it_is(receiving, syntax):
    with node(receiving) as running:
        assert chosen(running.port, [syntax]) == syntax


@pytest.mark.parametrize("syntax", [uids.JPEGLSLossless, uids.DeflatedExplicitVRLittleEndian])
def test_a_sender_is_asked_to_unpack_what_we_do_not_read(receiving, syntax):
    with node(receiving) as running:
        assert chosen(running.port, [syntax, uids.ImplicitVRLittleEndian]) == uids.ImplicitVRLittleEndian


def chosen(port, syntaxes):
    """The transfer syntax that the node takes of those that are offered."""
    entity = AE("XRAY1")
    entity.add_requested_context(ComputedRadiographyImageStorage, syntaxes)
    association = entity.associate("127.0.0.1", port, ae_title="FRACTURE")
    (context,) = association.accepted_contexts
    association.release()
    return context.transfer_syntax[0]
