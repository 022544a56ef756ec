"""Passwords and tokens stand nowhere: not on the terminal, in a file, or among the arguments of a process."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from pathlib import Path

import pytest

from pipeline import __main__ as command_line
from pipeline.track import secrets, ui
from pipeline.track.secrets import without_password
from tests.imports import REPOSITORY
from tests.track import unreliable
from tests.track.conftest import copy

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SECRET = "Xq7-zebra"
ENCODED = "Xq7%2Dzebra%2F9"
PARTS = ("Xq7", "zebra")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ada:Xq7@zebra@host/db", "postgresql://host/db"),
        ("postgresql://ada:Xq7/zebra@host/db", "postgresql://host/db"),
        ("postgresql://host:5432/db?user=ada&password=Xq7-zebra&x=1", "postgresql://host:5432/db?user=ada&password=***&x=1"),
        ("at http://Xq7-zebra@host:5000/api: refused", "at http://host:5000/api: refused"),
        ("https://bucket/a?X-Amz-Signature=Xq7&X-Amz-Credential=zebra", "https://bucket/a?X-Amz-Signature=***&X-Amz-Credential=***"),
        ("{'Authorization': 'Bearer Xq7-zebra'}", "{'Authorization': 'Bearer ***'}"),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
        ("http://host:5000/a@b", "http://host:5000/a@b"),
    ],
)  # fmt: skip
@pytest.mark.reliability("a password in an address", "left out of every text")
def test_addresses_are_shown_without_what_opens_them(text, shown):
    assert without_password(text) == shown


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("MLFLOW_TRACKING_TOKEN", SECRET, f"token {SECRET} is not valid"),
        ("MLFLOW_TRACKING_PASSWORD", SECRET, f"for ada:{SECRET}"),
        ("AWS_SECRET_ACCESS_KEY", SECRET, f"signed by {SECRET}"),
        ("FORGE_TOKEN", SECRET, f"header {SECRET}"),
        ("HTTPS_PROXY", f"http://ada:{SECRET}@proxy:3128", f"ProxyError(password {SECRET})"),
        ("MLFLOW_TRACKING_URI", f"http://ada:{ENCODED}@host", "no such user: Xq7-zebra/9"),
        ("MLFLOW_TRACKING_URI", "postgresql://ada:Xq7@zebra@host/db", "could not translate zebra@host"),
    ],
)
@pytest.mark.reliability("a password or token in the environment", "hidden where it stands alone, too")
def test_what_the_environment_holds_is_hidden(monkeypatch, name, value, text):
    monkeypatch.setenv(name, value)
    assert not any(part in without_password(text) for part in PARTS)


def test_an_address_of_the_settings_is_known_once_it_was_opened(monkeypatch):
    monkeypatch.setattr(secrets, "_told", set())
    assert SECRET in without_password(f"password {SECRET}")
    secrets.remember(f"http://ada:{SECRET}@host")
    assert SECRET not in without_password(f"password {SECRET}")


def test_a_traceback_and_a_warning_pass_the_guard(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    secrets.guard()
    handler = logging.StreamHandler(sys.stderr)
    try:
        raise OSError(f"http://ada:{SECRET}@host/")
    except OSError:
        handler.emit(logging.LogRecord("a", 30, "", 1, "failed", None, sys.exc_info()))
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "OSError: http://host/" in said


STORES = {
    "401": "http://ada:{secret}@{refusing}",
    "token as user": "http://{secret}@{refusing}",
    "percent-encoded": "http://ada:{encoded}@{refusing}",
    "refused": "http://ada:{secret}@127.0.0.1:9",
    "hanging": "http://ada:{secret}@{hanging}",
    "wrong scheme": "gopher://ada:{secret}@host/a",
    "not a store": "ada:{secret}@host",
    "password in a query": "postgresql://127.0.0.1:9/db?user=ada&password={secret}",
    "database": "postgresql+psycopg://ada:{secret}@127.0.0.1:9/db",
    "no such driver": "mysql://ada:{secret}@127.0.0.1:9/db",
}
COMMANDS = {
    "sync": [],
    "register": [],
    "promote": [],
    "rollback": ["--reason", "it misses wrists"],
    "history": [],
    "compare": ["version:1", "version:2"],
    "serve": [],
    "ui": [],
    "doctor": [],
    "drift": ["--profile", "profile.json"],
}


@pytest.fixture(scope="module")
def servers():
    with unreliable.running() as refusing, unreliable.running() as hanging:
        refusing.spoil(unreliable.refuse)
        hanging.spoil(unreliable.hang)
        yield {
            name: s.address.removeprefix("http://")
            for name, s in (("refusing", refusing), ("hanging", hanging))
        }
        unreliable.end_of_hanging()


@pytest.fixture(scope="module")
def folder(baseline, tmp_path_factory):
    """A repository with results, whose record is elsewhere."""
    copied = copy(baseline, tmp_path_factory.mktemp("secrets") / "repository")
    (copied.folder / "models/bundle.json").write_text('{"sha256": "a", "files": {}}')
    copied.set("track", timeout_s=1)
    return copied.folder


def say(monkeypatch, folder, capfd, *arguments) -> str:
    """Run a command in this process, and return all that it says."""
    monkeypatch.setattr(sys, "argv", ["fracture", *arguments])
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    monkeypatch.setattr(logging.root, "handlers", [])  # else the command adds none of its own
    with contextlib.chdir(folder), contextlib.suppress(SystemExit):
        command_line.main()
    return "".join(capfd.readouterr())


@pytest.mark.parametrize("store", STORES)
@pytest.mark.reliability(
    "a store that fails and whose address holds a password", "no command says or writes it"
)
@pytest.mark.filterwarnings("ignore")
def test_no_command_says_or_writes_it(monkeypatch, folder, servers, capfd, caplog, store):
    monkeypatch.setattr(ui, "relay", lambda *_: 0)
    uri = STORES[store].format(secret=SECRET, encoded=ENCODED, **servers)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    for name, options in COMMANDS.items():
        said = say(monkeypatch, folder, capfd, "--verbose", name, *options)
        assert said, name
        assert not any(part in said for part in (*PARTS, ENCODED)), (name, said)
    assert not holding(folder)


def holding(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if any(part.encode() in path.read_bytes() for part in PARTS)]


@pytest.mark.reliability("a store that fails under `dvc repro`", "no stage says or writes its password")
def test_a_stage_says_and_writes_nothing_of_it(folder, servers, baseline, tmp_path):
    repository = copy(baseline, tmp_path / "repository")
    repository.set("run", seed=8)
    done = repository.repro(MLFLOW_TRACKING_URI=STORES["401"].format(secret=SECRET, **servers))
    assert "MLflow fails" in done.stderr
    assert not any(part in done.stdout + done.stderr for part in PARTS)
    assert not holding(repository.folder)


@pytest.mark.reliability("an address with a password, and `ps`", "no process has it among its arguments")
def test_the_pages_server_gets_the_address_from_its_environment(monkeypatch, params):
    uri, seen = f"postgresql://ada:{SECRET}@127.0.0.1:9/db", {}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setattr(ui, "_sync", lambda _: None)

    def run(command, env, _):
        seen.update(arguments=" ".join(command), store=env["MLFLOW_BACKEND_STORE_URI"])
        return 0

    monkeypatch.setattr(ui, "relay", run)
    with contextlib.chdir(REPOSITORY):
        ui.run(params, [])
    assert SECRET not in seen["arguments"]
    assert seen["store"] == uri


@pytest.mark.reliability("a server of MLflow's that says its address", "said without the password")
def test_what_a_child_says_is_said_without_secrets():
    said: list[str] = []
    command = [sys.executable, "-c", "import sys; sys.exit('unsupported URI ' + sys.argv[1])"]
    assert secrets.relay([*command, f"gopher://ada:{SECRET}@host"], os.environ, said.append) == 1
    assert said == ["unsupported URI gopher://host\n"]


@pytest.mark.reliability(
    "params.yaml that is no YAML at an address with a password", "said without the password"
)
def test_a_setting_that_cannot_be_read_is_said_without_secrets(monkeypatch, folder, capfd, tmp_path):
    text = (folder / "params.yaml").read_text().replace("uri: ''", f"uri: http://ada:{SECRET}@host: {{")
    (tmp_path / "params.yaml").write_text(text)
    for command in ("doctor", "sync"):
        said = say(monkeypatch, tmp_path, capfd, command)
        assert "is not YAML" in said
        assert not any(part in said for part in PARTS)
