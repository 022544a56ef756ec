from __future__ import annotations

import json

import pytest

from pipeline.network import cluster

TWO = {"worker": ["one:1", "two:1"]}


def given(processes: dict[str, list[str]], kind: str = "worker", index: int = 1) -> dict[str, str]:
    return {cluster.VARIABLE: json.dumps({"cluster": processes, "task": {"type": kind, "index": index}})}


@pytest.mark.parametrize(
    "environment", [{}, {"TF_CONFIG": ""}, {"TF_CONFIG": "{}"}, given({"worker": ["one:1"]})]
)
def test_one_process_trains_alone(environment: dict[str, str]) -> None:
    assert cluster.read(environment) == cluster.ALONE
    assert cluster.ALONE.is_chief
    assert cluster.ALONE.size == 1


def test_processes_are_counted_as_tensorflow_counts_them() -> None:
    chief = {"worker": ["two:1", "three:1"], "chief": ["one:1"]}
    assert cluster.read(given(TWO)) == cluster.Cluster(("one:1", "two:1"), 1)
    assert cluster.read(given(chief)).rank == 2
    assert cluster.read(given(chief, "chief", 0)).is_chief
    assert cluster.read(given(chief)).addresses == ("one:1", "two:1", "three:1")


def test_what_is_written_is_read() -> None:
    written = cluster.Cluster(("one:1", "two:1"), 1)
    assert cluster.read({cluster.VARIABLE: written.variable()}) == written


@pytest.mark.reliability(
    "`TF_CONFIG` is damaged, or asks for what training has none of", "refused, with the text"
)
@pytest.mark.parametrize(
    "environment",
    [
        {"TF_CONFIG": "{"},
        {"TF_CONFIG": "[]"},
        given(TWO, index=2),
        given(TWO, kind="evaluator"),
        given({**TWO, "ps": ["three:1"]}),
    ],
)
def test_what_names_no_processes_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(cluster.ClusterError, match=r"a chief and workers.* Received: .*Unset it"):
        cluster.read(environment)
