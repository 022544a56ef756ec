"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Bundle = Annotated[
    Path | None, typer.Option(help="Folder of another bundle, such as sites/NAME. [paths.models]")
]
Actor = Annotated[str | None, typer.Option(help="Who does it, for the ledger; git's user by default.")]
