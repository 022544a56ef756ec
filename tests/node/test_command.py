"""`fracture node` as it is called, and the network behind it."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pydicom
import pytest
from typer.testing import CliRunner

from pipeline import __main__ as command_line
from pipeline.commands import node as command
from pipeline.config import ConfigError
from pipeline.files import dicom_out
from pipeline.node import examining
from pipeline.registry import loading
from pipeline.track.models import VersionError
from tests.commands.conftest import radiograph
from tests.node.made import instance, uid

STUDY = uid("study")


def called(monkeypatch, *arguments):
    """Settings and model that the command is run with."""
    seen = {}
    monkeypatch.setattr(
        command, "run", lambda config, model, again: seen.update(node=config.node, again=again)
    )
    result = CliRunner().invoke(command_line.app, ["node", *arguments])
    return result, seen


def test_options_go_before_settings(monkeypatch, tmp_path):
    given = ["--caller", "XRAY1", "--caller", "XRAY2", "--peer", "PACS@[::1]:11113", "--port", "0", "--again"]
    _, seen = called(monkeypatch, *given, "--spool", str(tmp_path))
    node = seen["node"]
    assert (node.callers, node.port, node.spool) == (("XRAY1", "XRAY2"), 0, tmp_path)
    assert (node.peer_ae_title, node.peer_host, node.peer_port) == ("PACS", "::1", 11113)
    assert seen["again"]


@pytest.mark.parametrize("wrong", ["PACS", "PACS@host", "@host:104", "PACS@host:port"])
def test_a_peer_that_is_none_is_a_wrong_call(monkeypatch, wrong):
    result, seen = called(monkeypatch, "--peer", wrong)
    assert (result.exit_code, seen) == (2, {})


def test_an_option_is_checked_as_a_setting_is(monkeypatch):
    result, _ = called(monkeypatch, "--caller", "A" * 17)
    assert isinstance(result.exception, ConfigError)
    assert "callers.0: an AE title is needed" in str(result.exception).replace("Value error, ", "")
    result, _ = called(monkeypatch, "--dicomweb", "pacs.example")
    assert "dicomweb" in str(result.exception)
    assert "such as https://pacs.example" in str(result.exception)


def test_nobody_to_send_or_nowhere_to_send_to_is_told_before_a_model_is_loaded(params, tmp_path):
    with pytest.raises(ValueError, match=r"node\.callers must say who may send.* by --caller\."):
        command.run(params.with_node({"spool": tmp_path}), "no such model", again=False)
    with pytest.raises(ValueError, match="results must go somewhere"):
        command.run(params.with_node({"callers": ["A"]}), "no such model", again=False)


@pytest.fixture
def files(tmp_path):
    """A radiograph, a slice of CT, a broken file."""
    images = [instance(STUDY, 1, radiograph(1)), instance(STUDY, 2, radiograph(2), Modality="CT")]
    data = [dicom_out.encode(image) for image in images]
    paths = [tmp_path / f"{number}.dcm" for number in range(3)]
    for path, content in zip(paths, [*data, data[0][:-500]], strict=True):
        path.write_bytes(content)
    return paths


def test_a_study_is_answered_without_what_is_no_radiograph(config, files, monkeypatch):
    examine = examining.Examiner(config, str(config.paths.models))
    answer = examine(files)
    assert answer.refused == {"1.dcm": "not_a_radiograph", "2.dcm": "truncated"}
    assert len(answer.results) >= 2  # a report and a picture
    assert answer.results == examine(files).results
    assert examine(files[1:]).results == []
    both = [*files, files[0].with_name("later.dcm")]
    both[-1].write_bytes(dicom_out.encode(instance(STUDY, 3, radiograph(3))))
    at_once = examine(both)
    monkeypatch.setattr(examining, "_BATCH", 1)  # views that are held at once change nothing
    assert examine(both) == at_once


def test_views_keep_their_numbers_whether_or_not_they_are_answered(config, files):
    examine = examining.Examiner(config, str(config.paths.models))
    later = files[0].with_name("later.dcm")
    later.write_bytes(dicom_out.encode(instance(STUDY, 3, radiograph(3))))
    before, after = examine([files[1], files[0]]), examine([files[1], files[0], later])
    captures = [
        [made for made in map(pydicom.dcmread, map(io.BytesIO, answer.results)) if made.Modality == "OT"]
        for answer in (before, after)
    ]
    assert [[made.InstanceNumber for made in each] for each in captures] == [[2], [2, 3]]
    assert [made for made in before.results if made in after.results]  # the picture of view 2
    assert captures[0][0].SOPInstanceUID == captures[1][0].SOPInstanceUID


def model(name, digit, predict=lambda radiographs: [None for _ in radiographs]):
    """A loaded model that bears a name, and how it answers."""
    return SimpleNamespace(predict=predict), {"name": name, "sha256": 12 * digit, "learnt_from": ""}


def test_another_champion_answers_from_the_next_study_on(params, monkeypatch):
    loaded, version = [], [loading.Version("champion, version 1", "a" * 12)]

    def load(*_):
        loaded.append(version[0])
        return model(version[0].name, version[0].sha256[0])

    monkeypatch.setattr(examining, "_ASK_S", 0.0)
    monkeypatch.setattr(loading, "load", load)
    monkeypatch.setattr(loading, "version", lambda *_: version[0])
    examine = examining.Examiner(params, None)
    examine._follow()
    assert len(loaded) == 1
    version[0] = loading.Version("champion, version 2", "b" * 12)
    examine._follow()
    assert len(loaded) == 2
    assert examine._told["name"] == "champion, version 2"


@pytest.mark.reliability(
    "a new champion that the node cannot load",
    "the model before it answers on; an error says so",
)
def test_a_champion_that_cannot_be_loaded_ends_no_answers(params, monkeypatch, caplog):
    models = iter([model("old", "a"), ValueError("a torn bundle")])

    def load(*_):
        if isinstance(found := next(models), Exception):
            raise found
        return found

    monkeypatch.setattr(examining, "_ASK_S", 0.0)
    monkeypatch.setattr(loading, "load", load)
    monkeypatch.setattr(loading, "version", lambda *_: loading.Version("champion, version 2", "b" * 12))
    examine = examining.Examiner(params, None)
    examine._follow()
    assert examine._told["name"] == "old"
    assert "champion, version 2 can't be loaded: ValueError. The model stays old" in caplog.text


def test_a_champion_that_does_not_answer_leaves_the_old_one_and_is_left_for_a_while(
    params, monkeypatch, caplog
):
    def fail(_):
        raise RuntimeError("invalid dimensions")

    asked, answers = [], [("old", "a"), ("new", "b", fail), ("new", "b")]

    def load(_, name):
        asked.append(name)
        return model(*answers[len(asked) - 1])

    monkeypatch.setattr(examining, "_ASK_S", 0.0)
    monkeypatch.setattr(loading, "load", load)
    monkeypatch.setattr(loading, "version", lambda *_: loading.Version("champion, version 2", "b" * 12))
    examine = examining.Examiner(params, None)
    for _ in range(3):
        examine._follow()
        assert examine._told["name"] == "old"
        assert examine._loaded.predict([0]) == [None]
    assert asked == [None, "champion"]  # no other model than the champion takes over
    assert "The model stays old" in caplog.text
    assert "new must answer. Received: RuntimeError('invalid dimensions')" in caplog.text
    monkeypatch.setattr(loading, "_AGAIN_S", 0.0)
    examine._follow()
    assert examine._told["name"] == "new"


def test_a_model_that_does_not_answer_starts_no_node(params, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda *_: model("torn", "a", lambda _: 1 / 0))
    with pytest.raises(ValueError, match="torn must answer"):
        examining.Examiner(params, None)


@pytest.mark.parametrize("error", [VersionError("nobody answers"), KeyError("champion")])
def test_a_registry_that_is_away_changes_nothing(params, monkeypatch, error):
    def away(*_):
        raise error

    monkeypatch.setattr(examining, "_ASK_S", 0.0)
    monkeypatch.setattr(loading, "load", lambda *_: model("old", "a"))
    monkeypatch.setattr(loading, "version", away)
    examining.Examiner(params, None)._follow()
