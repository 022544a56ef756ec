"""What reaches the terminal while TensorFlow is imported."""

import os
import subprocess
import sys

import pytest

LINES = (
    "I0000 00:00:1795921114.2 11681 port.cc:153] oneDNN custom operations are on.",
    "W0000 00:00:1795921114.2 11681 a.cc:1] slow",
    "E0000 00:00:1795921114.2 11681 cuda.cc:1] failed call to cuInit",
    "F0000 00:00:1795921114.2 11681 a.cc:1] built for AVX, which is not here",
    "ImportError: libcudart",
)
IMPORT = "from pipeline.files.tensorflow_log import filter_imports; filter_imports(); import {}"


def run(code, level):
    around = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"} | level
    done = subprocess.run(
        [sys.executable, "-c", code], env=around, capture_output=True, text=True, check=False, timeout=120
    )
    return done.stderr.splitlines()


def imported(folder, last, level):
    """Import a `tensorflow` that says all lines, and then ends well or is aborted."""
    text = "".join(f"{line}\n" for line in LINES)
    (folder / "tensorflow.py").write_text(f"import os\nos.write(2, {text.encode()!r})\n{last}\n")
    start = f"import sys; sys.path.insert(0, {str(folder)!r}); "
    return run(start + IMPORT.format("tensorflow"), {"TF_CPP_MIN_LOG_LEVEL": level})


@pytest.mark.reliability("TensorFlow aborts while it loads", "its last words stand on the terminal")
def test_nothing_but_what_matters_is_said_and_a_crash_loses_no_word(tmp_path):
    assert imported(tmp_path, "os.abort()", "3") == [*LINES[3:]]


@pytest.mark.parametrize("level", [0, 1, 2])
def test_what_a_user_asks_for_is_shown(tmp_path, level):
    assert imported(tmp_path, "", str(level)) == [*LINES[level:]]


def test_a_process_that_outlives_the_import_does_not_hold_it(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(15)'])\n"
    )
    start = f"import sys, time; sys.path.insert(0, {str(tmp_path)!r}); began = time.monotonic(); "
    end = "; sys.exit('soon' if time.monotonic() - began < 12 else 'late')"
    assert run(start + IMPORT.format("tensorflow") + end, {"TF_CPP_MIN_LOG_LEVEL": "3"}) == ["soon"]


def test_tensorflow_and_keras_say_nothing_at_their_import():
    assert run(IMPORT.format("keras"), {"TF_CPP_MIN_LOG_LEVEL": "3"}) == []
