"""Commands on radiographs: examine them, score the model on them, say whether they are unlike."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Json, Model, ModelOrBundle, radiographs

app = typer.Typer()


class By(StrEnum):
    """What gets one answer."""

    IMAGE = "image"
    STUDY = "study"


@app.command()
def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            parser=radiographs, help="Radiographs, or folders that are searched for them; or s3://..."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for overlays and predictions; new, or an earlier result.")
    ] = None,
    model: ModelOrBundle = None,
    by: Annotated[
        By, typer.Option(help="Answer each image alone, or the views of a DICOM study together.")
    ] = By.IMAGE,
    dicom: Annotated[
        bool,
        typer.Option(
            "--dicom", help="With --out: write presentation states, captures and a report of each study."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Examine radiographs with the champion, or another model.

    Exit code 1 when a file was refused; the others still get their result.
    """
    if dicom and out is None:
        raise typer.BadParameter("results in DICOM need a folder: name it with --out", param_hint="--dicom")
    from pipeline import config
    from pipeline.commands import predict as command
    from pipeline.files import engine

    with engine.chosen((settings := config.read_anywhere()).run):
        code = command.run(settings, paths, out, as_json=as_json, model=model, by=by.value, with_dicom=dicom)
    raise typer.Exit(code)


@app.command()
def assess(
    folder: Annotated[
        Path,
        typer.Argument(
            parser=radiographs,
            help="Holds fractured/ and 'not fractured'/, at its top or in train/, val/, test/; or s3://...",
        ),
    ],
    annotations: Annotated[
        Path | None,
        typer.Option(help="COCO file with fracture polygons or boxes; file_name relative to FOLDER."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV with a column path: rows of one patient_id or study_id count together; without it "
            "each radiograph counts as a patient of its own. Other columns make subgroups of the figures "
            "of maps."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the report; new, or an earlier result.", show_default="reports/assess/NAME"
        ),
    ] = None,
    model: ModelOrBundle = None,
    as_json: Json = False,
) -> None:
    """Score a model on another folder: external validation.

    Takes minutes, however few the radiographs: their maps are tried, too.
    """
    from pipeline import config
    from pipeline.commands import assess as command
    from pipeline.files import engine

    with engine.chosen((settings := config.read_anywhere()).run):
        command.run(settings, folder, annotations, out, as_json=as_json, model=model, table=labels)


@app.command()
def recalibrate(
    folder: Annotated[
        Path,
        typer.Argument(
            parser=radiographs,
            help="Holds fractured/ and 'not fractured'/, as for `assess`; with --prevalence, any files.",
        ),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV with a column path: rows of one patient_id or study_id are one exam."),
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(help="Without labels: the share of fractured ones, such as 0.2. Gives an estimate."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the place.", show_default="the folder's")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the new bundle; new, or an earlier result.", show_default="sites/NAME"),
    ] = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Fit calibration and thresholds to a place, and write a new bundle; the network stays.

    It takes 100 labelled exams with enough of either class, or 200 without labels.
    """
    if prevalence is not None and not 0 < prevalence < 1:
        raise typer.BadParameter("a share lies between 0 and 1", param_hint="--prevalence")
    from pipeline import config
    from pipeline.commands import recalibrate as command
    from pipeline.files import engine

    with engine.chosen((settings := config.read_anywhere()).run):
        command.run(settings, folder, labels, prevalence, name, out, as_json=as_json, model=model)


@app.command()
def drift(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=radiographs, help="New radiographs, or folders that are searched for them; or s3://..."
        ),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            help="A profile instead of radiographs: reports/validate/profile.json, or the folder (or a day's "
            "file in it) that `fracture serve --seen` fills."
        ),
    ] = None,
    model: Model = None,
    against: Annotated[
        str | None, typer.Option(help="A profile in place of a model, the folder of a bundle, or `champion`.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report; new, or an earlier result.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare new radiographs with those that the champion, or another model, was made with.

    Exit code 3 when they differ; 0 when they do not, or are too few to tell.
    """
    if bool(paths) == (profile is not None):
        raise typer.BadParameter("name radiographs, or a profile of them: one of the two")
    if model is not None and against is not None:
        raise typer.BadParameter("name a model, or what stands for one with --against: one of the two")
    from pipeline import config
    from pipeline.commands import drift as command
    from pipeline.files import engine

    with engine.chosen((settings := config.read_anywhere()).run):
        code = command.run(settings, paths or [], profile, against, out, as_json=as_json, model=model)
    raise typer.Exit(code)
