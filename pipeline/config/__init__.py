"""The settings: ``params.yaml`` read once into frozen, checked sections."""

from pipeline.config.kinds import Section
from pipeline.config.places import Data, Paths, Run, Track
from pipeline.config.services import Feedback, Node, Serve
from pipeline.config.settings import PARAMS_FILE, Config, ConfigError, in_repository, read, read_anywhere
from pipeline.config.stages import (
    Augment,
    Drift,
    Evaluate,
    Phantoms,
    Predict,
    Preprocess,
    Promote,
    RegionMaps,
    Train,
    Validate,
)

__all__ = [
    "PARAMS_FILE",
    "Augment",
    "Config",
    "ConfigError",
    "Data",
    "Drift",
    "Evaluate",
    "Feedback",
    "Node",
    "Paths",
    "Phantoms",
    "Predict",
    "Preprocess",
    "Promote",
    "RegionMaps",
    "Run",
    "Section",
    "Serve",
    "Track",
    "Train",
    "Validate",
    "in_repository",
    "read",
    "read_anywhere",
]
