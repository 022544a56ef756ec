"""How a list of steps is run: one after another, each under its heading, tokens kept from most of them."""

from __future__ import annotations

import re
import sys

import pytest

from ci import job


def timeless(printed):
    return re.sub(r"after \d+ s", "after N s", printed)


def test_steps_run_until_one_fails(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert job.run(["touch first", "sh -c 'echo out of films; exit 3'", "touch last"]) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
    assert timeless(capfd.readouterr().out).splitlines() == [
        "== touch first",
        "== after N s, exit code 0: touch first",
        "== sh -c 'echo out of films; exit 3'",
        "out of films",
        "== after N s, exit code 3: sh -c 'echo out of films; exit 3'",
    ]


def test_on_github_each_step_is_a_group(monkeypatch, capfd):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert job.run(["true"]) == 0
    said = timeless(capfd.readouterr().out)
    assert said == "::group::true\n::endgroup::\n== after N s, exit code 0: true\n"


def test_the_token_reaches_only_steps_that_talk_to_the_forge(monkeypatch):
    monkeypatch.setenv("FORGE_TOKEN", "secret")
    steps = [step for each in job.STEPS.values() for step in each]
    assert tuple(step for step in steps if "FORGE_TOKEN" in job.environment(step)) == job.TO_FORGE
    assert "PATH" in job.environment("dvc repro")


@pytest.mark.reliability("a step of CI that says a token or a password", "hidden in the job's log")
def test_what_a_step_says_holds_no_secret(monkeypatch, capfd):
    monkeypatch.setenv("FORGE_TOKEN", "Xq7-zebra")
    said = "fatal: https://ada:pony@host/a.git; Xq7-zebra"
    assert job.run([f"{sys.executable} -c 'import sys; sys.stderr.write(sys.argv[1])' '{said}'"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert "fatal: https://host/a.git; ***" in lines


@pytest.mark.parametrize("arguments", [[], ["deploy"], ["check", "retrain"]])
def test_another_name_is_refused(monkeypatch, capsys, arguments):
    monkeypatch.setattr(sys, "argv", ["ci.job", *arguments])
    assert job.main() == 2
    assert f"Received: {arguments}" in capsys.readouterr().err


def test_on_github_the_next_job_is_told_by_outputs(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    job.pass_on({"promote": "true"})
    job.pass_on({"ref": "c0ffee"})
    assert (tmp_path / "outputs").read_text() == "promote=true\nref=c0ffee\n"


def test_elsewhere_outputs_are_variables_in_capitals(tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    monkeypatch.chdir(tmp_path)
    job.pass_on({"ref": "c0ffee"})
    assert (tmp_path / "retrain.env").read_text() == "REF=c0ffee\n"
