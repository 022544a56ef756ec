"""The command that brings radiographs from elsewhere into our layout."""

from __future__ import annotations

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
        list[str] | None, typer.Option(help="A folder, value or class that means a fracture; repeatable.")
    ] = None,
    not_fractured: Annotated[
        list[str] | None, typer.Option(help="A folder or value that means none; repeatable.")
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

    options = Options(
        tuple(fractured or ()), tuple(not_fractured or ()), background, labels, label_column, salt, copy
    )
    command.run(kind, source, out, options, as_json=as_json)
