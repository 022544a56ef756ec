"""Small sources, each in its data set's own layout: radiographs of noise, 160 pixels wide and 200 high."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from pipeline.files import images
from tests.stages.test_validate import radiograph

WIDTH, HEIGHT = 160, 200
BOX = (40, 50, 30, 20)  # of every drawn fracture
SPLITS = ("train", "valid", "test")
VOC = (
    "<annotation><filename>{name}</filename><size><width>160</width><height>200</height><depth>1</depth></size>"
    "{objects}</annotation>"
)
OBJECT = (
    "<object><name>{name}</name><bndbox><xmin>40</xmin><ymin>50</ymin><xmax>70</xmax><ymax>70</ymax></bndbox>"
    "</object>"
)
YOLO = "0.34375 0.3 0.1875 0.1"
COLUMNS = (
    "hand", "leg", "hip", "shoulder", "mixed", "hardware", "multiscan", "fractured", "fracture_count",
    "frontal", "lateral", "oblique",
)  # fmt: skip


class Case(NamedTuple):
    """What an import of the source must give."""

    kind: str
    regions: int = 0
    split: str = "as published"
    patients: int = 0
    options: dict | None = None
    issues: frozenset = frozenset()
    of: str = ""  # the source itself, where it is a file


def cases(n: int = 4) -> Iterator[tuple[str, bool, int]]:
    """Split, label and seed of each radiograph: n of either class in each split."""
    for place, split in enumerate(SPLITS):
        for number in range(2 * n):
            yield split, number < n, 100 * place + number


def draw(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write(path, radiograph(seed))
    return path


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def table(path: Path, rows: Sequence[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def coco(path: Path, names: dict[str, bool], category: str = "fractured") -> None:
    shown = [{"id": n, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(names)]
    drawn = [
        {"id": n, "image_id": n, "category_id": 1, "bbox": list(BOX), "area": 600, "iscrowd": 0}
        for n, name in enumerate(names)
        if names[name]
    ]
    text(
        path, json.dumps({"images": shown, "annotations": drawn, "categories": [{"id": 1, "name": category}]})
    )


def fracatlas(root: Path) -> Case:
    top, rows, splits = root / "FracAtlas", [], {split: [] for split in SPLITS}
    for split, fractured, seed in cases():
        name = f"IMG{seed:07}.jpg"
        draw(top / "images" / ("Fractured" if fractured else "Non_fractured") / name, seed)
        flags = {"hand": 1, "fractured": int(fractured), "fracture_count": int(fractured), "frontal": 1}
        rows.append({"image_id": name} | dict.fromkeys(COLUMNS, 0) | flags)
        if fractured:
            splits[split].append({"image_id": name})
    table(top / "dataset.csv", rows)
    for split in SPLITS:
        table(top / f"Utilities/Fracture Split/{split}.csv", splits[split])
    drawn = {row["image_id"]: True for row in rows if row["fractured"]}
    coco(top / "Annotations/COCO JSON/COCO_fracture_masks.json", drawn)
    split = "as published; 12 radiographs without a split in like shares, by file"
    return Case("fracatlas", 12, split)


def grazpedwri(root: Path) -> Case:
    rows = []
    for _, fractured, seed in cases(6):
        stem = f"{seed:04}_0123456789_01_WRI-L1_M010"
        path = root / f"images_part{1 + seed % 2}/{stem}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", radiograph(seed).astype(np.uint16) * 257)[1].tobytes())
        rows.append(
            {"filestem": stem, "patient_id": seed // 2, "study_number": 1, "timehash": seed, "gender": "M",
             "age": 9.5, "laterality": "L", "projection": 1, "initial_exam": 1.0, "ao_classification": "",
             "cast": "", "diagnosis_uncertain": "", "osteopenia": "", "metal": "",
             "fracture_visible": "1.0" if fractured else "", "pixel_spacing": 0.144,
             "device_manufacturer": "Siemens"}
        )  # fmt: skip
        objects = OBJECT.format(name="text") + (OBJECT.format(name="fracture") if fractured else "")
        text(root / f"folder_structure/pascalvoc/{stem}.xml", VOC.format(name=f"{stem}.png", objects=objects))
    table(root / "dataset.csv", rows)
    shares = "made by patient: train 70%, val 15%, test 15%"
    return Case("grazpedwri", 18, shares, 18, issues=frozenset({"windowed"}))


def mura(root: Path) -> Case:
    top = root / "MURA-v1.1"
    listed: dict[str, list[str]] = {"train": [], "valid": []}
    for split, fractured, seed in cases(5):
        place = "valid" if split == "valid" else "train"
        label = "positive" if fractured else "negative"
        study = f"{place}/XR_WRIST/patient{seed:05}/study1_{label}"
        draw(top / study / "image1.png", seed)
        listed[place].append(f"MURA-v1.1/{study}/")
    for place, studies in listed.items():
        text(top / f"{place}_image_paths.csv", "".join(f"{study}image1.png\n" for study in studies))
        rows = (f"{study},{int('positive' in study)}\n" for study in studies)
        text(top / f"{place}_labeled_studies.csv", "".join(rows))
    return Case("mura", split="as published, test taken from train by patient (15%)", patients=30)


def yolo(root: Path) -> Case:
    names = "names: ['elbow', 'fracture']\nnc: 2\n"
    text(root / "data.yaml", "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n" + names)
    for split, fractured, seed in cases():
        draw(root / f"{split}/images/{seed}.jpg", seed)
        text(root / f"{split}/labels/{seed}.txt", f"1 {YOLO}\n0 {YOLO}\n" if fractured else f"0 {YOLO}\n")
    return Case("yolo", 12)


def voc(root: Path) -> Case:
    sets = {split: [] for split in SPLITS}
    for split, fractured, seed in cases():
        draw(root / f"JPEGImages/{seed}.jpg", seed)
        objects = OBJECT.format(name="fracture" if fractured else "metal")
        text(root / f"Annotations/{seed}.xml", VOC.format(name=f"{seed}.jpg", objects=objects))
        sets[split].append(f"{seed}\n")
    for split, rows in sets.items():
        text(root / f"ImageSets/Main/{split.removesuffix('id')}.txt", "".join(rows))
    return Case("voc", 12)


def coco_export(root: Path) -> Case:
    for split in SPLITS:
        names = {f"{seed}.png": fractured for place, fractured, seed in cases() if place == split}
        for name in names:
            draw(root / split / name, int(name.removesuffix(".png")))
        coco(root / split / "_annotations.coco.json", names)
    return Case("coco", 12)


def cvat(root: Path) -> Case:
    shown = []
    for split, fractured, seed in cases():
        draw(root / f"images/{seed}.png", seed)
        box = '<box label="fracture" xtl="40" ytl="50" xbr="70" ybr="70" occluded="0" z_order="0"></box>'
        subset = {"valid": "Validation"}.get(split, split.title())
        attributes = f'id="{seed}" name="{seed}.png" subset="{subset}" width="160" height="200"'
        shown.append(f"<image {attributes}>{box if fractured else ''}</image>")
    labels = "<label><name>fracture</name></label><label><name>metal</name></label>"
    meta = f"<version>1.1</version><meta><project><labels>{labels}</labels></project></meta>"
    text(root / "annotations.xml", f"<?xml version='1.0'?><annotations>{meta}{''.join(shown)}</annotations>")
    return Case("cvat", 12)


def csv_table(root: Path) -> Case:
    rows = [
        {"file": draw(root / f"pictures/{seed}.png", seed).relative_to(root).as_posix(), "label": label,
         "split": split, "PatientID": f"p{seed}", "view": "frontal"}
        for split, fractured, seed in cases()
        if (label := "yes" if fractured else "no")
    ]  # fmt: skip
    table(root / "list.csv", rows)
    return Case("csv", patients=24, of="list.csv")


def folders(root: Path) -> Case:
    for split, fractured, seed in cases():
        draw(root / split / ("broken" if fractured else "intact bone") / f"{seed}.jpg", seed)
    return Case("folders", options={"fractured": ("Broken",), "not_fractured": ("intact_bone",)})


def dicom(root: Path) -> Case:
    for _, fractured, seed in cases(6):
        place = root / ("fracture" if fractured else "normal") / f"DOE^JOHN{seed // 2}"
        place.mkdir(parents=True, exist_ok=True)
        write_dicom(place / f"IM{seed}", seed, patient=f"PAT-{seed // 2}")
    return Case(
        "dicom",
        split="made by patient: train 70%, val 15%, test 15%",
        patients=18,
        issues=frozenset({"windowed"}),
    )


def write_dicom(path: Path, seed: int, patient: str, **values: str) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = (
        ComputedRadiographyImageStorage,
        ExplicitVRLittleEndian,
    )
    meta.MediaStorageSOPInstanceUID = f"1.2.3.{seed}"
    shown = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    shown.update(
        pydicom.Dataset.from_json(
            {"00080060": {"vr": "CS", "Value": ["CR"]}, "00100020": {"vr": "LO", "Value": [patient]}}
        )
    )
    shown.SOPClassUID, shown.SOPInstanceUID = ComputedRadiographyImageStorage, meta.MediaStorageSOPInstanceUID
    shown.StudyInstanceUID, shown.BodyPartExamined, shown.PatientAge = f"1.2.4.{seed}", "WRIST", "045Y"
    shown.Rows, shown.Columns, shown.SamplesPerPixel = HEIGHT, WIDTH, 1
    shown.BitsAllocated = shown.BitsStored = 8
    shown.HighBit, shown.PixelRepresentation, shown.PhotometricInterpretation = 7, 0, "MONOCHROME2"
    for keyword, value in values.items():
        setattr(shown, keyword, value)
    shown.PixelData = radiograph(seed).tobytes()
    shown.save_as(path, enforce_file_format=True)


MAKERS = (fracatlas, grazpedwri, mura, yolo, voc, coco_export, cvat, csv_table, folders, dicom)
