"""The settings: ``params.yaml`` read once into frozen, checked sections."""

from pipeline.config.places import Run, Track
from pipeline.config.services import Node, Serve
from pipeline.config.settings import PARAMS_FILE, Config, ConfigError, in_repository, read, read_anywhere
from pipeline.config.stages import (
    Augment,
    Evaluate,
    Phantoms,
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
    "Evaluate",
    "Node",
    "Phantoms",
    "Preprocess",
    "Promote",
    "RegionMaps",
    "Run",
    "Serve",
    "Track",
    "Train",
    "Validate",
    "in_repository",
    "read",
    "read_anywhere",
]
