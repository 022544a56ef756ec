"""The command line as a user meets it: exit codes, streams, and what is imported."""

import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import typer

from pipeline import __main__ as command_line
from pipeline.track.outage import StoreError
from pipeline.track.state import NoPipelineError

TOP = Path(__file__).parents[1]
COMMANDS = sorted(typer.main.get_command(command_line.app).commands)
HELP = """
import sys
from typer.testing import CliRunner
from pipeline.__main__ import app
for name in sys.argv[1:]:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0 and "Usage" in result.output, (name, result.output)
heavy = {"tensorflow", "keras", "mlflow", "pandas", "cv2", "dvc"}
sys.exit(", ".join(heavy & set(sys.modules)) or 0)
"""


def run(folder, *arguments):
    command = [sys.executable, "-m", "pipeline", *arguments]
    environment = {"PYTHONPATH": str(TOP), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def outcome(monkeypatch, error):
    """Exit code of `main` when the command raises; other errors come through."""

    def fail():
        raise error

    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(SystemExit) as exit_:
        command_line.main()
    return exit_.value.code


def test_help_of_every_command_imports_nothing_heavy():
    command = [sys.executable, "-c", HELP, *COMMANDS]
    result = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_wrong_call_ends_with_2(tmp_path):
    assert run(tmp_path, "predict").returncode == 2
    assert run(tmp_path, "no-such-command").returncode == 2


def test_a_missing_settings_file_is_one_message(tmp_path):
    result = run(tmp_path, "validate")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "ERROR pipeline: params.yaml not found: run from the repository's top folder\n"


def test_verbose_says_where_an_error_arose(tmp_path):
    assert "Traceback" in run(tmp_path, "--verbose", "validate").stderr


def test_predict_without_a_bundle_asks_the_released_model(tmp_path):
    (tmp_path / "params.yaml").write_text((TOP / "params.yaml").read_text())
    (tmp_path / "a.png").write_bytes(b"no image")
    result = run(tmp_path, "predict", "a.png")
    assert result.returncode == 1
    assert "the model is released fracatlas" in result.stderr
    assert result.stdout.startswith("a.png\trefused")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("the rule"), "the rule"),
        (OSError("no space left"), "no space left"),
        (
            FileNotFoundError(2, "No such file", "models/a.npz"),
            "a file must be there. Received: none at models/a.npz",
        ),
        (ModuleNotFoundError("No module named 'cv2'"), "No module named 'cv2'. `fracture doctor`"),
        (BrokenProcessPool("gone"), "a worker was killed"),
        (NoPipelineError("no dvc.yaml"), "no dvc.yaml"),
        (StoreError("MLflow's store must answer"), "MLflow's store must answer"),
    ],
)
def test_a_known_error_is_one_message_and_exit_code_1(monkeypatch, caplog, error, message):
    assert outcome(monkeypatch, error) == 1
    (shown,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert shown.startswith(message)


def test_an_interrupt_ends_with_130(monkeypatch):
    assert outcome(monkeypatch, KeyboardInterrupt()) == 130


@pytest.mark.parametrize("error", [RuntimeError, TypeError, KeyError])
def test_an_unknown_error_keeps_its_traceback(monkeypatch, error):
    with pytest.raises(error):
        outcome(monkeypatch, error("a fault of ours"))
