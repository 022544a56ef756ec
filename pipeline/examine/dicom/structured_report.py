"""A structured report of a study (TID 1500): its answer, that of each view, and every region.

https://dicom.nema.org/medical/dicom/current/output/chtml/part16/chapter_A.html#sect_TID_1500
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    ImageRegion,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes

from pipeline.examine.dicom import head, outline
from pipeline.examine.dicom.view import Unnamed, View
from pipeline.files import dicom_out
from pipeline.predict import operating_points, studies
from pipeline.predict.bundle import Finding
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.regions import Region
from pipeline.predict.studies import Answer
from pipeline.validate.intake import REFUSED

SCHEME = "99FRACTURE"
_SCHEME_ITEM = CodingSchemeIdentificationItem(SCHEME, name="Decisions of fracture-pipeline")
_FRACTURE = CodedConcept("125605004", "SCT", "Fracture of bone")
_DECISION = CodedConcept("DECISION", SCHEME, "Decision of the algorithm")
_CERTAINTY = CodedConcept("CERTAINTY", SCHEME, "Certainty of the region")
_SURE = CodedConcept("SURE", SCHEME, "sure: reaches the high-specificity point")
_POSSIBLE = CodedConcept("POSSIBLE", SCHEME, "possible: reaches the high-sensitivity point")
_DECISIONS = {
    operating_points.NO_FINDING: "NOFINDING",
    operating_points.NEEDS_REVIEW: "REVIEW",
    operating_points.FRACTURE: "FRACTURE",
    operating_points.OUT_OF_SCOPE: "OUTOFSCOPE",
    REFUSED: "REFUSED",
}
_BASIS = {
    studies.OF_STUDIES: "calibrated on studies of several views",
    studies.OF_VIEW: "that of the highest view, not calibrated on studies",
}


def make(
    views: Sequence[View],
    unnamed: Sequence[Unnamed],
    answer: Answer | None,
    settings: RegionSettings,
    told: Mapping[str, str],
) -> Dataset:
    """Make the report of a study.

    Parameters
    ----------
    views
        All that can be referred to, those that were refused among them.
    unnamed
        Those that cannot: the answer of the study is theirs, too.
    answer
        Of the study; its ``view`` counts the answered views alone. None where all were refused.
    """
    algorithm = AlgorithmIdentification(
        head.model(told), head.version(told), [f"learnt from {told['learnt_from']}", head.DISCLAIMER]
    )
    groups: list[Any] = [_of_study(views, unnamed, answer, algorithm)] if answer else []
    for view in views:
        groups.append(_of_view(view, algorithm))
        if view.finding:
            groups += [
                _of_region(view, region, number, algorithm, is_sure=settings.is_sure(region))
                for number, region in enumerate(view.finding.regions, 1)
            ]
    content = MeasurementReport(_observed_by(told), codes.SCT.PlainRadiography, groups)
    content[0].ContentSequence.append(_comment(f"{head.DISCLAIMER} Model: {head.line(told)}"))
    made = ComprehensiveSR(
        [view.source.identity for view in views],
        content[0],
        is_complete=True,
        coding_schemes=[_SCHEME_ITEM],
        **head.arguments(head.REPORT, 1, views, told),
    )
    return head.finish(made, views)


def _observed_by(told: Mapping[str, str]) -> ObservationContext:
    device = DeviceObserverIdentifyingAttributes(
        head.uid("device", told["sha256"]),
        "fracture predict",
        dicom_out.MANUFACTURER,
        head.model(told),
        told["sha256"],
    )
    return ObservationContext(observer_device_context=ObserverContext(codes.DCM.Device, device))


def _of_study(
    views: Sequence[View], unnamed: Sequence[Unnamed], answer: Answer, algorithm: AlgorithmIdentification
) -> MeasurementsAndQualitativeEvaluations:
    every: list[View | Unnamed] = [*views, *unnamed]
    answered = sorted((view for view in every if view.finding), key=lambda view: view.number)
    decides = answered[answer.view]
    unseen = [view for view in views if _decision(view) in (operating_points.OUT_OF_SCOPE, REFUSED)]
    words = [f"{decides.title} decides; the probability is {_BASIS[answer.calibrated_on]}"]
    words += [f"{view.title} is not answered: {_decision(view)}" for view in unseen]
    words += [
        f"{view.title} has no object, as its header does not name it: {_decision(view)}" for view in unnamed
    ]
    return _group("study", views, "study", algorithm, answer.decision, answer.probability, ". ".join(words))


def _of_view(view: View, algorithm: AlgorithmIdentification) -> MeasurementsAndQualitativeEvaluations:
    finding = view.finding
    probability = None if finding is None else finding.probability
    words = _words(finding) if finding else f"refused: {view.reason}"
    return _group(view.title, [view], "view", algorithm, _decision(view), probability, words)


def _group(
    title: str,
    views: Sequence[View],
    kind: str,
    algorithm: AlgorithmIdentification,
    decision: str,
    probability: float | None,
    words: str,
) -> MeasurementsAndQualitativeEvaluations:
    group = MeasurementsAndQualitativeEvaluations(
        _tracking(title, views, kind),
        algorithm_id=algorithm,
        measurements=None if probability is None else [_probability(probability)],
        qualitative_evaluations=[
            QualitativeEvaluation(_DECISION, CodedConcept(_DECISIONS[decision], SCHEME, decision))
        ],
        source_images=[SourceImageForMeasurementGroup(*_image(view), view.source.frames) for view in views],
    )
    group[0].ContentSequence.append(_comment(words))
    return group


def _of_region(
    view: View, region: Region, number: int, algorithm: AlgorithmIdentification, *, is_sure: bool
) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    source = SourceImageForRegion(*_image(view), view.source.frames)
    return PlanarROIMeasurementsAndQualitativeEvaluations(
        _tracking(f"{view.title}, region {number}", [view], f"region {number}"),
        ImageRegion("POLYLINE", outline.closed(region), source),
        finding_type=_FRACTURE,
        algorithm_id=algorithm,
        measurements=[_probability(region.score)],
        qualitative_evaluations=[QualitativeEvaluation(_CERTAINTY, _SURE if is_sure else _POSSIBLE)],
    )


def _tracking(title: str, views: Sequence[View], kind: str) -> TrackingIdentifier:
    instances = sorted(view.source.identity.SOPInstanceUID for view in views)
    return TrackingIdentifier(head.uid("tracking", kind, *instances), title)


def _probability(value: float) -> Measurement:
    return Measurement(codes.DCM.Probability, round(value, 6), codes.UCUM.NoUnits)


def _comment(words: str) -> TextContentItem:
    return TextContentItem(codes.DCM.Comment, words, "CONTAINS")


def _image(view: View) -> tuple[Any, Any]:
    return view.source.identity.SOPClassUID, view.source.identity.SOPInstanceUID


def _decision(view: View | Unnamed) -> str:
    return view.finding.decision if view.finding else REFUSED


def _words(finding: Finding) -> str:
    words = [operating_points.in_words(finding.decision, len(finding.regions))]
    words += [f"body part: {finding.body_part}"] if finding.body_part else []
    words += [finding.scope.reason] if finding.scope and not finding.scope.in_scope else []
    return ". ".join(words)
