"""The commands that bring radiographs into our layout: from elsewhere, and from the reading page."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Json

app = typer.Typer()


class Kind(StrEnum):
    """The kinds of sources."""

    FRACATLAS = "fracatlas"
    GRAZPEDWRI = "grazpedwri"
    MURA = "mura"
    YOLO = "yolo"
    VOC = "voc"
    COCO = "coco"
    CVAT = "cvat"
    CSV = "csv"
    FOLDERS = "folders"
    DICOM = "dicom"
    FEEDBACK = "feedback"


_DRAWN = (Kind.YOLO, Kind.VOC, Kind.COCO, Kind.CVAT)
_SORTED = (Kind.CSV, Kind.FOLDERS, Kind.DICOM)
_KINDS = {  # on which each option acts
    "--fractured": (*_DRAWN, *_SORTED),
    "--not-fractured": _SORTED,
    "--background": _DRAWN,
    "--labels": (Kind.DICOM,),
    "--label-column": (Kind.CSV, Kind.DICOM),
}


def _require_use(kind: Kind, given: Mapping[str, object]) -> None:
    """Refuse an option that would be passed over."""
    for option, value in given.items():
        if value and kind not in _KINDS[option]:
            raise typer.BadParameter(
                f"it acts on {', '.join(_KINDS[option])} alone. Received: {kind}", param_hint=option
            )


@app.command(name="import")
def import_(
    kind: Annotated[
        Kind, typer.Argument(help="What the source is; docs/how-to/import.md says what each must hold.")
    ],
    source: Annotated[
        Path, typer.Argument(help="Its folder; of csv, coco and cvat also its file. Never changed.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write: new, empty, or an earlier import.")],
    fractured: Annotated[
        list[str] | None,
        typer.Option(
            help="A folder, value or class that means a fracture; repeatable. Not of fracatlas, grazpedwri, "
            "mura, feedback."
        ),
    ] = None,
    not_fractured: Annotated[
        list[str] | None,
        typer.Option(help="csv, folders, dicom: a folder or value that means none; repeatable."),
    ] = None,
    background: Annotated[
        bool,
        typer.Option(
            "--background", help="yolo, voc, coco, cvat: pictures that nothing labels are not fractured."
        ),
    ] = False,
    labels: Annotated[
        Path | None, typer.Option(help="dicom: CSV of labels by path, accession, study or instance.")
    ] = None,
    label_column: Annotated[str, typer.Option(help="csv, dicom: the column of labels.")] = "",
    salt: Annotated[
        str,
        typer.Option(
            envvar="FRACTURE_IMPORT_SALT", help="dicom: secret behind the hashes of ids; else one is drawn."
        ),
    ] = "",
    copy: Annotated[bool, typer.Option("--copy", help="Copy files, where hard links would do.")] = False,
    as_json: Json = False,
) -> None:
    """Make our layout, annotations and labels from what you have: public sets, exports, tables, folders.

    What cannot be used is named with its reason; exit code 1 only where nothing could be used.
    """
    from pipeline.commands import import_source as command
    from pipeline.importing.record import Options

    given = (fractured, not_fractured, background, labels, label_column)
    _require_use(kind, dict(zip(_KINDS, given, strict=True)))
    options = Options(
        tuple(fractured or ()), tuple(not_fractured or ()), background, labels, label_column, salt, copy
    )
    command.run(kind, source, out, options, as_json=as_json)


@app.command()
def feedback(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Of the readings; never changed.", show_default="feedback.folder"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write for the next training: new, empty, or an earlier result."),
    ] = None,
    train_only: Annotated[
        bool, typer.Option("--train-only", help="Put all into train: its readers saw the model's answer.")
    ] = False,
    copy: Annotated[bool, typer.Option("--copy", help="Copy files, where hard links would do.")] = False,
    as_json: Json = False,
) -> None:
    """Show how often readers agree with the model, and make labels and annotations of what they said.

    Radiographs on which readers differ are listed and left out.
    """
    from pipeline import config
    from pipeline.commands import feedback as command
    from pipeline.importing.record import Options

    settings, options = config.read_anywhere(), Options(copy=copy)
    command.run(settings, folder, out, options, train_only=train_only, as_json=as_json)
