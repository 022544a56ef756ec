"""Who trains together, by options, by TF_CONFIG and by the settings; nothing is trained here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pipeline.commands import train_workers
from pipeline.config import Config
from pipeline.files import processes
from pipeline.network import cluster


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cluster.VARIABLE, "")
    monkeypatch.delenv("DVC_STAGE", raising=False)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[cluster.Cluster]:
    """What each process is told that would have been started; they end well."""
    told: list[cluster.Cluster] = []

    def run_together(
        command: Sequence[str], environments: Sequence[Mapping[str, str]], grace_s: float
    ) -> list[Any]:
        assert command[1:] == ["-m", "pipeline", "train"]
        told.extend(map(cluster.read, environments))
        return [(0, "")] * len(environments)

    monkeypatch.setattr(processes, "run_together", run_together)
    return told


def settings(params: Config, workers: int) -> Config:
    return params.model_copy(update={"train": params.train.model_copy(update={"workers": workers})})


def test_one_process_trains_where_nothing_else_is_said(params: Config, ran: list[cluster.Cluster]) -> None:
    assert not train_workers.started(params, None, None)
    assert cluster.read() == cluster.ALONE
    assert ran == []


@pytest.mark.parametrize(("option", "setting"), [("3", 1), (None, 3)])
def test_processes_start_on_free_ports_of_this_machine(
    params: Config, ran: list[cluster.Cluster], option: str | None, setting: int
) -> None:
    assert train_workers.started(settings(params, setting), option, None)
    assert [one.rank for one in ran] == [0, 1, 2]
    assert len({one.addresses for one in ran}) == 1
    assert len({*ran[0].addresses}) == 3
    assert all(address.startswith("127.0.0.1:") for address in ran[0].addresses)


def test_a_process_is_told_where_the_others_are(params: Config, ran: list[cluster.Cluster]) -> None:
    assert not train_workers.started(params, "one:1,two:1", 1)
    assert cluster.read() == cluster.Cluster(("one:1", "two:1"), 1)
    assert ran == []


@pytest.mark.parametrize(
    ("workers", "rank", "words"),
    [
        ("one:1,two:1", None, "--rank says which"),
        ("one:1,two:1", 2, "--rank says which"),
        ("2", 0, "--rank says which"),
        ("two", None, "must be a number from 1 on"),
        ("0", None, "must be a number from 1 on"),
    ],
)
def test_options_that_contradict_themselves_are_refused(
    params: Config, workers: str, rank: int | None, words: str
) -> None:
    with pytest.raises(train_workers.WorkersError, match=words):
        train_workers.started(params, workers, rank)


def test_options_and_the_environment_do_not_both_decide(
    params: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cluster.VARIABLE, cluster.Cluster(("one:1", "two:1"), 0).variable())
    with pytest.raises(train_workers.WorkersError, match="both say who trains"):
        train_workers.started(params, "2", None)


def test_dvc_records_how_many_trained(
    params: Config, ran: list[cluster.Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_STAGE", "train")
    assert train_workers.started(settings(params, 2), None, None)
    monkeypatch.setenv(cluster.VARIABLE, cluster.Cluster(("one:1", "two:1"), 0).variable())
    with pytest.raises(train_workers.WorkersError, match=r"Received: 1, and 2 processes.* train\.workers: 2"):
        train_workers.started(params, None, None)


@pytest.mark.reliability(
    "a process that trains with others is killed", "the run ends and names it; a start goes on"
)
def test_a_process_that_failed_is_named(params: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = [(None, ""), (-9, "epoch 3\n"), (1, "INFO\nERROR no room\n")]
    monkeypatch.setattr(processes, "run_together", lambda *_: ended)
    told = r"worker 1 was ended by SIGKILL \(epoch 3\); worker 2 ended with exit code 1 \(ERROR no room\)\. "
    with pytest.raises(train_workers.WorkersError, match=told + "Start it again"):
        train_workers.started(params, "3", None)
