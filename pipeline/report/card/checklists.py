"""What two reporting guidelines ask for, in our own words, and which section of a model card answers it.

References
----------
Collins et al., TRIPOD+AI statement: updated guidance for reporting clinical prediction models that use
regression or machine learning methods, BMJ 385, 2024. https://doi.org/10.1136/bmj-2023-078378
Tejani et al., Checklist for artificial intelligence in medical imaging (CLAIM): 2024 update, Radiology:
Artificial Intelligence 6, 2024. https://doi.org/10.1148/ryai.240300
"""

from __future__ import annotations

from typing import NamedTuple

PURPOSE = "What it is, and is not"
DATA = "Data"
MAKING = "How it was made"
DECISIONS = "Calibration and decisions"
PERFORMANCE = "Performance"
SUBGROUPS = "Subgroups"
ROBUSTNESS = "Robustness"
BENEFIT = "Net benefit"
MAPS = "Where it looks"
LIMITS = "Limits"
YOURS = ""  # no run can know it


class Item(NamedTuple):
    """One item of a checklist, and the section that answers it."""

    number: str
    asks_for: str
    section: str


TRIPOD_AI = "TRIPOD+AI"
CLAIM = "CLAIM 2024"
DOI = {TRIPOD_AI: "10.1136/bmj-2023-078378", CLAIM: "10.1148/ryai.240300"}

ITEMS: dict[str, tuple[Item, ...]] = {
    TRIPOD_AI: (
        Item("1", "a title that names model, patients and outcome", YOURS),
        Item("2", "an abstract", YOURS),
        Item("3a", "the clinical context, and models that exist", YOURS),
        Item("3b", "for which patients, where in care, in whose hands", YOURS),
        Item("3c", "known inequalities between groups of people", YOURS),
        Item("4", "the objectives of the study", YOURS),
        Item("5a", "where the data come from, and whom they represent", YOURS),
        Item("5b", "when they were collected", YOURS),
        Item("6a", "the setting: which centres, how many", YOURS),
        Item("6b", "who was eligible", YOURS),
        Item("6c", "treatments before the radiograph", YOURS),
        Item("7", "preparation of the data, and checks of their quality", DATA),
        Item("8a", "what counts as a fracture, and how it was established", YOURS),
        Item("8b", "who read the radiographs for the reference standard", YOURS),
        Item("8c", "whether those readers were blinded", YOURS),
        Item("9a", "which inputs were considered", MAKING),
        Item("9b", "what the inputs are: how the radiographs were taken", YOURS),
        Item("9c", "who interpreted inputs, where that takes judgement", MAKING),
        Item("10", "why the study has its size", YOURS),
        Item("11", "what was missing or left out, and why", DATA),
        Item("12a", "how data were divided between development and evaluation", DATA),
        Item("12b", "how inputs were transformed", MAKING),
        Item("12c", "the kind of model and each step of building it", MAKING),
        Item("12d", "how differences between clusters were handled", SUBGROUPS),
        Item("12e", "the measures and plots of performance", PERFORMANCE),
        Item("12f", "recalibration and other updates", DECISIONS),
        Item("12g", "how predictions were calculated", DECISIONS),
        Item("13", "what was done about unequal classes", MAKING),
        Item("14", "what was done for fairness", YOURS),
        Item("15", "the output, and how its thresholds were found", DECISIONS),
        Item("16", "how evaluation differs from development in setting and patients", YOURS),
        Item("17", "ethics approval and consent", YOURS),
        Item("18a", "funding", YOURS),
        Item("18b", "conflicts of interest", YOURS),
        Item("18c", "the protocol", YOURS),
        Item("18d", "registration of the study", YOURS),
        Item("18e", "where the data can be had", YOURS),
        Item("18f", "where the code can be had", YOURS),
        Item("19", "the part that patients and the public had", YOURS),
        Item("20a", "the flow of radiographs, with and without a fracture", DATA),
        Item("20b", "who the patients were", YOURS),
        Item("20c", "how patients of development and evaluation compare", YOURS),
        Item("21", "numbers behind each analysis", DATA),
        Item("22", "all that is needed to predict for new patients", DECISIONS),
        Item("23a", "performance with intervals, and in subgroups", PERFORMANCE),
        Item("23b", "how performance differs between clusters", SUBGROUPS),
        Item("24", "results of updating the model elsewhere", YOURS),
        Item("25", "what the results mean, for fairness too", YOURS),
        Item("26", "limitations", LIMITS),
        Item("27a", "what to do with poor input", ROBUSTNESS),
        Item("27b", "what users must do, and must know", YOURS),
        Item("27c", "next steps", YOURS),
    ),
    CLAIM: (
        Item("1", "a title or abstract that names the technology", YOURS),
        Item("2", "a summary of design, methods, results and conclusions", YOURS),
        Item("3", "the background, and the role meant for the model", YOURS),
        Item("4", "aims and hypotheses", YOURS),
        Item("5", "prospective or retrospective", YOURS),
        Item("6", "the goal of the study", YOURS),
        Item("7", "the sources of the data", YOURS),
        Item("8", "who was included, who was not", YOURS),
        Item("9", "preprocessing", MAKING),
        Item("10", "how subsets of the data were chosen", DATA),
        Item("11", "how patients' identities were removed", YOURS),
        Item("12", "what was done about missing data", DATA),
        Item("13", "how the radiographs were taken", YOURS),
        Item("14", "how the reference standard was obtained", YOURS),
        Item("15", "why that reference standard", YOURS),
        Item("16", "who made the annotations", YOURS),
        Item("17", "how the test set was annotated", YOURS),
        Item("18", "how far readers agree, with others and with themselves", YOURS),
        Item("19", "how data were assigned to partitions", DATA),
        Item("20", "at which level partitions are disjoint", DATA),
        Item("21", "the intended sample size", YOURS),
        Item("22", "the model in detail", MAKING),
        Item("23", "software libraries", MAKING),
        Item("24", "initial weights", MAKING),
        Item("25", "the training", MAKING),
        Item("26", "how the final model was chosen", MAKING),
        Item("27", "ensembling", MAKING),
        Item("28", "the measures of performance", PERFORMANCE),
        Item("29", "significance and uncertainty", PERFORMANCE),
        Item("30", "robustness or sensitivity", ROBUSTNESS),
        Item("31", "explanations of the output", MAPS),
        Item("32", "evaluation on internal data", PERFORMANCE),
        Item("33", "testing on external data", YOURS),
        Item("34", "registration of a trial", YOURS),
        Item("35", "numbers included and excluded", DATA),
        Item("36", "who the patients of each partition were", YOURS),
        Item("37", "performance with its uncertainty", PERFORMANCE),
        Item("38", "diagnostic accuracy with its precision", DECISIONS),
        Item("39", "an analysis of failures", MAPS),
        Item("40", "limitations", LIMITS),
        Item("41", "what it means for practice", YOURS),
        Item("42", "where the protocol or more detail can be read", YOURS),
        Item("43", "where software, model and data can be had", YOURS),
        Item("44", "funding, and the part of the funders", YOURS),
    ),
}
