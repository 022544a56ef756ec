"""The same work on a Ray cluster of two machines as in processes here."""

from __future__ import annotations

import logging
import os
import warnings
from concurrent.futures import BrokenExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.config import Config
from pipeline.files import cluster, engine
from pipeline.files.images import ImageFault
from tests.files import test_engine as work

log = logging.getLogger("pipeline.tested")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("two_machines")]  # Ray takes half a minute to start


def told(number: int) -> int:
    log.warning("radiograph %d is odd", number)
    warnings.warn(f"radiograph {number} may be odd", UserWarning, stacklevel=1)
    return number


def killed_once(folder: Path, number: int) -> int:
    mark = folder / "killed"
    if number == 9 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), 9)
    return number


def own_machine(_: int) -> tuple[int, str]:
    return os.getpid(), os.environ["OMP_NUM_THREADS"]


def spread(function, number: int = 60) -> list:
    return list(engine.process(function, range(number), workers=0, label="spread"))


@pytest.mark.parametrize("count", [15, 61, 200])
def test_results_keep_the_order_of_the_items(count: int) -> None:
    assert spread(work.square, count) == [number**2 for number in range(count)]


def test_work_is_done_in_processes_of_both_machines_with_one_thread_each() -> None:
    assert os.getpid() not in {pid for pid, _ in spread(work.own_process, 200)}
    assert set(spread(work.library_threads)) == {(1, 1)}


def test_a_fault_comes_through_as_it_is_with_the_place_where_it_arose() -> None:
    with pytest.raises(ImageFault) as refused:
        spread(work.refuse_seven)
    assert (str(refused.value), refused.value.reason) == ("radiograph 7: cut short", "truncated")
    assert "in refuse_seven" in refused.value.__notes__[0]


def test_what_is_logged_and_warned_of_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.warns(UserWarning, match="radiograph [0-9]+ may be odd") as warned:
        spread(told, 20)
    assert [str(each.message) for each in warned] == [f"radiograph {n} may be odd" for n in range(20)]
    assert [record.getMessage() for record in caplog.records] == [f"radiograph {n} is odd" for n in range(20)]


@pytest.mark.reliability("a process of a Ray cluster is killed", "what it did is done again elsewhere")
def test_what_a_killed_process_did_is_done_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert spread(partial(killed_once, tmp_path)) == list(range(60))
    assert (tmp_path / "killed").exists()
    assert capfd.readouterr().out == ""


@pytest.mark.reliability("work kills every process of a Ray cluster that tries it", "F, no hang")
def test_what_kills_every_process_that_tries_it_is_an_error_and_no_hang() -> None:
    with pytest.raises(BrokenExecutor, match="lost 4 times"):
        spread(work.kill_itself)
    assert spread(work.square) == [number**2 for number in range(60)]


def test_each_machine_keeps_a_function_with_all_of_its_cores() -> None:
    first, second = (list(engine.on_machines(own_machine, range(9))) for _ in range(2))
    assert len(set(first)) == 2
    assert set(first) == set(second)
    assert {threads for _, threads in first} == {"1"}


def test_one_piece_of_work_stays_here() -> None:
    assert [pid for pid, _ in engine.on_machines(work.own_process, [0])] == [os.getpid()]


def test_workers_leave_files_where_all_machines_see_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with engine.scratch() as folder:
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_other_code_on_a_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.files.cluster_work.code", lambda: "another")
    with pytest.raises(ValueError, match="must run the same package"):
        spread(work.square)


def test_a_machine_that_lacks_the_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = cluster.Place.here()._replace(folder=str(tmp_path / "absent"))
    monkeypatch.setattr(cluster.Place, "here", lambda: here)
    with pytest.raises(FileNotFoundError, match="must see the folder of the repository"):
        spread(work.square)


def test_a_cluster_that_cannot_be_joined_is_an_error_that_names_its_address() -> None:
    absent = cluster.Cluster("127.0.0.1:1", 0)
    nothing = SimpleNamespace(init=refused, shutdown=lambda: None)
    with pytest.raises(OSError, match=r"cannot be joined at 127\.0\.0\.1:1: nobody there"):
        absent._connect(nothing, {})


def test_a_cluster_that_starts_too_slowly_is_started_once_more() -> None:
    tries = []

    def init(**settings: object) -> None:
        tries.append(settings)
        if len(tries) == 1:
            refused()

    cluster.Cluster("", 1)._connect(SimpleNamespace(init=init, shutdown=lambda: None), {"num_cpus": 1})
    assert [each["num_cpus"] for each in tries] == [1, 1]


def refused(**_: object) -> None:
    raise ConnectionError("nobody there")


def test_without_ray_the_error_says_what_to_install(params: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.files.cluster.util.find_spec", lambda _: None)
    with (
        pytest.raises(ValueError, match=r"pip install 'fracture-pipeline\[ray\]'"),
        engine.chosen(params.run.model_copy(update={"engine": "ray"})),
    ):
        pass
