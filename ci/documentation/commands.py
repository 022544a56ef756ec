"""The reference of commands: what typer itself writes of them, put into the order of this site."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import yaml

_COMMAND = re.compile(r"^## `fracture (\S+)`\n\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_EPILOG = re.compile(r"^Exit codes: (.*)\.$", re.MULTILINE)
_HELP = "* `--help`: Show this message and exit.\n"


def page(repository: Path) -> str:
    """List the commands and exit codes, then show each command with its arguments and options."""
    text = _written(repository)
    stages = _stages(repository)
    commands = dict(sorted(_COMMAND.findall(text), key=lambda found: found[0] in stages))
    lines = ["| command | what it does |", "|---|---|"]
    lines += [f"| [`{name}`](#fracture-{name}) | {_summary(body)} |" for name, body in commands.items()]
    lines += ["", "## Exit codes", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {code} | {meaning} |" for code, meaning in _exit_codes(text)]
    parts = (f"## fracture {name}\n\n{_tidy(body)}" for name, body in commands.items())
    return "\n".join([*lines, "", *parts])


def _stages(repository: Path) -> set[str]:
    """Commands that dvc.yaml calls; they come last, as in `fracture --help`."""
    named = yaml.safe_load((repository / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return {name.replace("_", "-") for name in named}


def _written(repository: Path) -> str:
    command = (sys.executable, "-m", "typer", "pipeline/__main__.py", "utils", "docs", "--name", "fracture")
    done = subprocess.run(command, cwd=repository, stdout=subprocess.PIPE, text=True, check=True)
    return html.unescape(done.stdout)


def _summary(body: str) -> str:
    return " ".join(body.partition("\n\n")[0].split())


def _exit_codes(text: str) -> list[tuple[str, str]]:
    found = _EPILOG.search(text)
    codes = found.group(1).split("; ") if found else []
    return [(code, meaning) for code, _, meaning in (entry.partition(" ") for entry in codes)]


def _tidy(body: str) -> str:
    """Leave out what stands under every command, and the prompt that nobody wants to copy."""
    body = (
        body.replace(_HELP, "")
        .replace("**Options**:\n\n\n", "")
        .replace("**Options**:\n\n", "**Options**\n\n")
    )
    body = body.replace("**Arguments**:", "**Arguments**").replace("**Usage**:\n\n", "")
    return body.replace("```console\n$ ", "```text\n")
