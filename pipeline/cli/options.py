"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline import addresses
from pipeline.files import temporary


def radiographs(text: str) -> Path:
    """Take a path, or the folder that stands for an address: it is removed when the command ends."""
    if not addresses.is_address(text):
        return Path(text)
    try:
        return addresses.folder(text, temporary.folder())
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None


Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Bundle = Annotated[
    Path | None,
    typer.Option(help="Folder of another bundle, such as sites/NAME.", show_default="paths.models"),
]
_MODELS = (
    "`champion`, `current` (in paths.models), `released`, the folder of a bundle, models:/NAME@ALIAS or "
    "models:/NAME/VERSION. Else the champion; without one, the current one, unless of phantoms; then the "
    "released one."
)
Model = Annotated[str | None, typer.Option("--model", help=f"Which model answers: {_MODELS}")]
ModelOrBundle = Annotated[
    str | None, typer.Option("--model", "--bundle", help=f"Which model answers: {_MODELS}")
]
Actor = Annotated[str | None, typer.Option(help="Who does it, for the ledger; git's user by default.")]
