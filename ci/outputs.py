"""What one job tells the next: lines of ``name=value`` in the file that the CI service reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

DOTENV = "retrain.env"  # the file that .gitlab-ci.yml names


def write(values: Mapping[str, str]) -> None:
    """Append to GitHub's outputs of this step; elsewhere, as variables in capitals, to ``retrain.env``."""
    github = os.environ.get("GITHUB_OUTPUT")
    lines = [f"{name if github else name.upper()}={value}\n" for name, value in values.items()]
    with Path(github or DOTENV).open("a", encoding="utf-8") as file:
        file.writelines(lines)
