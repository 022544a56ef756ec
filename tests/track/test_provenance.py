import os

import psutil
import pytest

from pipeline.track import provenance


def test_this_process_is_not_dead():
    assert not provenance.is_dead(provenance.process())


@pytest.mark.parametrize(
    "other",
    [{"process.pid": str(2**22 + 1)}, {"process.started": "1000.0"}],
    ids=["no process", "number reused"],
)
def test_an_ended_process_is_dead(other):
    assert provenance.is_dead(provenance.process() | other)


def test_of_another_host_nobody_can_tell():
    assert not provenance.is_dead({"process.host": "elsewhere", "process.pid": "1", "process.started": "0"})


def test_the_process_is_named_by_its_number_and_start():
    tags = provenance.process()
    assert int(tags["process.pid"]) == os.getpid()
    assert float(tags["process.started"]) == psutil.Process().create_time()


@pytest.mark.parametrize(("threads", "expected"), [(3, "3"), (0, str(os.cpu_count()))])
def test_threads_are_recorded_as_used(threads, expected):
    assert provenance.environment(threads)["machine.threads"] == expected


def test_a_folder_outside_git_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert not {"mlflow.source.git.commit", "git.dirty", "dvc.lock.md5"} & provenance.environment(0).keys()
