"""What keeps `dvc repro` from starting is found before it starts, with the file's name and the mend."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from pipeline import config
from pipeline.commands import checks, doctor
from pipeline.commands.checks import data, lock, repository, settings
from pipeline.track import dvc_commands
from tests.imports import REPOSITORY

FOLDERS = [f"{split}/{name}" for split in ("train", "val", "test") for name in ("fractured", "not fractured")]


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Lay out a folder as a user has it: settings, radiographs in Data, DVC initialised."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    for name in ("none.coco.json", "none.csv", "none.manifest.csv"):
        put(Path("Data") / name, (REPOSITORY / "Data" / name).read_bytes())
    for folder in FOLDERS:
        put(Path("Data") / folder / "a.jpg")
    change(data={"root": "Data", "annotations": "Data/none.coco.json", "labels": "Data/none.csv"})
    return tmp_path


def put(path, content=b"a"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def change(**sections):
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    for section, values in sections.items():
        params[section] |= values
    Path("params.yaml").write_text(yaml.safe_dump(params))


def bind(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)


HERE = "Data/train/fractured"
FAULTS = {
    "links to nothing": lambda: Path(f"{HERE}/x").symlink_to("gone"),
    "links in a circle": lambda: Path(f"{HERE}/x").symlink_to("x"),
    "pipes, sockets or devices": lambda: os.mkfifo(f"{HERE}/x"),
    "names that are no UTF-8": lambda: open(os.fsencode(f"{HERE}/x") + b"\xff", "wb").close(),  # noqa: PTH123
}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(k, marks=pytest.mark.reliability(f"{k}, before dvc repro", "doctor names them"))
        for k in FAULTS
    ],
)
def test_what_stops_dvc_is_named_with_its_mend(kind, work, capsys):
    try:
        FAULTS[kind]()
    except OSError as error:
        pytest.skip(f"this file system has no {kind}: {error}")
    assert doctor.run(quick=True) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"problem\tfiles\t{kind} (1): {HERE}/x")
    assert line.endswith(data._MENDS[kind])


@pytest.mark.reliability("a socket, a device or a pipe named as annotations or labels", "doctor names them")
@pytest.mark.parametrize("key", ["annotations", "labels"])
def test_what_is_no_file_is_found_beside_the_radiographs_too(key, work):
    bind("odd")
    change(data={"root": "Data", "annotations": "Data/none.coco.json", "labels": "Data/none.csv", key: "odd"})
    assert data.files(config.read()).detail == "pipes, sockets or devices (1): odd"


@pytest.mark.reliability("a pipe named as labels, before dvc repro", "doctor names it and does not wait")
def test_a_pipe_as_labels_is_not_waited_for(work):
    os.mkfifo("pipe")
    change(data={"root": "Data", "annotations": "Data/none.coco.json", "labels": "pipe"})
    command = [sys.executable, "-m", "pipeline.commands.doctor", "--quick"]
    around = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=around, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, "pipes, sockets or devices (1): pipe" in done.stdout) == (1, True)


@pytest.mark.reliability("files and folders that may not be read, before dvc repro", "doctor names them")
@pytest.mark.parametrize(("name", "kind"), [("a.jpg", "files"), ("closed", "folders")])
def test_what_cannot_be_read_is_named(name, kind, work, monkeypatch):
    put(Path(HERE) / "closed/b.jpg")
    access = os.access  # the superuser of a container may read everything
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path) != Path(HERE) / name and access(path, mode)
    )
    assert data.files(config.read()).detail == f"{kind} that cannot be read (1): {HERE}/{name}"


@pytest.mark.reliability(18)
@pytest.mark.parametrize("name", ["a\nb.jpg", "a\tb.jpg", "-rf.jpg", "Knöchel 骨.jpg", "a'b\".jpg"])
def test_odd_names_that_dvc_takes_are_no_problem(name, work, capsys):
    put(Path(HERE) / name)
    assert doctor.run(quick=True) == 0
    assert capsys.readouterr().out == ""


def test_a_name_with_a_line_break_stays_one_line(work, capsys):
    Path(f"{HERE}/a\nb.jpg").symlink_to("gone")
    doctor.run(quick=True)
    assert f"{HERE}/a\\nb.jpg\t" in capsys.readouterr().out


def test_what_dvc_ignores_stops_nobody(work):
    Path(".dvcignore").write_bytes((REPOSITORY / ".dvcignore").read_bytes())
    for name in ("@eaDir", "#recycle", "._a.jpg", "b.jpg.part"):
        (Path(HERE) / name).symlink_to("gone")
    assert data.files(config.read()).status == checks.OK


def test_counts_are_those_of_validate(work):
    put(Path(HERE) / "@eaDir/b.jpg")
    (Path(HERE) / "c.jpg").symlink_to(put_outside(work))
    detail = data.radiographs(config.read()).detail
    assert "train/fractured 1, " in detail
    assert "passed over 2" in detail


def put_outside(work):
    (work.parent / f"{work.name}-outside.jpg").write_bytes(b"a")
    return work.parent / f"{work.name}-outside.jpg"


@pytest.mark.reliability("radiographs in Data while data.root names phantoms", "doctor and validate say so")
def test_radiographs_that_nobody_reads_are_told(work, capsys):
    change()
    doctor.run(quick=True)
    said = "warning\tdata.root\tData holds radiographs, but data.root names phantoms: set data.root: Data\t"
    assert said in capsys.readouterr().out


@pytest.mark.reliability("params.yaml of an earlier version", "doctor names the key's new name")
def test_a_renamed_setting_is_named_before_dvc_meets_it(work, capsys):
    text = Path("params.yaml").read_text().replace("pinned_manifest:", "earlier_manifest:")
    Path("params.yaml").write_text(text)
    assert doctor.run(quick=True) == 1
    assert "validate.earlier_manifest is now validate.pinned_manifest: rename it" in capsys.readouterr().out


WRONG = [
    ("train", "backbone", "efficientnet-lite9"), ("train", "backbone", "ResNet5"),
    ("train", "weights", "imagenet"), ("train", "weights", "mine.bin"),
    ("region_maps", "colormap", "cividas"),
]  # fmt: skip


@pytest.mark.reliability("a setting that only a late stage reads", "refused before the first stage")
@pytest.mark.parametrize(("section", "key", "value"), WRONG)
def test_a_name_that_does_not_exist_is_refused_at_once(section, key, value, work):
    change(**{section: {key: value}})
    assert settings.values(config.read()).status == checks.PROBLEM
    command = [sys.executable, "-m", "pipeline", "phantoms"]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"{section}.{key}" in done.stderr
    assert repr(value) in done.stderr


@pytest.mark.parametrize(
    ("backbone", "weights"), [("ResNet50V2", "imagenet"), ("efficientnet-lite2", "package")]
)
def test_networks_that_exist_are_allowed(backbone, weights, work):
    change(train={"backbone": backbone, "weights": weights}, region_maps={"colormap": "viridis"})
    settings.require(config.read())


def test_a_subgroup_that_no_column_names_is_told(work):
    Path("Data/mine.csv").write_text("path,body_part,site\n")
    change(data={"labels": "Data/mine.csv"}, promote={"subgroups": ["bodypart", "site"]})
    assert "no column of Data/mine.csv is called bodypart" in settings.values(config.read()).detail


def torn(content):
    Path("dvc.lock").write_bytes(content)
    return repository.lock_file().status


@pytest.mark.reliability("dvc.lock left empty or torn by a full disk", "doctor says so, and mends it")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\0\0\0",
        b"schema: '2.0'\nstages: {a: [",
        b"sche",
        b"schema: '2.0'\nstages:\n  a:\n    cmd: x\n    deps:\n    - hash: md5\n",  # before its path
        b"schema: '2.0'\nstages:\n",
    ],
)
def test_a_broken_lock_is_mended_from_git_and_a_copy_kept(content, work, capsys):
    whole = b"schema: '2.0'\nstages: {}\n"
    for command in ("init -q", "add dvc.lock", "-c user.name=a -c user.email=a@b.c commit -q -m lock"):
        Path("dvc.lock").write_bytes(whole)
        subprocess.run(["git", *command.split()], check=True)
    assert torn(whole) == checks.OK
    assert torn(content) == checks.PROBLEM
    doctor.run(quick=True, mend=True)
    assert (Path("dvc.lock").read_bytes(), Path("dvc.lock.broken").read_bytes()) == (whole, content)
    assert "The version that git knows is back" in capsys.readouterr().err


def test_a_broken_lock_that_git_does_not_know_makes_way_for_a_new_one(work):
    for number, name in enumerate(["dvc.lock.broken", "dvc.lock.broken1"]):
        torn(b" " * number)
        assert "`dvc repro` makes it anew" in lock.mend()
        assert Path(name).read_bytes() == b" " * number
        assert not Path("dvc.lock").exists()
    assert lock.mend() == ""


@pytest.mark.reliability(
    "a lock of DVC that a full disk or a kill left torn", "doctor says so, and removes it"
)
@pytest.mark.parametrize(("content", "status"), [("", "problem"), ("{}", "ok"), ('{"write": 3}', "problem")])
def test_a_torn_list_of_running_commands_is_told_and_removed(content, status, work):
    put(Path(".dvc/tmp/rwlock"), content.encode())
    assert repository.running().status == status
    assert bool(dvc_commands.forget_dead()) == (status == "problem")
    assert Path(".dvc/tmp/rwlock").exists() == (status == "ok")
    assert repository.running().status == "ok"


@pytest.mark.parametrize(("pid", "status"), [(None, "warning"), (2**22 + 1, "ok")])
def test_a_running_command_is_told_and_a_killed_one_stops_nobody(pid, status, work):
    pid = pid or os.getpid()
    put(Path(".dvc/tmp/rwlock"), f'{{"write": {{"a": {{"pid": {pid}, "cmd": "dvc repro"}}}}}}'.encode())
    assert repository.running().status == status


def test_a_dead_command_that_nobody_waited_for_is_forgotten_and_a_running_one_is_not(work):
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        while psutil.Process(dead.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        for pids, is_forgotten in (((dead.pid,), True), ((dead.pid, os.getpid()), False)):
            noted = {str(pid): {"pid": pid, "cmd": "dvc repro"} for pid in pids}
            put(dvc_commands.FILE, json.dumps({"write": noted}).encode())
            assert bool(dvc_commands.forget_dead()) == is_forgotten
            assert dvc_commands.FILE.exists() != is_forgotten


def test_what_killed_runs_left_is_told(work):
    put(Path(f"Data/.{2**22 + 1}-shards"))
    put(Path(f"Data/.{os.getppid()}-shards"))
    assert f"1 of killed runs: Data/.{2**22 + 1}-shards" in repository.left_over(config.read()).detail
    os.utime(f"Data/.{os.getppid()}-shards", (1, 1))  # before the process that bears its number now
    assert "2 of killed runs" in repository.left_over(config.read()).detail


@pytest.mark.reliability("a repository whose path holds #, % or blanks", "works")
@pytest.mark.parametrize("name", ["a#b", "100% mine", "a?b", "Größe 骨"])
def test_the_store_is_found_whatever_the_path_is_called(name, tmp_path, monkeypatch):
    import sqlite3

    (tmp_path / name / ".dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / name)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    change()
    with sqlite3.connect("mlflow.db") as database:
        database.execute("CREATE TABLE runs (id)")
    database.close()
    assert repository.store(config.read()).detail.endswith("mlflow.db: 0 runs")
